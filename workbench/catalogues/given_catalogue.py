"""A reference catalogue that is given for a night: of a repository or files, as far as it is needed."""

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
from astropy.table import Table, vstack
from attrs import evolve
from lsst.sphgeom import Angle, Circle, HtmPixelization, LonLat, UnitVector3d

from domain.cameras.camera import Camera
from domain.cameras.field_angles import NoGeometryError
from domain.cameras.focal_plane import corners_on_sky
from domain.sky.catalogue_columns import CatalogueColumns, CatalogueError
from prompt_pipelines.tangent_plane import TangentPlane
from simulator.summit.night import NightPlan
from workbench.catalogues.reference_catalogue import shards_of
from workbench.catalogues.stored_catalogues import Told, read_catalogue, stored_stars
from workbench.repository import HTM_LEVEL

__all__ = ["is_repository", "night_catalogue", "placed_by_catalogue"]

_MARGIN = 0.1  # degrees
_UNKNOWN_FIELD = 1.0  # degrees; of a camera without geometry


def is_repository(place: str) -> bool:
    """Tell whether a place is a Butler repository, and no file or folder of a catalogue."""
    return "://" in place or (Path(place) / "butler.yaml").is_file() or Path(place).name == "butler.yaml"


def night_catalogue(
    plan: NightPlan, places: Sequence[str], columns: CatalogueColumns | None, told: Told
) -> Table:
    """Read the stars around where a night's visits look.

    Parameters
    ----------
    plan
        The night.
    places
        Repositories; or files and folders.
    columns
        Of the files.
    told
        Is told how far reading is.

    Raises
    ------
    CatalogueError
        Raised if they cannot be read, or hold no star there.
    """
    triangles = _triangles(plan)
    repositories = [place for place in places if is_repository(place)]
    files = [Path(place) for place in places if not is_repository(place)]
    tables = [stored_stars(place, triangles) for place in repositories]
    if files:
        if columns is None:
            raise CatalogueError(f"{files[0]}: it has to be said what its columns are called")
        stars = read_catalogue(files, columns, told)[0]
        here = [shard.stars for shard in shards_of(stars) if triangles is None or shard.htm7 in triangles]
        if not here:
            raise CatalogueError(f"{', '.join(map(str, files))}: no star where the night's visits look")
        tables.extend(here)
    return vstack(tables, metadata_conflicts="silent")


def placed_by_catalogue(plan: NightPlan, catalogue: Table) -> NightPlan:
    """Let visits without a pointing look amid the catalogue, if fields are recognized by their stars."""
    if not plan.camera.pointing_error:
        return plan
    amid = TangentPlane.amid(np.asarray(catalogue["ra"]), np.asarray(catalogue["dec"]))
    visits = tuple(
        evolve(visit, ra=amid.ra, dec=amid.dec) if visit.ra is None or visit.dec is None else visit
        for visit in plan.visits
    )
    return evolve(plan, visits=visits)


def _triangles(plan: NightPlan) -> Collection[int] | None:
    """Find the triangles that visits may see; None if no visit says where it looks."""
    mesh, reach = (
        HtmPixelization(HTM_LEVEL),
        _field_radius(plan.camera) + plan.camera.pointing_error + _MARGIN,
    )
    found: set[int] = set()
    places = {(visit.ra, visit.dec) for visit in plan.visits}
    for ra, dec in places:
        if ra is not None and dec is not None:
            around = Circle(UnitVector3d(LonLat.fromDegrees(ra, dec)), Angle.fromDegrees(reach))
            for begin, end in mesh.envelope(around):
                found.update(range(begin, end))
    return found or None


def _field_radius(camera: Camera) -> float:
    try:
        ra, dec = np.moveaxis(corners_on_sky(camera, 180.0, 0.0, 0.0), -1, 0)
    except NoGeometryError:
        return _UNKNOWN_FIELD
    return float(np.max(np.hypot(ra - 180.0, dec)))
