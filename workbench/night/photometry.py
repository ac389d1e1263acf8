"""Photometry at any place of the sky, over all images of a repository."""

import math
from collections.abc import Iterator, Sequence
from typing import Any, Final

import astropy.units as u
import numpy as np
from astropy.table import Table
from attrs import astuple, fields, frozen
from lsst.daf.butler import Butler, DatasetRef
from lsst.images import Box

from prompt_pipelines.arrays import Planes
from prompt_pipelines.masks import planes_of
from prompt_pipelines.positions import pixel_positions
from prompt_pipelines.psf import PsfModel, fit_fluxes

__all__ = ["Measurement", "measured_at", "photometry_table"]

_NEAR: Final = 0.1
"""Degrees: what the announced region of an image may be off."""
_FIT_RADIUS: Final = 5.0  # pixels, where no image says what was fitted
_HALF: Final = 25  # pixels around the place that are read
_LIMIT: Final = 5.0  # standard deviations

type _Flux = tuple[float, float]
"""Value and error, nJy."""


@frozen(kw_only=True)
class Measurement:
    """What is at a place on one exposure; NaN where no pixel can be used, or there is no difference."""

    visit: int
    detector: int
    band: str
    mjd: float
    """Midpoint of the exposure, days TAI."""
    x: float
    """Pixels from 0, as y."""
    y: float
    flux: float
    """Of the difference, nJy."""
    flux_err: float
    limit: float
    """AB magnitude of what would change by five standard deviations."""
    science_flux: float
    """In the calibrated image, nJy."""
    science_flux_err: float
    magnitude: float
    """AB, of the flux in the calibrated image; NaN if that is not positive."""
    science_limit: float
    """AB magnitude of what would shine with five standard deviations."""


def photometry_table(measurements: Sequence[Measurement]) -> Table:
    """Make a table with the columns of `Measurement`."""
    names = [field.name for field in fields(Measurement)]
    table = (
        Table(rows=[astuple(one) for one in measurements], names=names)
        if measurements
        else Table(names=names)
    )
    units = {"mjd": u.d, "flux": u.nJy, "flux_err": u.nJy, "science_flux": u.nJy, "science_flux_err": u.nJy}
    for name, unit in units.items():
        table[name].unit = unit
    return table


def measured_at(
    butler: Butler, collections: Sequence[str], instrument: str, ra: float, dec: float
) -> list[Measurement]:
    """Fit the PSF at a place, as DiaForcedSources are measured, on all images that show it, in order of time.

    Parameters
    ----------
    butler
        Of the repository.
    collections
        Of the outputs, the first with an image counts.
    instrument
        Whose.
    ra, dec
        Degrees ICRS.
    """
    where = f"visit_detector_region.region OVERLAPS CIRCLE({ra:.9f}, {dec:.9f}, {_NEAR})"
    with butler.query() as query:
        near = query.datasets("preliminary_visit_image", collections, find_first=True)
        refs = list(near.where(where, instrument=instrument).with_dimension_records())
    found = [one for ref in refs for one in _measured(butler, collections, ref, ra, dec)]
    return sorted(found, key=lambda one: (one.mjd, one.detector))


def _measured(
    butler: Butler, collections: Sequence[str], ref: DatasetRef, ra: float, dec: float
) -> Iterator[Measurement]:
    def get(name: str, **parameters: Box) -> Any:  # noqa: ANN401 - of any storage class
        if butler.find_dataset(name.partition(".")[0], ref.dataId, collections=collections) is None:
            return None
        return butler.get(name, ref.dataId, collections=collections, parameters=parameters)

    # Of the two the difference image has the better place on the sky.
    projection = get("difference_image.sky_projection") or get("preliminary_visit_image.sky_projection")
    box = get("preliminary_visit_image.bbox")
    calibration = get("visit_calibration")
    if projection is None or calibration is None:
        return
    (x,), (y,) = pixel_positions(projection, np.array([ra]), np.array([dec]))
    if not (-0.5 <= x - box.x.min < box.x.size - 0.5 and -0.5 <= y - box.y.min < box.y.size - 0.5):
        return
    part = _around(box, round(x), round(y))
    prepared = get("prepared_association")
    radius = prepared["choices"]["fit_radius"] if prepared else _FIT_RADIUS

    def fitted(name: str, psf: str, unusable: tuple[str, ...] | None, factor: float) -> _Flux:
        image = get(name, bbox=part)
        if image is None:
            return math.nan, math.nan
        planes = planes_of(image, unusable) if unusable else planes_of(image)
        scale = np.float32(factor)
        scaled = Planes(planes.pixels * scale, planes.variance * scale**2, planes.unusable)
        at = np.array([x - part.x.min]), np.array([y - part.y.min])
        fit = fit_fluxes(scaled, PsfModel(get(psf).array, 0), *at, radius)
        return float(fit.flux[0]), float(fit.flux_err[0])

    difference = fitted("difference_image", "difference_psf", ("NO_DATA",), 1.0)
    factor = float(calibration["nanojansky_per_electron"])
    science = fitted("preliminary_visit_image", "preliminary_visit_psf", None, factor)
    visit: Any = ref.dataId.records["visit"]
    span = visit.timespan
    yield Measurement(
        visit=visit.id,
        detector=int(ref.dataId["detector"]),
        band=str(ref.dataId["band"]),
        mjd=float((span.begin + (span.end - span.begin) / 2.0).tai.mjd),
        x=float(x),
        y=float(y),
        flux=difference[0],
        flux_err=difference[1],
        limit=_magnitude(_LIMIT * difference[1]),
        science_flux=science[0],
        science_flux_err=science[1],
        magnitude=_magnitude(science[0]),
        science_limit=_magnitude(_LIMIT * science[1]),
    )


def _around(box: Box, x: int, y: int) -> Box:
    """Give the part of an image around a pixel."""
    return Box.factory[
        max(y - _HALF, box.y.min) : min(y + _HALF, box.y.max) + 1,
        max(x - _HALF, box.x.min) : min(x + _HALF, box.x.max) + 1,
    ]


def _magnitude(flux: float) -> float:
    return 31.4 - 2.5 * math.log10(flux) if flux > 0 else math.nan
