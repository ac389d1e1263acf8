"""Made-up fields of stars without pixels: lists of what a detector finds, and of what a catalogue knows."""

import math
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import Table
from attrs import frozen
from lsst.images import Box, DetectorFrame, Image, MaskedImage, SkyProjection

from prompt_pipelines.arrays import Floats
from prompt_pipelines.masks import image_schema
from prompt_pipelines.tangent_plane import TangentPlane
from prompt_pipelines.wcs import make_projection

__all__ = ["NANOJANSKY_PER_ELECTRON", "StarField", "StarFieldPlan", "distorted", "make_star_field"]

SIZE = 256
"""Pixels on a side: positions are no whole numbers, so that a few stand for many."""
NANOJANSKY_PER_ELECTRON = 2.0
_CONFUSION = 8.0  # arcseconds; mean distance of stars at the least
_SLOPE = 0.33  # of the number of stars with magnitude, dex


@frozen(kw_only=True)
class StarFieldPlan:
    """What a field is like."""

    seed: int
    stars: int
    """On the detector."""
    pointing_error: float = 0.0
    """Degrees."""
    rotation: float = 0.0
    """Degrees by which the detector is turned against what is thought."""
    mirrored: bool = False
    scale: float = 1.0
    """Times the scale that is thought."""
    missing: float = 0.2
    """Share of stars that are not found, and of those that are not in the catalogue."""
    spurious: float = 0.2
    """Sources that are no stars, for each star."""
    radius: float = 1.0
    """Degrees that the catalogue reaches beyond the detector where that is thought to be, at least."""
    distortion: float = 0.0
    """Share by which the scale differs at a corner from that in the middle, unknown to the camera."""
    elsewhere: bool = False
    """Whether the detector looks where the catalogue knows nothing: its stars are others."""
    clustered: bool = False


@frozen(kw_only=True, eq=False)
class StarField:
    """What a task is given, and the truth."""

    plan: StarFieldPlan
    image: MaskedImage
    """Empty; with the projection that is thought."""
    projection: SkyProjection[Any]
    """The same."""
    sources: Table
    reference: Table
    truth: SkyProjection[Any]
    common: int
    """Stars that are found and in the catalogue."""


def make_star_field(plan: StarFieldPlan) -> StarField:
    """Scatter stars over the sky around a detector."""
    rng = np.random.default_rng(plan.seed)
    side = max(3600.0 * 10 ** rng.uniform(-1.0, -0.3), _CONFUSION * math.sqrt(plan.stars))
    thought = TangentPlane(rng.uniform(0.0, 360.0), rng.uniform(-80.0, 80.0))
    angle, way = rng.uniform(0.0, 2.0 * np.pi, 2)
    step = 3600.0 * plan.pointing_error * np.array([[np.cos(way), np.sin(way)]])
    there = TangentPlane(*(float(axis[0]) for axis in thought.to_sky(step)))
    projection = _projection(thought, side / SIZE, float(angle), mirrored=False)
    truth = _projection(
        there, side / SIZE * plan.scale, float(angle) + math.radians(plan.rotation), mirrored=plan.mirrored
    )
    # What is looked for too far off has to be there: not to be found for want of it is no merit.
    reach = 3600.0 * max(plan.radius, plan.pointing_error) + side
    sky = _stars(rng, plan, side, reach)
    ra, dec = thought.to_sky(sky[0])
    place = truth.sky_to_pixel(SkyCoord(ra, dec, unit="deg"))
    x, y = distorted(np.asarray(place.x), np.asarray(place.y), plan.distortion)
    flux = sky[1]
    found = (np.abs(x - SIZE / 2) < SIZE / 2) & (np.abs(y - SIZE / 2) < SIZE / 2)
    found &= rng.random(len(x)) > plan.missing
    listed = rng.random(len(x)) > plan.missing
    known = flux * 10 ** (0.4 * rng.normal(0.0, 0.1, len(x)))
    if plan.elsewhere:
        ra, dec = thought.to_sky(_stars(rng, plan, side, reach)[0][: len(ra)])
        listed, known = listed[: len(ra)], known[: len(ra)]
    sources = _sources(rng, plan, (x[found], y[found], flux[found]), side)
    return StarField(
        plan=plan,
        image=_image(projection),
        projection=projection,
        sources=sources,
        reference=Table(
            {
                "id": np.flatnonzero(listed),
                "ra": ra[listed] * u.deg,
                "dec": dec[listed] * u.deg,
                "r_flux": known[listed] * u.nJy,
            }
        ),
        truth=truth,
        common=0 if plan.elsewhere else int(np.count_nonzero(found & listed)),
    )


def _stars(rng: np.random.Generator, plan: StarFieldPlan, side: float, reach: float) -> tuple[Floats, Floats]:
    count = rng.poisson(plan.stars * (2.0 * reach / side) ** 2)
    places = rng.uniform(-reach, reach, (count, 2))
    if plan.clustered:
        centres = rng.uniform(-reach, reach, (max(count // 50, 1), 2))
        some = rng.random(count) < 0.5
        places[some] = centres[rng.integers(0, len(centres), int(some.sum()))] + rng.normal(
            0.0, side / 20.0, (int(some.sum()), 2)
        )
    low, high = 10 ** (_SLOPE * np.array([0.0, 5.0]))
    return places, 1e6 * 10 ** (-0.4 * np.log10(rng.uniform(low, high, count)) / _SLOPE)


def distorted(x: Floats, y: Floats, share: float) -> tuple[Floats, Floats]:
    """Draw places out from the middle of the detector, the more the farther they are."""
    middle = SIZE / 2
    away = np.minimum(np.hypot(x - middle, y - middle) / (middle * math.sqrt(2.0)), 1.0)
    grown = 1.0 + share * away**2
    return middle + (x - middle) * grown, middle + (y - middle) * grown


def _sources(
    rng: np.random.Generator, plan: StarFieldPlan, stars: tuple[Floats, Floats, Floats], side: float
) -> Table:
    x, y, flux = stars
    false = rng.poisson(plan.stars * plan.spurious)
    low, high = 10 ** (_SLOPE * np.array([0.0, 5.0]))
    light = 1e6 * 10 ** (-0.4 * np.log10(rng.uniform(low, high, false)) / _SLOPE)
    blur = 0.1 * SIZE / side
    flux = np.append(flux, light) / NANOJANSKY_PER_ELECTRON * rng.normal(1.0, 0.02, len(x) + false)
    columns = {
        "id": np.arange(len(flux)),
        "x": np.append(x, rng.uniform(0, SIZE, false)) + rng.normal(0.0, blur, len(flux)),
        "y": np.append(y, rng.uniform(0, SIZE, false)) + rng.normal(0.0, blur, len(flux)),
        "flux": flux,
        "flux_err": flux / 50.0,
    }
    flags = {name: np.zeros(len(flux), dtype=bool) for name in ("flag_edge", "flag_masked", "flag_saturated")}
    return Table(columns | flags)


def _projection(plane: TangentPlane, scale: float, angle: float, *, mirrored: bool) -> SkyProjection[Any]:
    header, step = fits.Header(), scale / 3600.0
    turn = step * np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    matrix = turn @ np.diag([1.0 if mirrored else -1.0, 1.0])
    for axis, (name, value) in enumerate((("RA---TAN", plane.ra), ("DEC--TAN", plane.dec))):
        header[f"CTYPE{axis + 1}"], header[f"CUNIT{axis + 1}"] = name, "deg"
        header[f"CRVAL{axis + 1}"], header[f"CRPIX{axis + 1}"] = value, (SIZE + 1) / 2
        for column in (0, 1):
            header[f"CD{axis + 1}_{column + 1}"] = float(matrix[axis, column])
    frame = DetectorFrame(instrument="Made", detector=0, bbox=Box.from_shape((SIZE, SIZE)))
    return make_projection(header, frame)


def _image(projection: SkyProjection[Any]) -> MaskedImage:
    empty = np.zeros((SIZE, SIZE), np.float32)
    return MaskedImage(
        Image(empty, unit=u.electron),
        variance=Image(empty + 1.0, unit=u.electron**2),
        mask_schema=image_schema(),
        sky_projection=projection,
    )
