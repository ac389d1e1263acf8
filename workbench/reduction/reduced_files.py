"""Results for any program that reads FITS and ECSV."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import astropy.units as u
import numpy as np
from astropy.io import fits
from lsst.images import SkyProjection

from prompt_pipelines.calibration import calibrated_projection
from prompt_pipelines.positions import sky_positions
from workbench.reduction.single_exposures import SingleFrame

__all__ = ["write_catalogue", "write_image"]


def write_image(file: Path, made: SingleFrame, calibration: Mapping[str, Any] | None) -> None:
    """Write pixels and WCS into the primary HDU, variance and mask behind it.

    The mask's bits are named in its header as ``MP_``..., as LSST does.
    """
    image = made.image
    header = _wcs_header(made, calibration)
    header["BUNIT"] = "electron"
    for key, value in image.metadata.items():
        if isinstance(value, str | int | float):
            header[f"HIERARCH {key}"] = value
    mask, planes = np.zeros(image.image.array.shape, dtype=np.int16), fits.Header()
    for bit, plane in enumerate(filter(None, image.mask.schema)):
        mask |= (image.mask.get(plane.name).astype(np.int16) << bit).astype(np.int16)
        planes[f"HIERARCH MP_{plane.name}"] = bit
    file.parent.mkdir(parents=True, exist_ok=True)
    variance = fits.ImageHDU(image.variance.array, name="VARIANCE")
    variance.header["BUNIT"] = "electron2"
    hdus = [fits.PrimaryHDU(image.image.array, header), variance, fits.ImageHDU(mask, planes, name="MASK")]
    fits.HDUList(hdus).writeto(file, overwrite=True)


def write_catalogue(file: Path, made: SingleFrame, calibration: Mapping[str, Any] | None) -> None:
    """Write sources as ECSV; after a calibration by stars with corrected positions, and fluxes in nJy."""
    table = made.sources.copy()
    if calibration is not None:
        projection = calibrated_projection(cast(Any, made.image.sky_projection), calibration)
        x, y = (np.asarray(table[name], dtype=float) for name in ("x", "y"))
        ra, dec = sky_positions(projection, x, y)
        table["ra"], table["dec"] = ra * u.deg, dec * u.deg
        scale = calibration["nanojansky_per_electron"]
        for name in ("flux", "flux_err"):
            table[f"{name}_njy"] = scale * np.asarray(table[name]) * u.nJy
    file.parent.mkdir(parents=True, exist_ok=True)
    table.write(file, format="ascii.ecsv", overwrite=True)


def _wcs_header(made: SingleFrame, calibration: Mapping[str, Any] | None) -> fits.Header:
    projection = _projection(made, calibration)
    wcs = None if projection is None else projection.as_fits_wcs(made.image.bbox, allow_approximation=True)
    return fits.Header() if wcs is None else cast(fits.Header, wcs.to_header(relax=True))


def _projection(made: SingleFrame, calibration: Mapping[str, Any] | None) -> SkyProjection[Any] | None:
    projection = made.image.sky_projection
    if projection is None or calibration is None:
        return projection
    return calibrated_projection(projection, calibration)
