"""How much of what was put into the simulated sky was found, and what else was."""

import numpy as np
from astropy.table import Table
from attrs import frozen
from scipy.spatial import KDTree

from simulator.world.arrays import Floats
from workbench.night.true_kinds import RADIUS

__all__ = ["Recovery", "measure_recovery"]


@frozen(kw_only=True)
class Recovery:
    """Injected sources against DiaSources; each source counts once for each exposure."""

    limit: float
    """Signal to noise from which an injected change should be found."""
    injected: int
    """Changes at or above the limit on images that were differenced."""
    recovered: int
    """Those among them with a DiaSource."""
    images: int
    """Exposures times detectors that were differenced."""
    false: int
    """DiaSources on them where nothing changes, however faint."""

    @property
    def false_per_image(self) -> float:
        """False detections for each detector of each exposure; 0 without images."""
        return self.false / self.images if self.images else 0.0


def measure_recovery(
    truth: Table, sources: Table, differenced: set[tuple[int, int]], *, limit: float
) -> Recovery:
    """Compare DiaSources with the truth, image by image.

    Parameters
    ----------
    truth
        Columns as in `simulator.world.truth.truth_of`.
    sources
        Columns as in `workbench.night.apdb.source_table`.
    differenced
        Exposure and detector of each difference image.
    limit
        Signal to noise from which an injected change should be found.
    """
    injected = recovered = false = 0
    for exposure, detector in differenced:
        changes = truth[
            (truth["exposure"] == exposure) & (truth["detector"] == detector) & (truth["kind"] != "star")
        ]
        found = sources[(sources["visit"] == exposure) & (sources["detector"] == detector)]
        wanted = changes[np.abs(changes["signal_to_noise"]) >= limit]
        injected += len(wanted)
        recovered += int(_near(_places(wanted), _places(found)).sum())
        false += int((~_near(_places(found), _places(changes))).sum())
    return Recovery(limit=limit, injected=injected, recovered=recovered, images=len(differenced), false=false)


def _places(table: Table) -> Floats:
    return np.column_stack([np.asarray(table["x"], dtype=float), np.asarray(table["y"], dtype=float)])


def _near(places: Floats, others: Floats) -> np.ndarray:
    """Say for each place whether one of the others is close by."""
    if not len(places) or not len(others):
        return np.zeros(len(places), dtype=bool)
    return np.asarray(KDTree(others).query(places)[0] <= RADIUS)
