"""Templates added from images of other surveys."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import astropy.units as u
import numpy as np
from attrs import frozen
from lsst.daf.butler import Butler
from lsst.images import Image, MaskedImage

from prompt_pipelines.masks import image_schema
from prompt_pipelines.positions import sky_positions
from prompt_pipelines.warp import stitch
from simulator.errors import SimulatorError
from workbench.coadds.all_sky import AllSky, PatchId
from workbench.coadds.choosing import CELLS, Quality
from workbench.coadds.stored_sky import ensure_patches, find_sky, make_sky
from workbench.coadds.survey_images import FluxScale, SurveyImage, read_survey_image
from workbench.coadds.versions import Key, new_version
from workbench.pace import Pace

__all__ = ["Added", "add_templates"]

_log = logging.getLogger(__name__)


@frozen(kw_only=True)
class Added:
    """What was made of files."""

    run: str
    templates: tuple[tuple[Key, Quality], ...]
    failed: Mapping[Path, str]
    """Files of which nothing could be made, and why."""


def add_templates(
    butler: Butler,
    instrument: str,
    paths: Sequence[Path],
    *,
    physical_filter: str,
    skymap: str,
    scale: FluxScale,
    pace: Pace,
) -> Added:
    """Make a version of templates from FITS images that have a place on the sky.

    Parameters
    ----------
    butler
        The repository.
    instrument
        Whose visits are to be compared with them.
    paths
        The files; where they overlap, the first counts.
    physical_filter
        A filter of the camera's, or a band.
    skymap
        Name of the skymap, which is made for the camera if there is none.
    scale
        What is said of their unit.
    pace
        Told each file and each template.

    Raises
    ------
    SimulatorError
        Raised if nothing can be made of any file.
    """
    band = _band(butler, instrument, physical_filter)
    sky = find_sky(butler, skymap) or make_sky(butler, instrument, skymap, None)
    failed: dict[Path, str] = {}
    images = list(_read(paths, scale, sky, failed, pace))
    shown = _patches_shown(sky, images)
    if not shown:
        raise SimulatorError("; ".join(failed.values()) or "no file")
    ensure_patches(butler, sky, shown)
    made: list[tuple[Key, Quality]] = []
    # Whoever stops the work waits until what was made is gone.
    with pace.unbroken(), new_version(butler, instrument, None) as version:
        for patch in pace.over("templates made", sorted(shown)):
            key = Key(sky.name, patch, band)
            image, quality = _template(sky, patch, shown[patch])
            if quality.coverage > 0.0:
                version.put(key, image, quality, " ".join(one.name for one in shown[patch]))
                made.append((key, quality))
    return Added(run=version.run, templates=tuple(made), failed=failed)


def _band(butler: Butler, instrument: str, physical_filter: str) -> str:
    records = butler.query_dimension_records("physical_filter", instrument=instrument, explain=False)
    bands = {str(record.name): str(record.band) for record in records}
    if physical_filter in bands.values():
        return physical_filter
    if physical_filter in bands:
        return bands[physical_filter]
    known = ", ".join([*bands, *sorted(set(bands.values()))])
    raise SimulatorError(
        f"{physical_filter} is no filter or band of {instrument}: there are {known or 'none'}"
    )


def _read(
    paths: Sequence[Path], scale: FluxScale, sky: AllSky, failed: dict[Path, str], pace: Pace
) -> Iterator[SurveyImage]:
    for path in pace.over("files read", paths):
        try:
            yield read_survey_image(path, scale, sky.scale)
        except SimulatorError as error:
            failed[path] = str(error)
            _log.info("%s", error)


def _patches_shown(sky: AllSky, images: Sequence[SurveyImage]) -> dict[PatchId, list[SurveyImage]]:
    shown: dict[PatchId, list[SurveyImage]] = {}
    for one in images:
        box = one.image.bbox
        # Closer than the border of a patch is wide, whatever the size of a pixel.
        x, y = (np.linspace(side.start, side.stop - 1.0, max(2, side.size // 20)) for side in (box.x, box.y))
        columns, rows = (values.ravel() for values in np.meshgrid(x, y))
        for patch in sky.patches_of(*sky_positions(one.image.sky_projection, columns, rows)):
            shown.setdefault(patch, []).append(one)
    return shown


def _template(sky: AllSky, patch: PatchId, images: Sequence[SurveyImage]) -> tuple[MaskedImage, Quality]:
    box, projection = sky.box(patch.patch), sky.projection(patch.tract)
    shape, origin = (box.y.size, box.x.size), (box.y.start, box.x.start)
    warped = stitch((one.image for one in images), projection, shape, origin)
    seeing = [one.seeing for one in images if one.seeing is not None]
    depth = [one.depth for one in images if one.depth is not None]
    quality = Quality(
        frames=len(images),
        nights=(),
        seeing=max(seeing) if seeing else None,
        depth=min(depth) if depth else None,
        coverage=_coverage(sky, ~warped.unusable),
    )
    image = MaskedImage(
        Image(warped.pixels, bbox=box, unit=u.nJy),
        variance=Image(warped.variance, bbox=box, unit=u.nJy**2),
        mask_schema=image_schema(),
        sky_projection=projection,
        metadata={
            "template_nights": "",
            "template_files": " ".join(one.name for one in images),
            "template_seeing_arcsec": quality.seeing,
            "template_depth_mag": quality.depth,
        },
    )
    image.mask.set("NO_DATA", warped.unusable)
    return image, quality


def _coverage(sky: AllSky, usable: np.ndarray) -> float:
    """Look at the same places as for templates of frames."""
    at = sky.border + ((np.arange(CELLS) + 0.5) * sky.inner / CELLS).astype(int)
    return float(usable[np.ix_(at, at)].mean())
