"""Reference catalogues in shards, as Rubin's are."""

from collections.abc import Iterator

import astropy.units as u
import numpy as np
from astropy.table import Table
from attrs import frozen
from lsst.sphgeom import HtmPixelization, LonLat, UnitVector3d

from simulator.world.sky import Stars
from workbench.repository import HTM_LEVEL

__all__ = ["Shard", "reference_shards", "shards_of"]

_RELATIVE_ERROR = 0.005  # of fluxes, as catalogues state it


@frozen(kw_only=True, eq=False)
class Shard:
    """The stars of one triangle of the sky."""

    htm7: int
    stars: Table
    """``id``, ``ra`` and ``dec`` (degrees ICRS), and ``{band}_flux``, ``{band}_flux_err`` (nJy)."""


def reference_shards(stars: Stars) -> Iterator[Shard]:
    """Sort simulated stars into triangles of the hierarchical triangular mesh, level 7."""
    table = Table({"id": stars.number, "ra": stars.ra * u.deg, "dec": stars.dec * u.deg})
    for band, flux in stars.flux.items():
        table[f"{band}_flux"] = flux * u.nJy
        table[f"{band}_flux_err"] = _RELATIVE_ERROR * flux * u.nJy
    yield from shards_of(table)


def shards_of(stars: Table) -> Iterator[Shard]:
    """Sort a table of stars, with ``ra`` and ``dec`` in degrees, into the same triangles."""
    mesh = HtmPixelization(HTM_LEVEL)
    points = zip(np.asarray(stars["ra"]).tolist(), np.asarray(stars["dec"]).tolist(), strict=True)
    triangles = np.array([mesh.index(UnitVector3d(LonLat.fromDegrees(ra, dec))) for ra, dec in points])
    order = np.argsort(triangles, kind="stable")
    for part in np.split(order, np.flatnonzero(np.diff(triangles[order])) + 1):
        if len(part):
            yield Shard(htm7=int(triangles[part[0]]), stars=stars[part])
