"""Frames of earlier nights that may have a part in templates, with what is known of their quality."""

import functools
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import numpy as np
from astropy.table import Table
from attrs import define, field, frozen
from lsst.daf.butler import Butler, DataCoordinate, DatasetRef, MissingDatasetTypeError
from lsst.images import Box, SkyProjection

from prompt_pipelines.arrays import Floats
from prompt_pipelines.calibration import calibrated_projection
from prompt_pipelines.errors import PromptPipelinesError, UnusableImageError
from prompt_pipelines.positions import pixel_scale
from prompt_pipelines.psf import PsfModel
from prompt_pipelines.tasks.calibrate_visit import CalibrateVisitTask
from workbench.masters.found_masters import reference_stars
from workbench.pace import Pace
from workbench.reduction.single_exposures import default_task

__all__ = ["AB_ZERO", "Found", "Frame", "beside", "find_frames", "images_of", "magnitude"]

_log = logging.getLogger(__name__)

IMAGE: Final = "preliminary_visit_image"
AB_ZERO: Final = 31.4
"""Magnitude of 1 nJy."""
_FAINT: Final = 20.0
"""Percentile of sources' errors that is taken for a faint source's: brighter ones have noise of their own."""
_FEWEST_SOURCES: Final = 5


def magnitude(noise: float) -> float:
    """Turn the noise of a faint source (nJy) into the magnitude at five times as much."""
    return AB_ZERO - 2.5 * float(np.log10(5.0 * noise))


@frozen(kw_only=True, eq=False)
class Frame:
    """One detector's image of a visit, calibrated."""

    visit: int
    detector: int
    band: str
    night: int
    """Day_obs, ``YYYYMMDD``."""
    ref: DatasetRef = field(repr=False)
    projection: SkyProjection[Any] = field(repr=False)
    """Corrected by stars."""
    box: Box
    scale: float
    """nJy per electron."""
    seeing: float
    """Full width at half maximum, arcseconds."""
    noise: float
    """Of a faint point source, nJy."""

    @property
    def name(self) -> str:
        """Visit and detector."""
        return f"{self.visit}/{self.detector}"

    def grid(self, step: float) -> tuple[Floats, Floats]:
        """Return right ascension and declination (degrees) of places all over it, its edges included.

        Parameters
        ----------
        step
            Arcseconds between them, at most.
        """
        pixels = max(step / pixel_scale(self.projection, self.box), 1.0)
        x, y = (
            np.linspace(side.start - 0.5, side.stop - 0.5, max(2, int(np.ceil(side.size / pixels)) + 1))
            for side in (self.box.x, self.box.y)
        )
        columns, rows = (values.ravel() for values in np.meshgrid(x, y))
        sky = self.projection.pixel_to_sky(x=columns, y=rows)
        return np.asarray(sky.ra.deg), np.asarray(sky.dec.deg)


@define
class Found:
    """What there is for templates."""

    frames: list[Frame] = field(factory=list)
    left: dict[str, list[str]] = field(factory=dict)
    """Frames of no use, by the reason."""

    def leave(self, name: str, reason: str) -> None:
        """Leave out a frame."""
        self.left.setdefault(reason, []).append(name)
        _log.info("%s has no part in templates: %s", name, reason)


def find_frames(
    butler: Butler,
    instrument: str,
    *,
    filters: Sequence[str] = (),
    nights: tuple[int | None, int | None] = (None, None),
    without_newest: bool = False,
    pace: Pace,
) -> Found:
    """Find the images of an instrument's nights, calibrated by their stars.

    One that was not calibrated when it was processed is by the repository's reference catalogue now.

    Parameters
    ----------
    butler
        The repository.
    instrument
        Whose.
    filters
        Of these physical filters or bands alone, if any are named.
    nights
        First and last day_obs, included; None is unbounded.
    without_newest
        Leave out the newest of these nights.
    pace
        Told each image.
    """
    refs = images_of(butler, instrument, filters, nights)
    if without_newest and refs:
        newest = max(_night(ref) for ref in refs)
        refs = [ref for ref in refs if _night(ref) < newest]
    found = Found()
    for ref in pace.over("frames looked at", refs):
        name = f"{ref.dataId['visit']}/{ref.dataId['detector']}"
        try:
            found.frames.append(_frame(butler, instrument, ref))
        except PromptPipelinesError as error:
            found.leave(name, str(error))
        # A file that is gone or damaged is this frame's own trouble.
        except (OSError, ValueError, LookupError) as error:
            found.leave(name, f"{type(error).__name__}: {' '.join(str(error).split())}")
    return found


def images_of(
    butler: Butler,
    instrument: str,
    filters: Sequence[str] = (),
    nights: tuple[int | None, int | None] = (None, None),
) -> list[DatasetRef]:
    """List the latest image of each visit and detector; one that was calibrated comes before others."""
    try:
        refs = butler.registry.queryDatasets(
            IMAGE, collections=..., instrument=instrument, findFirst=False
        ).expanded()
        every = list(refs)
    except MissingDatasetTypeError:
        return []
    first, last = (nights[0] or 0, nights[1] or 99999999)
    latest: dict[DataCoordinate, tuple[tuple[bool, str], DatasetRef]] = {}
    for ref in set(every):
        names = {str(ref.dataId["physical_filter"]), str(ref.dataId["band"])}
        if not first <= _night(ref) <= last or (filters and not names & set(filters)):
            continue
        rank = (beside(butler, ref, "visit_calibration") is not None, ref.run)
        if ref.dataId not in latest or rank > latest[ref.dataId][0]:
            latest[ref.dataId] = rank, ref
    return sorted(
        (ref for _, ref in latest.values()), key=lambda ref: (ref.dataId["visit"], ref.dataId["detector"])
    )


def _night(ref: DatasetRef) -> int:
    return int(ref.dataId["day_obs"])


def beside(butler: Butler, ref: DatasetRef, name: str) -> DatasetRef | None:
    """Find what the same run made of the same visit and detector."""
    try:
        return butler.find_dataset(name, ref.dataId, collections=ref.run)
    except MissingDatasetTypeError:
        return None


def _frame(butler: Butler, instrument: str, ref: DatasetRef) -> Frame:
    psf_ref, sources_ref = (
        beside(butler, ref, name) for name in ("preliminary_visit_psf", "single_visit_sources")
    )
    if psf_ref is None or sources_ref is None:
        raise UnusableImageError("its PSF or sources are not kept")
    sources = butler.get(sources_ref)
    if len(sources) < _FEWEST_SOURCES:
        raise UnusableImageError(f"it shows fewer than {_FEWEST_SOURCES} sources")
    projection = butler.get(ref.makeComponentRef("sky_projection"))
    if projection is None:
        raise UnusableImageError("it has no place on the sky")
    calibration = _calibration(butler, instrument, ref, sources)
    scale = float(calibration["nanojansky_per_electron"])
    projection = calibrated_projection(projection, calibration)
    box = butler.get(ref.makeComponentRef("bbox"))
    errors = np.asarray(sources["flux_err"], dtype=float)
    return Frame(
        visit=int(ref.dataId["visit"]),
        detector=int(ref.dataId["detector"]),
        band=str(ref.dataId["band"]),
        night=_night(ref),
        ref=ref,
        projection=projection,
        box=box,
        scale=scale,
        seeing=PsfModel(butler.get(psf_ref).array, 0).fwhm * pixel_scale(projection, box),
        noise=scale * float(np.percentile(errors[np.isfinite(errors)], _FAINT)),
    )


def _calibration(butler: Butler, instrument: str, ref: DatasetRef, sources: Table) -> Mapping[str, Any]:
    known = beside(butler, ref, "visit_calibration")
    if known is not None:
        return cast(Mapping[str, Any], butler.get(known))
    image = butler.get(ref)
    stars = reference_stars(butler, instrument, image)
    if stars is None:
        raise UnusableImageError(
            "there is no reference catalogue where it looks, so its place and scale are unknown"
        )
    outputs = _calibrate().run(image, sources, stars, str(ref.dataId["band"]))
    return cast(Mapping[str, Any], outputs.visit_calibration)


@functools.cache
def _calibrate() -> CalibrateVisitTask:
    return default_task(CalibrateVisitTask)
