"""What is true of the raws of a simulated night, as a table."""

from collections.abc import Sequence

import astropy.units as u
import numpy as np
from astropy.table import Table, vstack

from domain.raws.exposure import Exposure
from simulator.world.frames import Frame
from simulator.world.sky import Kind

__all__ = ["join_truth", "truth_of"]


def truth_of(exposure: Exposure, frame: Frame) -> Table:
    """List the sources on one detector in one exposure.

    Returns
    -------
    truth
        One row a source: ``group``, ``snap``, ``exposure``, ``detector``;
        ``number`` (the same in all exposures), ``kind`` (``star``,
        ``variable``, ``transient``, ``mover``), ``ra`` and ``dec`` (degrees
        ICRS), ``x`` and ``y`` (pixels of the trimmed frame, from 0), ``flux``
        and ``change`` (nJy, the latter against the templates), and
        ``signal_to_noise`` of the change at the photon and readout noise.
    """
    truth = frame.sources
    sources = truth.sources
    names = np.array([kind.name.lower() for kind in Kind])
    count = sources.number.size
    return Table(
        {
            "group": np.full(count, exposure.group),
            "snap": np.full(count, exposure.snap),
            "exposure": np.full(count, exposure.exposure),
            "detector": np.full(count, exposure.detector),
            "number": sources.number,
            "kind": names[sources.kind],
            "ra": sources.ra * u.deg,
            "dec": sources.dec * u.deg,
            "x": truth.x * u.pix,
            "y": truth.y * u.pix,
            "flux": sources.flux * u.nJy,
            "change": (sources.flux - sources.quiet) * u.nJy,
            "signal_to_noise": truth.signal_to_noise,
        }
    )


def join_truth(tables: Sequence[Table]) -> Table:
    """Put tables of `truth_of` together; no tables make an empty one."""
    return vstack(list(tables), metadata_conflicts="silent") if tables else Table()
