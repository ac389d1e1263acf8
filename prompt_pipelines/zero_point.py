"""The photometric scale of an image, from stars of known fluxes and, where they are known, colours."""

from collections.abc import Mapping

import numpy as np
from attrs import frozen

from prompt_pipelines.arrays import Flags, Floats

__all__ = ["Colours", "Photometry", "choose_colours", "fit_gradient", "fit_photometry"]

_BANDS = "ugrizy"
_CLIP = 3.0  # robust standard deviations
_ROUNDS = 3
_MIN_COLOURS = 20  # stars that tell a colour term
_MIN_RANGE = 0.1  # magnitudes, robust standard deviation of their colours
_MIN_GRADIENT = 10  # stars that tell a gradient
_SIGNIFICANT = 4.0  # standard errors; a lesser term is none


@frozen(eq=False)
class Colours:
    """Of reference stars."""

    name: str
    """Two bands, such as ``g-r``."""
    values: Floats
    """Magnitudes; NaN where it is not known."""


@frozen(eq=False)
class Photometry:
    """How much light an electron stands for."""

    nanojansky_per_electron: float
    """For a star of the colour `colour_zero`, if there is a colour term."""
    stars: int
    scatter: float
    """Relative, robust standard deviation of one star, once its colour is allowed for."""
    colour: str | None = None
    colour_term: float = 0.0
    """Magnitudes that a star's zero point changes by for each magnitude of its colour."""
    colour_zero: float = 0.0


def choose_colours(fluxes: Mapping[str, Floats], band: str) -> Colours | None:
    """Make the colour of the two neighbouring bands that tells most about a band.

    Parameters
    ----------
    fluxes
        Of reference stars, by band, of one unit.
    band
        That is calibrated.

    Returns
    -------
    colours
        None if the catalogue has no neighbouring band.
    """
    place = _BANDS.find(band)
    if place < 0 or band not in fluxes:
        return None
    # From the blue side, as most surveys have it; then from the red.
    for other in (_BANDS[place - 1 : place], _BANDS[place + 1 : place + 2]):
        if other and other in fluxes:
            blue, red = sorted((band, other), key=_BANDS.index)
            with np.errstate(invalid="ignore", divide="ignore"):
                values = -2.5 * np.log10(fluxes[blue] / fluxes[red])
            return Colours(f"{blue}-{red}", np.where(np.isfinite(values), values, np.nan))
    return None


def fit_photometry(flux: Floats, reference: Floats, colours: Colours | None = None) -> Photometry:
    """Fit the scale of fluxes (electrons) to reference fluxes (nJy) of the same stars, of some colours."""
    ratio = reference / flux
    term = None if colours is None else _colour_term(2.5 * np.log10(ratio), colours.values)
    if colours is not None and term is not None:
        slope, zero = term
        off = np.nan_to_num(colours.values - zero)
        ratio = ratio * 10 ** (-0.4 * slope * off)
    kept = np.ones(len(ratio), dtype=bool)
    spread = 0.0
    for _ in range(_ROUNDS):
        middle = np.median(ratio[kept])
        spread = 1.4826 * float(np.median(np.abs(ratio[kept] - middle)))
        kept = np.abs(ratio - middle) <= max(_CLIP * spread, 1e-6 * middle)
    scale = float(np.median(ratio[kept]))
    if colours is None or term is None:
        return Photometry(scale, int(kept.sum()), spread / scale)
    return Photometry(scale, int(kept.sum()), spread / scale, colours.name, *term)


def fit_gradient(zero_points: Floats, places: Floats, size: tuple[float, float]) -> float | None:
    """Fit a plane to zero points over an image: clouds, vignetting and flats of another time slope it.

    Parameters
    ----------
    zero_points
        Magnitudes, one for each star.
    places
        Rows of pixels, likewise.
    size
        Of the image, pixels.

    Returns
    -------
    gradient
        Magnitudes between opposite sides, along the steepest way; None if stars are too few.
    """
    design = np.column_stack([np.ones(len(places)), places / size])
    kept = np.ones(len(places), dtype=bool)
    for _ in range(_ROUNDS):
        if np.count_nonzero(kept) < _MIN_GRADIENT:
            return None
        solution = np.linalg.lstsq(design[kept], zero_points[kept], rcond=None)[0]
        off = np.abs(zero_points - design @ solution)
        kept = off <= max(_CLIP * 1.4826 * float(np.median(off[kept])), 1e-6)
    return float(np.hypot(*solution[1:]))


def _colour_term(zero_points: Floats, colours: Floats) -> tuple[float, float] | None:
    """Fit the slope of zero points with colour by clipped least squares, and tell the median colour."""
    kept = np.isfinite(colours)
    if np.count_nonzero(kept) < _MIN_COLOURS:
        return None
    middle = float(np.median(colours[kept]))
    if _robust_width(colours, kept) < _MIN_RANGE:
        return None
    design = np.column_stack([np.ones(len(colours)), np.nan_to_num(colours - middle)])
    for _ in range(_ROUNDS):
        solution = np.linalg.lstsq(design[kept], zero_points[kept], rcond=None)[0]
        off = np.abs(zero_points - design @ solution)
        width = 1.4826 * float(np.median(off[kept]))
        kept = np.isfinite(colours) & (off <= max(_CLIP * width, 1e-6))
        if np.count_nonzero(kept) < _MIN_COLOURS:
            return None
    error = width / float(np.sqrt(np.sum((design[kept, 1] - design[kept, 1].mean()) ** 2)))
    return (float(solution[1]), middle) if abs(solution[1]) > _SIGNIFICANT * error else None


def _robust_width(values: Floats, chosen: Flags) -> float:
    low, high = np.percentile(values[chosen], (15.865, 84.135))
    return float(high - low) / 2.0
