"""Whether a fit to matched stars holds for the whole image, and not only where it was made."""

import numpy as np
from scipy.special import gammaincinv

from prompt_pipelines.arrays import Flags, Floats
from prompt_pipelines.significance import PointSources, chance_pairs
from prompt_pipelines.sky_matching import Matches, match_one_to_one

__all__ = ["error_at_corners", "stars_beside"]

_DOUBT = 0.05  # probability that the scatter is greater than is reckoned with
_BESIDE = 3.0  # match radii up to which stars are looked for that were not matched


def error_at_corners(places: tuple[Floats, Floats], corners: tuple[Floats, Floats], scatter: float) -> float:
    r"""Reckon how far off a position at a corner may be, by the stars that were fitted.

    An image may be turned and its scale be wrong, whether that was fitted or
    not: of :math:`n` stars with a sum of squares :math:`S` of what is left, the error
    of one coordinate at a distance :math:`d` from their middle is

    .. math:: \sigma \sqrt{1 / n + d^2 / \sum d_i^2}, \qquad \sigma^2 = S / \chi^2_{2 n - 4}

    with the quantile of chi-squared that few stars go below, so that three that agree by luck do not count
    for much.

    Parameters
    ----------
    places, corners
        Pixels of the stars, and of the image's corners.
    scatter
        Arcseconds, root mean square of both coordinates.

    Returns
    -------
    error
        Arcseconds; infinite if the stars are too few to tell.
    """
    here, there = np.column_stack(places), np.column_stack(corners)
    count = len(here)
    if count <= 2:
        return float("inf")
    away = float(np.sum((here - here.mean(axis=0)) ** 2))
    farthest = float(np.max(np.sum((there - here.mean(axis=0)) ** 2, axis=1)))
    variance = count * scatter**2 / (2.0 * float(gammaincinv(count - 2.0, _DOUBT)))
    return float(np.sqrt(2.0 * variance * (1.0 / count + farthest / away))) if away else float("inf")


def stars_beside(
    sources: PointSources, stars: PointSources, matches: Matches, radius: float, magnitudes: float
) -> tuple[int, float]:
    """Count sources that have no star where they are, but one beside, and how many by chance would.

    By a fit that is right in a part of the image only, the other stars lie
    beside their places, farther off the farther they are from that part.

    Parameters
    ----------
    sources
        Where the fit puts them.
    stars
        Around them.
    matches
        Of both.
    radius
        Arcseconds, with which they were matched.
    magnitudes
        Between a source and its star.
    """
    ratio = np.median(stars.flux[matches.second] / sources.flux[matches.first])
    here, there = (
        sources[_others(len(sources.ra), matches.first)],
        stars[_others(len(stars.ra), matches.second)],
    )
    if not len(here.ra) or not len(there.ra):
        return 0, 0.0
    pairs = match_one_to_one((here.ra, here.dec), (there.ra, there.dec), _BESIDE * radius)
    off = 2.5 * np.log10(there.flux[pairs.second] / here.flux[pairs.first] / ratio)
    beside = np.count_nonzero((pairs.separation > radius) & (np.abs(off) <= magnitudes))
    zero_point = float(2.5 * np.log10(ratio))
    expected = chance_pairs(here, there, zero_point, magnitudes) * np.pi * (_BESIDE**2 - 1.0) * radius**2
    return int(beside), expected


def _others(count: int, chosen: np.ndarray) -> Flags:
    others = np.ones(count, dtype=bool)
    others[chosen] = False
    return others
