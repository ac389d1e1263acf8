"""How faint a source may be and still be found: sources put into copies of difference images.

Subtraction is linear: what a point of light adds to an image, it adds to the difference, in the
difference's PSF. So sources are put there, with the noise of their light, and found by the task that found
the image's own. Copies live in memory, and nothing of them goes anywhere else.
"""

import math
from collections.abc import Iterator

import numpy as np
from attrs import frozen
from lsst.images import MaskedImage
from scipy.optimize import minimize

from prompt_pipelines.arrays import Flags, Floats, Pixels
from prompt_pipelines.ids import IdFactory
from prompt_pipelines.masks import planes_of
from prompt_pipelines.psf import HALF_WIDTH, PsfModel, cut_stamps, fit_fluxes
from prompt_pipelines.tasks.detect_dia_sources import DetectDiaSourcesTask

__all__ = ["Depth", "Differenced", "Injected", "depth_of", "inject", "recovered", "threshold_of"]

_AB = 31.4  # magnitude of a nanojansky
_SAME = 2.5  # pixels
_SPACING = 11.0  # full widths between sources, so that none is in the company of another
_BRIGHTER, _FAINTER = 2.5, 1.2  # magnitudes around the limit that is expected
_MOST = 400  # sources in a copy
_PLACES = 8_000  # at which the noise is measured
_FIT_RADIUS = 5.0
_FEWEST = 50


@frozen(kw_only=True, eq=False)
class Differenced:
    """What is needed of a visit and detector."""

    image: MaskedImage
    """The difference, nJy."""
    psf: PsfModel
    template: Pixels
    """nJy."""
    nanojansky_per_electron: float
    x: Floats
    """Of all sources that the image has of its own, pixels."""
    y: Floats
    believed: Flags
    """Which of them went into the APDB."""


@frozen(kw_only=True, eq=False)
class Injected:
    """A copy with sources in it, and where they are."""

    image: MaskedImage
    x: Floats
    y: Floats
    magnitude: Floats


@frozen(kw_only=True)
class Depth:
    """How deep an image is: AB magnitudes, NaN where they are not known."""

    half: float
    """At which half of the sources are found."""
    most: float
    """At which nine tenths are."""
    expected: float
    """The first, reckoned from the noise of the sky and the PSF."""
    brightest: float
    """Share that is found however bright."""
    injected: int
    found: int


def threshold_of(one: Differenced, rng: np.random.Generator) -> float:
    """Reckon the magnitude of the detection threshold, by what the PSF makes of the sky's noise."""
    planes = planes_of(one.image, ("NO_DATA", "VIGNETTED"))
    rows, columns = planes.pixels.shape
    x, y = rng.uniform(0, columns - 1, _PLACES), rng.uniform(0, rows - 1, _PLACES)
    fit = fit_fluxes(planes, one.psf, x, y, _FIT_RADIUS)
    flux = fit.flux[np.isfinite(fit.flux) & (fit.share > 0.9)]
    if len(flux) < _FEWEST:
        return math.nan
    noise = 1.4826 * float(np.median(np.abs(flux - np.median(flux))))
    return _AB - 2.5 * math.log10(_task().config.threshold * noise)


def inject(one: Differenced, rng: np.random.Generator, expected: float) -> Injected:
    """Put sources around an expected limit into a copy, at random places where the image has none."""
    image = one.image.copy()
    pixels, variance = image.image.array, image.variance.array
    x, y = _places(one, rng, pixels.shape)
    magnitude = rng.uniform(expected - _BRIGHTER, expected + _FAINTER, len(x))
    for x0, y0, flux in zip(x, y, 10.0 ** (0.4 * (_AB - magnitude)), strict=True):
        column, row = round(x0), round(y0)
        [stamp] = cut_stamps(
            one.psf.stamp, np.array([HALF_WIDTH - (x0 - column)]), np.array([HALF_WIDTH - (y0 - row)])
        )
        light = flux * np.where(stamp > 0.0, stamp, 0.0)
        noise = light * one.nanojansky_per_electron
        box = np.s_[row - HALF_WIDTH : row + HALF_WIDTH + 1, column - HALF_WIDTH : column + HALF_WIDTH + 1]
        pixels[box] += (light + np.sqrt(noise) * rng.standard_normal(light.shape)).astype(np.float32)
        variance[box] += noise.astype(np.float32)
    return Injected(image=image, x=x, y=y, magnitude=magnitude)


def recovered(one: Differenced, injected: Injected) -> np.ndarray:
    """Tell which sources of a copy are found.

    Raises
    ------
    UnusableImageError
        Raised if nothing can be found in it.
    """
    found = _task().run(injected.image, one.psf, one.template, IdFactory(20000101, 0, 0)).dia_sources
    kept = found[~np.asarray(found["flag_rejected"]) & ~np.asarray(found["is_negative"])]
    away = np.hypot(
        injected.x[:, None] - np.asarray(kept["x"], float), injected.y[:, None] - np.asarray(kept["y"], float)
    )
    return np.asarray(away.min(axis=1, initial=np.inf) <= _SAME)


def depth_of(magnitude: Floats, found: np.ndarray, expected: float) -> Depth:
    """Fit a smooth fall from some share to nothing to what was found."""
    half = most_of = brightest = math.nan
    if len(magnitude) >= _FEWEST and 0 < np.count_nonzero(found) < len(found):

        def unlikely(parameters: Floats) -> float:
            share = np.clip(_share(magnitude, *parameters), 1e-6, 1.0 - 1e-6)
            return -float(np.log(np.where(found, share, 1.0 - share)).sum())

        start = np.array([expected, math.log(0.15), 3.0])
        fitted = minimize(unlikely, start, method="Nelder-Mead", options={"maxiter": 2_000})
        middle, width, most = fitted.x
        top = 1.0 / (1.0 + math.exp(-most))
        half, most_of = (_at(level, middle, math.exp(width), top) for level in (0.5, 0.9))
        brightest = top
    return Depth(
        half=half, most=most_of, expected=expected, brightest=brightest,
        injected=len(magnitude), found=int(np.count_nonzero(found)),
    )  # fmt: skip


def _task() -> DetectDiaSourcesTask:
    """Make the task as it is configured by default."""
    config = DetectDiaSourcesTask.ConfigClass()  # type: ignore[no-untyped-call]  # untyped package
    return DetectDiaSourcesTask(config=config)


def _share(magnitude: Floats, middle: float, width: float, most: float) -> Floats:
    falling = np.clip((magnitude - middle) / math.exp(width), -50.0, 50.0)
    return np.asarray(1.0 / (1.0 + math.exp(-most)) / (1.0 + np.exp(falling)))


def _at(level: float, middle: float, width: float, top: float) -> float:
    return float(middle + width * math.log(top / level - 1.0)) if top > level else math.nan


def _places(one: Differenced, rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[Floats, Floats]:
    step = max(_SPACING * one.psf.fwhm, 2.0 * HALF_WIDTH)
    axes = [np.arange(HALF_WIDTH + 1 + rng.uniform(0.0, step), size - HALF_WIDTH - 2, step) for size in shape]
    y, x = (each.ravel() for each in np.meshgrid(*axes, indexing="ij"))
    x, y = x + rng.uniform(-0.5, 0.5, len(x)), y + rng.uniform(-0.5, 0.5, len(y))
    clear = np.array([*_clear(one, x, y)], dtype=bool)
    which = rng.permutation(np.flatnonzero(clear))[:_MOST]
    return x[which], y[which]


def _clear(one: Differenced, x: Floats, y: Floats) -> Iterator[bool]:
    """Tell which places are not where the image has sources of its own."""
    for x0, y0 in zip(x, y, strict=True):
        yield bool(np.hypot(one.x - x0, one.y - y0).min(initial=np.inf) > _SAME + one.psf.fwhm)
