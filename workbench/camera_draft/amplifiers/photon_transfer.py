"""Gain and read noise from pairs of flats and of biases: the photon transfer method.

The difference of two frames has twice the variance of one and no fixed pattern.
With means F and B and variances of the differences dF and dB in ADU,
``gain = (F1 + F2 - B1 - B2) / (dF - dB)`` electrons per ADU and the read noise is
``gain * sqrt(dB / 2)`` electrons (S. B. Howell, Handbook of CCD Astronomy,
2nd ed., section 4.3; after J. Janesick). Each small block of pixels gives a gain of its own, since the light
of the sky falls off otherwise from one flat to the next.
"""

import itertools
import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from attrs import frozen

__all__ = ["PhotonTransfer", "photon_transfer"]

type Pixels = npt.NDArray[np.float64]

_ALIKE: Final = 0.2
"""Share by which two flats of a pair may differ in brightness; the second one is scaled to the first."""
_MOST_PAIRS: Final = 10
_FAR: Final = 5.0
_BLOCK: Final = 30
"""Columns and rows of a block."""


@frozen(kw_only=True)
class PhotonTransfer:
    """What pairs of frames tell of a readout."""

    gain: float
    """Electrons per ADU."""
    read_noise: float
    """Electrons."""
    pairs: int
    """Of flats."""


def photon_transfer(
    flats: Sequence[Pixels], biases: Sequence[Pixels], saturation: float
) -> PhotonTransfer | None:
    """Measure gain and read noise.

    Parameters
    ----------
    flats, biases
        The same pixels of each frame, ADU: those of one readout, without overscan.
    saturation
        ADU; flats above 0.8 of it have lost their noise.

    Returns
    -------
    measured
        None if there are not two of each, or no pair of flats has light.
    """
    if len(biases) < 2:
        return None
    level = float(np.mean([np.median(bias) for bias in biases]))
    differences = [_blocks(one - other) for one, other in itertools.pairwise(biases)]
    bias_variance = float(np.median([_variances(difference) for difference in differences]))
    usable = sorted((flat for flat in flats if np.median(flat) < 0.8 * saturation), key=np.median)
    gains = []
    for one, other in list(itertools.pairwise(usable))[-_MOST_PAIRS:]:
        first, second = float(np.median(one)) - level, float(np.median(other)) - level
        if not 0 < first <= second <= (1 + _ALIKE) * first:
            continue
        found = _gains(_blocks(one - level), _blocks(other - level), bias_variance)
        if len(found):
            gains.append(float(np.median(found)))
    if not gains:
        return None
    gain = float(np.median(gains))
    return PhotonTransfer(gain=gain, read_noise=gain * math.sqrt(bias_variance / 2), pairs=len(gains))


def _gains(one: Pixels, other: Pixels, bias_variance: float) -> Pixels:
    """Measure the gain in each block of two flats."""
    first, second = np.median(one, axis=1), np.median(other, axis=1)
    lit = (first > 0) & (second > 0)
    one, other, first, second = one[lit], other[lit], first[lit], second[lit]
    scale = first / second
    # The scaled one's noise: photons' share by the scale, the reading's by its square.
    variance = _variances(one - scale[:, None] * other) - bias_variance * (1 + scale**2) / 2
    noisy = variance > 0
    gains: Pixels = (first * (1 + scale))[noisy] / variance[noisy]
    return gains


def _blocks(pixels: Pixels) -> Pixels:
    """Cut pixels into blocks, a row each; what is left over at the edges is left out."""
    rows, columns = (min(_BLOCK, length) for length in pixels.shape)
    down, across = pixels.shape[0] // rows, pixels.shape[1] // columns
    cut = pixels[: down * rows, : across * columns].reshape(down, rows, across, columns)
    return cut.swapaxes(1, 2).reshape(down * across, rows * columns)


def _variances(differences: Pixels) -> Pixels:
    """Measure variances without stars, hot pixels and cosmic rays, which are far from the middle."""
    middle = np.median(differences, axis=1, keepdims=True)
    width = np.maximum(1.4826 * np.median(np.abs(differences - middle), axis=1, keepdims=True), 1.0)
    near = np.abs(differences - middle) < _FAR * width
    return np.asarray(np.nanvar(np.where(near, differences, np.nan), axis=1))
