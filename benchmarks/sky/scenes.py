"""Simulated visits of one place: skies of different seeing, sampling and density, with their truth."""

import math
from collections.abc import Iterator
from typing import Any

import astropy.units as u
import numpy as np
from astropy.io import fits
from astropy.table import Table
from attrs import evolve, frozen
from lsst.images import Box, DetectorFrame, Image, MaskedImage, SkyProjection
from scipy.ndimage import binary_dilation

from benchmarks.sky.chain import Subtracted, Truth, single_frame, subtract
from prompt_pipelines.arrays import Floats
from prompt_pipelines.masks import image_schema
from prompt_pipelines.positions import sky_positions
from prompt_pipelines.templates import Contribution, Grid, combine_template
from prompt_pipelines.wcs import make_projection
from simulator.world.cosmic_rays import cosmic_rays
from simulator.world.stamps import add_point_sources, effective_area

__all__ = ["SCENES", "Scene", "observe"]

_SIZE = 512
_MARGIN = 40  # pixels around the image that stars reach in from
_SCALE = 0.5  # arcsec per pixel
_NANOJANSKY_PER_ELECTRON = 2.0
_READ_NOISE = 6.0  # electrons
_FULL_WELL = 90_000.0  # electrons
_FAINTEST, _SLOPE = 400.0, 0.75  # electrons; of the number of stars brighter than that, in powers of ten
_DITHER = 8.0  # pixels
_SEEING_JITTER = 0.06
_CLEAN: dict[str, Any] = {"ghosts": 0, "jitter": 0.0, "hot_pixels": 0, "satellites": 0}
_ZONES = 4  # of the image across, each with a PSF of its own


@frozen(kw_only=True)
class Scene:
    """What a night is like."""

    name: str
    seed: int
    fwhm: float = 3.0
    """Pixels, of the images that are searched."""
    template_fwhm: float = 3.0
    """Pixels, at the median of those that the template is made of."""
    stars: int = 150
    """On the image, above the faintest that is drawn."""
    sky: float = 300.0
    """Electrons in a pixel."""
    exposure_time: float = 60.0
    """Seconds in which cosmic rays come down."""
    variation: float = 0.0
    """By which share the PSF grows from one side of the image to the other."""
    jitter: float = 0.0
    """Pixels by which the air shifts each star of an image that is searched."""
    hot_pixels: int = 0
    """Of each image that is searched, unmasked, some with a tail."""
    satellites: int = 0
    """Streaks across each image that is searched."""
    ghosts: int = 0
    """Faint rings of scattered light on each image that is searched."""
    visits: int = 3
    """That are searched."""
    template_visits: int = 6
    changes: int = 24
    """New sources on each."""
    variables: int = 0
    """Stars of which each image that is searched shows more or less than the template."""
    upon_stars: bool = False
    """Whether new sources may be upon bright stars and in their halos."""


SCENES = (
    Scene(name="same seeing", seed=1),
    Scene(name="template sharper", seed=2, fwhm=4.2),
    Scene(name="template blurred", seed=3, template_fwhm=4.0),
    Scene(name="undersampled", seed=4, fwhm=1.9, template_fwhm=2.0),
    Scene(name="well sampled", seed=5, fwhm=6.0, template_fwhm=5.0, stars=100),
    Scene(name="dense", seed=6, stars=1200),
    Scene(name="few stars, dark", seed=7, stars=25, sky=60.0),
    Scene(name="PSF varies", seed=8, fwhm=3.4, variation=0.2),
    Scene(name="long, ghosts", seed=9, fwhm=2.6, exposure_time=300.0, sky=1500.0, ghosts=3),
)


@frozen(kw_only=True, eq=False)
class _Stars:
    x: Floats
    y: Floats
    flux: Floats
    """Electrons."""


def observe(scene: Scene) -> Iterator[Subtracted]:
    """Make a template of a scene's place, and search other visits of it."""
    rng = np.random.default_rng(scene.seed)
    stars = _draw_stars(rng, scene)
    parts = [
        Contribution(single_frame(image).image, _NANOJANSKY_PER_ELECTRON)
        for image in (
            _expose(rng, evolve(scene, **_CLEAN), stars, scene.template_fwhm, _offset(rng))
            for _ in range(scene.template_visits)
        )
    ]
    size = _SIZE + 2 * round(2 * _DITHER)
    grid = Grid(Box.from_shape((size, size)), _projection((2 * _DITHER, 2 * _DITHER)))
    template = combine_template(parts, onto=grid)
    for _ in range(scene.visits):
        offset = _offset(rng)
        new, snr = _draw_changes(rng, scene, stars, offset)
        now, varied = _vary(rng, scene, stars, offset)
        sky = _Stars(
            **{name: np.append(getattr(now, name), getattr(new, name)) for name in ("x", "y", "flux")}
        )
        image = _expose(rng, scene, sky, scene.fwhm, offset)
        truth = Truth(x=new.x + offset[0], y=new.y + offset[1], snr=snr).and_also(varied)
        yield subtract(single_frame(image), _catalogue(stars), "r", [template], truth)


def _vary(
    rng: np.random.Generator, scene: Scene, stars: _Stars, offset: tuple[float, float]
) -> tuple[_Stars, Truth]:
    """Make some stars brighter or fainter, so that most show in the difference."""
    if not scene.variables:
        return stars, Truth(x=np.zeros(0), y=np.zeros(0), snr=np.zeros(0))
    x, y = stars.x + offset[0], stars.y + offset[1]
    inside = (x > 12.0) & (x < _SIZE - 13.0) & (y > 12.0) & (y < _SIZE - 13.0)
    known = np.flatnonzero(inside & (stars.flux > 3.0 * _FAINTEST) & (stars.flux < 0.3 * _FULL_WELL))
    chosen = rng.permutation(known)[: min(scene.variables, len(known) // 10)]
    change = np.exp(rng.normal(0.0, 0.4, len(chosen)))
    flux = stars.flux.copy()
    flux[chosen] *= change
    area = effective_area(scene.fwhm) * (scene.sky + _READ_NOISE**2)
    snr = np.abs(flux - stars.flux)[chosen] / np.sqrt(area + flux[chosen])
    return evolve(stars, flux=flux), Truth(x=x[chosen], y=y[chosen], snr=snr)


def _offset(rng: np.random.Generator) -> tuple[float, float]:
    x, y = rng.uniform(-_DITHER, _DITHER, 2)
    return float(x), float(y)


def _draw_stars(rng: np.random.Generator, scene: Scene) -> _Stars:
    wide = _SIZE + 2 * _MARGIN
    number = rng.poisson(scene.stars * wide**2 / _SIZE**2)
    x, y = rng.uniform(-_MARGIN, _SIZE + _MARGIN, (2, number))
    return _Stars(x=x, y=y, flux=_FAINTEST * rng.uniform(1e-4, 1.0, number) ** (-1.0 / _SLOPE))


def _draw_changes(
    rng: np.random.Generator, scene: Scene, stars: _Stars, offset: tuple[float, float]
) -> tuple[_Stars, Floats]:
    """Draw sources that are new, as bright as their signal to noise of 4 to 300 asks for."""
    snr = 10.0 ** rng.uniform(0.6, 2.5, scene.changes)
    places = rng.uniform(12.0, _SIZE - 13.0, (scene.changes, 2)) - offset
    # Upon a star that is bright itself neither flux nor place says much.
    near = np.hypot(places[:, :1] - stars.x, places[:, 1:] - stars.y)
    alone = (near > 3.0 * scene.fwhm).all(axis=1) | (near[:, stars.flux > 5e4] > 25.0).all(axis=1) & (
        near[:, stars.flux > 2e3] > 2.0 * scene.fwhm
    ).all(axis=1)
    alone |= scene.upon_stars
    places, snr = places[alone], snr[alone]
    area = effective_area(scene.fwhm) * (scene.sky + _READ_NOISE**2)
    flux = 0.5 * snr**2 + snr * np.sqrt(0.25 * snr**2 + area)
    return _Stars(x=places[:, 0], y=places[:, 1], flux=flux), snr


def _expose(
    rng: np.random.Generator, scene: Scene, sky: _Stars, fwhm: float, offset: tuple[float, float]
) -> MaskedImage:
    light = np.full((_SIZE, _SIZE), scene.sky)
    light *= 1.0 + 0.05 * np.linspace(-1.0, 1.0, _SIZE)  # a slope, such as the Moon's
    seeing = fwhm * rng.uniform(1.0 - _SEEING_JITTER, 1.0 + _SEEING_JITTER)
    x, y = (
        along + shift + (rng.normal(0.0, scene.jitter, len(along)) if scene.jitter else 0.0)
        for along, shift in zip((sky.x, sky.y), offset, strict=True)
    )
    zone = np.clip(np.floor(x / _SIZE * _ZONES), 0, _ZONES - 1)
    for number in range(_ZONES):
        here = zone == number
        wide = seeing * (1.0 + scene.variation * (number / (_ZONES - 1) - 0.5))
        add_point_sources(light, x[here], y[here], sky.flux[here], fwhm=wide)
    for _ in range(scene.ghosts):
        light += _ghost(rng, scene)
    for _ in range(scene.satellites):
        light += _streak(rng, scene)
    _heat(rng, light, scene)
    rays = cosmic_rays(rng, light.shape, exposure_time=scene.exposure_time, pixel_size=15.0)
    pixels = rng.poisson(light) + rays + _READ_NOISE * rng.standard_normal(light.shape)
    saturated = _bleed(light + rays)
    pixels = np.where(saturated, _FULL_WELL, pixels)
    image = MaskedImage(
        Image(pixels.astype(np.float32), unit=u.electron),
        variance=Image((np.maximum(pixels, 0.0) + _READ_NOISE**2).astype(np.float32), unit=u.electron**2),
        mask_schema=image_schema(),
        sky_projection=_projection(offset),
    )
    image.mask.set("SATURATED", saturated)
    return image


def _ghost(rng: np.random.Generator, scene: Scene) -> Floats:
    """Draw an out-of-focus reflection: a ring with edges as sharp as a PSF or two."""
    (x0, y0), radius = rng.uniform(0, _SIZE, 2), rng.uniform(15.0, 60.0)
    y, x = np.mgrid[0:_SIZE, 0:_SIZE]
    away = np.hypot(x - x0, y - y0)
    edge = scene.fwhm
    ring = 1.0 / (1.0 + np.exp((away - radius) / edge)) - 0.6 / (1.0 + np.exp((away - 0.5 * radius) / edge))
    return np.asarray(rng.uniform(0.5, 2.0) * math.sqrt(scene.sky) * ring)


def _streak(rng: np.random.Generator, scene: Scene) -> Floats:
    """Draw a satellite's way across the image."""
    (x0, y0), angle = rng.uniform(0, _SIZE, 2), rng.uniform(0.0, np.pi)
    y, x = np.mgrid[0:_SIZE, 0:_SIZE]
    away = (x - x0) * np.sin(angle) - (y - y0) * np.cos(angle)
    profile = np.exp(-0.5 * (away * 2.354820 / scene.fwhm) ** 2)
    return np.asarray(rng.uniform(0.3, 10.0) * math.sqrt(scene.sky) * profile)


def _heat(rng: np.random.Generator, light: Floats, scene: Scene) -> None:
    """Add single pixels that no master tells of; a third of them spill into the next."""
    x, y = rng.integers(1, _SIZE - 1, (2, scene.hot_pixels))
    heights = 10.0 ** rng.uniform(0.7, 2.5, scene.hot_pixels) * math.sqrt(scene.sky)
    np.add.at(light, (y, x), heights)
    spills = rng.random(scene.hot_pixels) < 1.0 / 3.0
    np.add.at(light, (y[spills] + 1, x[spills]), 0.6 * heights[spills])


def _bleed(light: Floats) -> np.ndarray:
    """Mark what is beyond the full well, and the pixels above and below that take the charge."""
    saturated = light > _FULL_WELL
    bleeding = light > 3.0 * _FULL_WELL
    return np.asarray(saturated | binary_dilation(bleeding, np.ones((3, 1)), iterations=6))


def _projection(offset: tuple[float, float]) -> SkyProjection[Any]:
    header, step = fits.Header(), _SCALE / 3600.0
    for axis, name in enumerate(("RA---TAN", "DEC--TAN"), start=1):
        header[f"CTYPE{axis}"], header[f"CUNIT{axis}"] = name, "deg"
        header[f"CRVAL{axis}"] = (150.0, 2.0)[axis - 1]
        header[f"CRPIX{axis}"] = _SIZE / 2.0 + offset[axis - 1]
        header[f"CD{axis}_{axis}"] = (-step, step)[axis - 1]
    frame = DetectorFrame(instrument="Made", detector=0, bbox=Box.from_shape((_SIZE, _SIZE)))
    return make_projection(header, frame)


def _catalogue(stars: _Stars) -> Table:
    bright = stars.flux > 2000.0
    ra, dec = sky_positions(_projection((0.0, 0.0)), stars.x[bright], stars.y[bright])
    flux = _NANOJANSKY_PER_ELECTRON * stars.flux[bright]
    return Table({"id": np.arange(len(ra)), "ra": ra, "dec": dec, "r_flux": flux})
