"""A reference catalogue of what a camera's own images show, where nobody has given another."""

import datetime
from collections.abc import Sequence
from typing import Any, Final, cast

import astropy.units as u
import numpy as np
from astropy.table import Table, vstack
from attrs import define, field, frozen
from lsst.daf.butler import Butler, DatasetRef
from lsst.images import MaskedImage
from lsst.sphgeom import HtmPixelization, LonLat, UnitVector3d

from domain.sky.catalogue_columns import CatalogueError
from prompt_pipelines.arrays import Floats
from prompt_pipelines.calibration import calibrated_projection
from prompt_pipelines.errors import PromptPipelinesError
from prompt_pipelines.positions import image_region, pixel_positions, sky_positions
from prompt_pipelines.sky_matching import match_one_to_one
from prompt_pipelines.tasks.calibrate_visit import CalibrateVisitTask
from simulator.errors import SimulatorError
from workbench.catalogues.reference_catalogue import shards_of
from workbench.catalogues.stored_catalogues import Added, add_catalogue, stored_stars
from workbench.coadds.frames import beside, images_of
from workbench.masters.found_masters import reference_stars
from workbench.pace import Pace
from workbench.reduction.single_exposures import default_task

__all__ = ["Surveyed", "add_own_stars"]

NAME: Final = "own"
"""Of the catalogue."""
_FINEST: Final = HtmPixelization(20)  # a triangle of a third of an arcsecond
_BRIGHT: Final = 10.0  # signal to noise of a star
_FEWEST: Final = 3  # stars of an image
_SAME: Final = 2.0  # arcseconds within which a source is a star that is known


@frozen(kw_only=True)
class Surveyed:
    """What the images gave."""

    added: Added
    new: int
    """Stars that were not known."""
    left: dict[str, str]
    """Images without a part in it, and why."""


@define
class _Stars:
    """Stars that are known in one band, those of the repository and new ones."""

    band: str
    new: list[Table] = field(factory=list)

    def near(self, stored: Table | None, image: MaskedImage) -> Table:
        """List those that may be on an image."""
        parts = [*self.new]
        name = f"{self.band}_flux"
        if stored is not None and name in stored.colnames:
            parts.append(stored)
        if not parts:
            return _table(np.zeros(0), np.zeros(0), np.zeros(0), self.band)
        stars = vstack(parts, metadata_conflicts="silent")
        projection = cast(Any, image.sky_projection)
        circle = image_region(projection, image.bbox).getBoundingCircle()
        centre = circle.getCenter()
        ra, dec = (np.radians(np.asarray(stars[axis], dtype=float)) for axis in ("ra", "dec"))
        cosine = np.cos(dec) * np.cos(ra) * centre.x() + np.cos(dec) * np.sin(ra) * centre.y()
        cosine += np.sin(dec) * centre.z()
        flux = np.ma.filled(np.ma.asarray(stars[name]).astype(float), np.nan)
        return stars[(cosine > np.cos(circle.getOpeningAngle().asRadians())) & (flux > 0)]


def add_own_stars(root: str, butler: Butler, instrument: str, pace: Pace) -> Surveyed:
    """Add the stars of images where the reference catalogue has none of their band.

    In each band the deepest image of a part of the sky comes first: its header says where its stars
    are, and one of its electrons counts as one nanojansky. Others are calibrated by its stars, and
    add what lies around them. So positions and fluxes agree among themselves, and are those of no
    other catalogue.

    Raises
    ------
    SimulatorError
        Raised if no image adds a star.
    """
    left: dict[str, str] = {}
    by_band: dict[str, _Stars] = {}
    for ref in pace.over("images looked at", _deepest_first(butler, images_of(butler, instrument))):
        stars = by_band.setdefault(str(ref.dataId["band"]), _Stars(str(ref.dataId["band"])))
        try:
            _survey(butler, instrument, ref, stars)
        except PromptPipelinesError as error:
            left[f"{ref.dataId['visit']}/{ref.dataId['detector']}"] = str(error)
    new = [table for stars in by_band.values() for table in stars.new if len(table)]
    if not new:
        raise SimulatorError(
            f"no image of {instrument} shows a star that the reference catalogue lacks"
            f"{': ' if left else ''}{'; '.join(dict.fromkeys(left.values()))}"
        )
    table = vstack(new, metadata_conflicts="silent")
    with pace.unbroken():
        together = _beside_others(root, table)
        added = add_catalogue(root, NAME, together, datetime.datetime.now(datetime.UTC))
    return Surveyed(added=added, new=len(table), left=left)


def _deepest_first(butler: Butler, refs: Sequence[DatasetRef]) -> list[DatasetRef]:
    """Order images by how many sources they show: sky, seeing, clouds and time together."""
    found = []
    for ref in refs:
        sources = beside(butler, ref, "single_visit_sources")
        if sources is not None:
            found.append((-int(np.count_nonzero(_is_star(butler.get(sources)))), ref.dataId["visit"], ref))
    return [ref for _, _, ref in sorted(found, key=lambda one: one[:2])]


def _survey(butler: Butler, instrument: str, ref: DatasetRef, stars: _Stars) -> None:
    image = butler.get(ref)
    sources = butler.get(cast(DatasetRef, beside(butler, ref, "single_visit_sources")))
    good = sources[_is_star(sources)]
    if image.sky_projection is None or len(good) < _FEWEST:
        return
    known = stars.near(reference_stars(butler, instrument, image), image)
    projection, scale = image.sky_projection, 1.0
    # Those beside the image, as a neighbouring detector has them, calibrate nothing.
    if _count_on(known, image) >= _FEWEST:
        task = default_task(CalibrateVisitTask)
        calibration = task.run(image, sources, known, stars.band).visit_calibration
        projection = calibrated_projection(projection, calibration)
        scale = float(calibration["nanojansky_per_electron"])
    ra, dec = sky_positions(projection, np.asarray(good["x"], float), np.asarray(good["y"], float))
    others = (np.asarray(known["ra"], dtype=float), np.asarray(known["dec"], dtype=float))
    unknown = np.ones(len(good), dtype=bool)
    if len(known):
        unknown[match_one_to_one((ra, dec), others, _SAME).first] = False
    flux = scale * np.asarray(good["flux"], dtype=float)
    stars.new.append(_table(ra[unknown], dec[unknown], flux[unknown], stars.band))


def _count_on(stars: Table, image: MaskedImage) -> int:
    box = image.bbox
    ra, dec = (np.asarray(stars[axis], dtype=float) for axis in ("ra", "dec"))
    x, y = pixel_positions(cast(Any, image.sky_projection), ra, dec)
    on_x = (x > box.x.min - 0.5) & (x < box.x.max + 0.5)
    on_y = (y > box.y.min - 0.5) & (y < box.y.max + 0.5)
    return int(np.count_nonzero(on_x & on_y))


def _is_star(sources: Table) -> np.ndarray:
    good = np.asarray(sources["flux"]) > _BRIGHT * np.asarray(sources["flux_err"])
    for name in ("flag_edge", "flag_masked", "flag_saturated"):
        good &= ~np.asarray(sources[name])
    return np.asarray(good & np.isfinite(sources["ra"]))


def _table(ra: Floats, dec: Floats, flux: Floats, band: str) -> Table:
    """Make stars of positions, which give them their ids."""
    ids = [
        _FINEST.index(UnitVector3d(LonLat.fromDegrees(*place)))
        for place in zip(ra.tolist(), dec.tolist(), strict=True)
    ]
    return Table(
        {
            "id": np.array(ids, dtype=np.int64),
            "ra": ra * u.deg,
            "dec": dec * u.deg,
            f"{band}_flux": flux * u.nJy,
        }
    )


def _beside_others(root: str, new: Table) -> Table:
    """Put new stars together with those that are known in the same triangles, which they will hide."""
    triangles = {shard.htm7 for shard in shards_of(new)}
    try:
        known = stored_stars(root, triangles)
    except CatalogueError:
        return new
    return vstack([new, known], metadata_conflicts="silent")
