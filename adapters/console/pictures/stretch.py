"""From pixels to greys: limits by zscale, bright and faint alike by asinh."""

import enum
from typing import Self

import numpy as np
import numpy.typing as npt
from astropy.visualization import AsymmetricPercentileInterval, ZScaleInterval
from attrs import frozen

__all__ = ["Greys", "Pixels", "Scale", "Stretch"]

type Pixels = npt.NDArray[np.floating]
type Greys = npt.NDArray[np.uint8]

_SAMPLE = 512  # rows and columns at most that limits are taken from
_BRIGHT = 99.8  # percentile that is white by asinh
_CUTOUT = (1.0, 99.5)  # percentiles that are black and white in a cutout


class Scale(enum.StrEnum):
    """How greys follow from values."""

    LINEAR = "linear"
    ASINH = "asinh"


@frozen(kw_only=True)
class Stretch:
    """Values that are black and white, and how it goes from one to the other."""

    low: float
    high: float
    bend: float = np.inf
    """Above `low` by this much, asinh turns from proportional to logarithmic; infinite is linear."""

    @classmethod
    def automatic(cls, pixels: Pixels, scale: Scale = Scale.ASINH) -> Self:
        """Find limits for an image: zscale's, with bright stars still told apart if by asinh."""
        known = _known(pixels)
        if not known.size:
            return cls(low=0.0, high=1.0)
        low, high = (float(limit) for limit in ZScaleInterval().get_limits(known))
        if scale is Scale.LINEAR:
            return cls(low=low, high=high)
        return cls(low=low, high=max(high, float(np.percentile(known, _BRIGHT))), bend=(high - low) / 2)

    @classmethod
    def of_cutout(cls, pixels: Pixels) -> Self:
        """Find limits for a few pixels around a source."""
        known = _known(pixels)
        if not known.size:
            return cls(low=0.0, high=1.0)
        low, high = AsymmetricPercentileInterval(*_CUTOUT).get_limits(known)
        return cls(low=float(low), high=float(high))

    def greys(self, pixels: Pixels) -> Greys:
        """Turn values into 0 to 255; 0 where there is no number."""
        span = max(self.high - self.low, 1e-30)
        scaled = (pixels - np.float32(self.low)) / np.float32(span)
        np.nan_to_num(scaled, copy=False, nan=0.0, posinf=1.0, neginf=0.0)
        np.clip(scaled, 0.0, 1.0, out=scaled)
        if 0.0 < self.bend < np.inf:
            steep = np.float32(span / self.bend)
            scaled = np.arcsinh(scaled * steep) / np.arcsinh(steep)
        return np.asarray(np.rint(scaled * np.float32(255.0)), np.uint8)


def _known(pixels: Pixels) -> Pixels:
    """Take the numbers among some rows and columns."""
    rows, columns = (max(1, size // _SAMPLE) for size in pixels.shape)
    sample = pixels[::rows, ::columns]
    return np.asarray(sample[np.isfinite(sample)], np.float32)
