"""Point sources as they come out of atmosphere and telescope."""

import math

import numpy as np
from scipy.special import erf

from simulator.world.arrays import Floats

__all__ = ["add_point_sources", "effective_area"]

_CORE, _CORE_SHARE = 1.0, 0.85
_WING, _WING_SHARE = 2.0, 0.15
"""The profile is the sum of two round Gaussians: their widths, relative, and their shares of the light."""
_REACH = 4.5  # standard deviations of the wing that a stamp goes out to; 4e-5 of its light is beyond
_FWHM_OF_CORE = 2 * math.sqrt(2 * math.log(2))
_BATCH = 256  # sources at a time, which bounds memory on large detectors


def add_point_sources(image: Floats, x: Floats, y: Floats, flux: Floats, *, fwhm: float) -> None:
    """Add stars to an image, each integrated exactly over every pixel.

    Parameters
    ----------
    image
        Indexed ``[y, x]``; added to.
    x, y
        Pixels, shape (n,); may be off the image.
    flux
        Total, in the image's unit, shape (n,).
    fwhm
        Pixels, of the core of the profile.
    """
    sigma = fwhm / _FWHM_OF_CORE
    half = math.ceil(_REACH * _WING * sigma)
    rows, columns = image.shape
    near = (x > -half) & (x < columns + half) & (y > -half) & (y < rows + half)
    margin = 2 * half + 1  # so that no stamp of a near source leaves the padded image
    padded = np.zeros((rows + 2 * margin, columns + 2 * margin))
    for start in range(0, int(near.sum()), _BATCH):
        some = np.flatnonzero(near)[start : start + _BATCH]
        _add(padded, x[some] + margin, y[some] + margin, flux[some], sigma=sigma, half=half)
    image += padded[margin : margin + rows, margin : margin + columns]


def effective_area(fwhm: float) -> float:
    """Compute the pixels of sky whose noise a star's flux has, if its profile is known.

    It is the inverse of the sum of the squared profile.

    Parameters
    ----------
    fwhm
        Pixels, of the core of the profile.
    """
    sigma = fwhm / _FWHM_OF_CORE
    parts = ((_CORE, _CORE_SHARE), (_WING, _WING_SHARE))
    squared = sum(
        one_share * other_share / (2 * math.pi * sigma**2 * (one**2 + other**2))
        for one, one_share in parts
        for other, other_share in parts
    )
    return 1 / squared


def _add(image: Floats, x: Floats, y: Floats, flux: Floats, *, sigma: float, half: int) -> None:
    offsets = np.arange(-half, half + 1)
    columns = np.rint(x).astype(int)[:, None] + offsets
    rows = np.rint(y).astype(int)[:, None] + offsets
    stamps = np.zeros((len(x), len(offsets), len(offsets)))
    for width, share in ((_CORE, _CORE_SHARE), (_WING, _WING_SHARE)):
        across = _integrals(columns - x[:, None], width * sigma)
        along = _integrals(rows - y[:, None], width * sigma)
        stamps += (share * flux)[:, None, None] * along[:, :, None] * across[:, None, :]
    np.add.at(image, (rows[:, :, None], columns[:, None, :]), stamps)


def _integrals(distance: Floats, sigma: float) -> Floats:
    """Integrate a Gaussian over pixels whose centres are at some distance from its own."""
    scale = math.sqrt(2) * sigma
    return np.asarray(erf((distance + 0.5) / scale) - erf((distance - 0.5) / scale)) / 2
