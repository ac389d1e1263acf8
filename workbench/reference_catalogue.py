"""The reference catalogue of the simulated sky, in shards as Rubin's are."""

from collections.abc import Iterator

import astropy.units as u
import numpy as np
from astropy.table import Table
from attrs import frozen
from lsst.sphgeom import HtmPixelization, LonLat, UnitVector3d

from simulator.world.sky import Stars

__all__ = ["HTM_LEVEL", "Shard", "reference_shards"]

HTM_LEVEL = 7
_RELATIVE_ERROR = 0.005  # of fluxes, as catalogues state it


@frozen(kw_only=True, eq=False)
class Shard:
    """The stars of one triangle of the sky."""

    htm7: int
    stars: Table
    """``id``, ``ra`` and ``dec`` (degrees ICRS), and ``{band}_flux``, ``{band}_flux_err`` (nJy)."""


def reference_shards(stars: Stars) -> Iterator[Shard]:
    """Sort stars into triangles of the hierarchical triangular mesh, level 7."""
    table = Table({"id": stars.number, "ra": stars.ra * u.deg, "dec": stars.dec * u.deg})
    for band, flux in stars.flux.items():
        table[f"{band}_flux"] = flux * u.nJy
        table[f"{band}_flux_err"] = _RELATIVE_ERROR * flux * u.nJy
    mesh = HtmPixelization(HTM_LEVEL)
    points = zip(stars.ra.tolist(), stars.dec.tolist(), strict=True)
    triangles = np.array([mesh.index(UnitVector3d(LonLat.fromDegrees(ra, dec))) for ra, dec in points])
    for triangle in np.unique(triangles):
        yield Shard(htm7=int(triangle), stars=table[triangles == triangle])
