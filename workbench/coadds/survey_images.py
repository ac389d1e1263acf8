"""Images of other surveys as templates: read from FITS files, background and noise measured."""

import math
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

import astropy.units as u
import numpy as np
from astropy.io import fits
from astropy.wcs import WCS, FITSFixedWarning
from attrs import field, frozen
from lsst.images import Box, GeneralFrame, Image, MaskedImage, SkyProjection

from prompt_pipelines.arrays import Flags, Pixels
from prompt_pipelines.calibration import correct_projection
from prompt_pipelines.ids import IdFactory
from prompt_pipelines.masks import image_schema
from prompt_pipelines.positions import pixel_scale
from prompt_pipelines.psf import PsfModel
from prompt_pipelines.tasks.detect_sources import DetectSourcesConfig, DetectSourcesTask
from raw_files.expansion import check_expansion
from raw_files.gzipped import unpacked
from simulator.errors import SimulatorError
from workbench.coadds.frames import AB_ZERO, magnitude

__all__ = ["FluxScale", "SurveyImage", "read_survey_image"]

_ZERO_POINTS: Final = ("MAGZERO", "MAGZPT", "MAGZP", "ZEROPT", "ZEROPOINT", "PHOTZP", "ZP")
"""Cards that give the magnitude of one unit."""
_MAGGY: Final = 3631.0 * u.Jy
_ASINH: Final = 2.5 / np.log(10.0)
_MAD: Final = 1.482602  # of a Gaussian, standard deviations
_BLANK: Final = 0.01  # share of pixels that are exactly 0, beyond which these are no data


@frozen(kw_only=True)
class FluxScale:
    """What a person says of pixels whose header does not say it."""

    unit: str | None = None
    zero_point: float | None = None
    """Magnitude (AB) of one unit."""


@frozen(kw_only=True, eq=False)
class SurveyImage:
    """One image on the sky, background subtracted, nJy."""

    name: str
    image: MaskedImage = field(repr=False)
    seeing: float | None
    """Arcseconds; None if it shows no star."""
    depth: float | None
    """Magnitude at five times the noise of a faint point source."""


def read_survey_image(path: Path, scale: FluxScale, coarsest: float) -> SurveyImage:
    """Read the first image of a FITS file that has a place on the sky.

    Parameters
    ----------
    path
        The file.
    scale
        Comes before what the header says of pixels' unit.
    coarsest
        Arcseconds of a pixel of the patches: finer ones are summed up to nearly that size.

    Raises
    ------
    SimulatorError
        Raised if the file cannot be read, has no such image, or its pixels no known unit; the text
        names the file.
    """
    try:
        # astropy leaves a file open that it cannot read.
        with (
            path.open("rb") as file,
            fits.open(unpacked(file), memmap=False) as hdus,
            warnings.catch_warnings(action="ignore", category=FITSFixedWarning),
        ):
            header, wcs, pixels = _first_image(hdus, path.stat().st_size)
            factor = _nanojansky(header, scale)
    except SimulatorError as error:
        raise SimulatorError(f"{path}: {error}") from error
    # What is no FITS, cut off or contradicts itself has errors of astropy, wcslib and numpy.
    except Exception as error:
        raise SimulatorError(f"{path}: cannot be read: {' '.join(str(error).split())}") from error
    pixels = _linear(pixels, header) * np.float32(factor)
    blank = ~np.isfinite(pixels)
    if np.mean(pixels == 0.0) > _BLANK:
        blank |= pixels == 0.0
    if blank.all():
        raise SimulatorError(f"{path}: no pixel has a number")
    projection = _projection(path, wcs, pixels.shape)
    return _measured(path.name, *_binned(pixels, blank, projection, coarsest))


def _first_image(hdus: fits.HDUList, size: int) -> tuple[fits.Header, WCS, Pixels]:
    for hdu in hdus:
        if len(getattr(hdu, "shape", ())) != 2:
            continue
        check_expansion(size, math.prod(hdu.shape) * abs(hdu.header.get("BITPIX", 8)) // 8)
        # Cards of the whole file hold for its images, where these do not say otherwise.
        header = fits.Header(hdus[0].header, copy=True) if hdu is not hdus[0] else fits.Header()
        header.update(hdu.header)
        wcs = WCS(hdu.header)
        if wcs.has_celestial:
            return header, wcs, np.asarray(hdu.data, dtype=np.float32)
    raise SimulatorError("no image in it has a WCS")


def _nanojansky(header: Mapping[str, Any], scale: FluxScale) -> float:
    """Find how many nJy a unit is."""
    if scale.zero_point is not None:
        return float(10.0 ** ((AB_ZERO - scale.zero_point) / 2.5))
    text = scale.unit or str(header.get("BUNIT", "")).strip()
    known = _flux_unit(text)
    if known is not None:
        return known
    if scale.unit is not None:
        raise SimulatorError(f"{scale.unit} is no unit of flux density, such as nJy, uJy or nanomaggy")
    for card in _ZERO_POINTS:
        if isinstance(header.get(card), int | float):
            return float(10.0 ** ((AB_ZERO - header[card]) / 2.5))
    # Pan-STARRS1: counts of the whole exposure, with the zero point of a second.
    if isinstance(header.get("FPA.ZP"), int | float) and header.get("EXPTIME"):
        zero_point = header["FPA.ZP"] + 2.5 * np.log10(header["EXPTIME"])
        return float(10.0 ** ((AB_ZERO - zero_point) / 2.5))
    raise SimulatorError(
        f"its header tells neither a unit of flux ({f'BUNIT is {text!r}' if text else 'no BUNIT'}) nor a zero"
        " point: say --unit or --zero-point"
    )


def _flux_unit(text: str) -> float | None:
    try:
        unit = u.Unit(text.replace("µ", "u").replace("maggies", "maggy"))
        return float(unit.to(u.nJy, equivalencies=u.zero_point_flux(_MAGGY)))
    # What is no unit is a ValueError, what is one of something else a UnitConversionError.
    except (ValueError, TypeError):
        return None


def _linear(pixels: Pixels, header: Mapping[str, Any]) -> Pixels:
    """Undo the asinh scaling of Pan-STARRS1's stacks; their cutouts have none."""
    if "BSOFTEN" not in header or "BOFFSET" not in header:
        return pixels
    linear = header["BOFFSET"] + header["BSOFTEN"] * 2.0 * np.sinh(pixels.astype(float) / _ASINH)
    return np.asarray(linear, dtype=np.float32)


def _projection(path: Path, wcs: WCS, shape: tuple[int, ...]) -> SkyProjection[Any]:
    try:
        return SkyProjection.from_fits_wcs(
            wcs.celestial, pixel_frame=GeneralFrame(unit=u.pix), pixel_bounds=Box.from_shape(shape)
        )
    # wcslib and AST have their own errors, which share nothing but the root.
    except Exception as error:
        raise SimulatorError(f"{path}: its WCS makes no projection: {error}") from error


def _binned(
    pixels: Pixels, blank: Flags, projection: SkyProjection[Any], coarsest: float
) -> tuple[Pixels, Flags, SkyProjection[Any]]:
    """Sum pixels up, so that none is left out when the image is resampled to coarser ones."""
    box = Box.from_shape(pixels.shape)
    factor = int(coarsest / pixel_scale(projection, box) + 0.01)
    rows, columns = (size // max(factor, 1) for size in pixels.shape)
    if factor < 2 or not rows or not columns:
        return pixels, blank, projection
    shape = (rows, factor, columns, factor)
    whole = (slice(0, rows * factor), slice(0, columns * factor))
    summed = np.where(blank, np.float32(0.0), pixels)[whole].reshape(shape).sum(axis=(1, 3))
    matrix = np.diag([float(factor), float(factor), 1.0])
    matrix[:2, 2] = (factor - 1) / 2.0
    holes = blank[whole].reshape(shape).any(axis=(1, 3))
    return summed, holes, correct_projection(cast(Any, projection), matrix)


def _measured(name: str, pixels: Pixels, blank: Flags, projection: SkyProjection[Any]) -> SurveyImage:
    """Take the background out, and see how sharp and deep an image is."""
    good = pixels[~blank]
    noise = _MAD * float(np.median(np.abs(good - np.median(good))))
    image = MaskedImage(
        Image(np.where(blank, np.float32(0.0), pixels), unit=u.nJy),
        variance=Image(np.full(pixels.shape, max(noise, 1e-6) ** 2, np.float32), unit=u.nJy**2),
        mask_schema=image_schema(),
        sky_projection=projection,
    )
    image.mask.set("NO_DATA", blank)
    # Cosmic rays are long gone from a survey's image, and what looks like one is a star's core.
    config = DetectSourcesConfig()  # type: ignore[no-untyped-call]  # Config.__new__ has no annotations
    config.do_cosmic_rays = False
    task = DetectSourcesTask(config=config)
    found = task.run(image, IdFactory(20000101, 0, 0))
    fwhm = PsfModel(found.preliminary_visit_psf.array, 0).fwhm * pixel_scale(projection, image.bbox)
    errors = np.asarray(found.single_visit_sources["flux_err"], dtype=float)
    errors = errors[np.isfinite(errors) & (errors > 0)]
    return SurveyImage(
        name=name,
        image=found.preliminary_visit_image,
        seeing=fwhm if task.metadata["psf_stars"] else None,
        depth=magnitude(float(np.median(errors))) if errors.size else None,
    )
