"""What a linear correction of a projection leaves: a polynomial of the third order at most, of pixels."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from astropy.io import fits
from attrs import frozen
from lsst.images import DetectorFrame, Transform

from prompt_pipelines.arrays import Floats
from prompt_pipelines.fits_approximation import polynomial_terms, tpv_cards
from prompt_pipelines.tangent_plane import TangentPlane
from prompt_pipelines.wcs import make_projection

__all__ = ["Distortion", "fit_distortion"]

_TERMS = (10, 6)
"""Of a polynomial of the third order, and of the second."""
_STARS_PER_TERM = 8
_LINEAR = 3
_SIGNIFICANT = 4.0  # times the gain that terms without meaning would bring
_STEP = 1.0 / 3600.0  # degrees a pixel of the plane that the polynomial is told on


@frozen(eq=False)
class Distortion:
    """Moves measured pixels, before the linear correction."""

    middle: tuple[float, float]
    """Pixel from which the polynomial counts."""
    size: float
    """Pixels that are 1 in it."""
    x: Floats
    """Pixels, for the powers (0, 0), (1, 0), (0, 1), (2, 0), (1, 1) and so on of x and y."""
    y: Floats

    @classmethod
    def from_dict(cls, described: Mapping[str, Any]) -> Self:
        """Read what `as_dict` gave."""
        middle = described["middle"]
        return cls(
            (float(middle[0]), float(middle[1])),
            float(described["size"]),
            *(np.array(described[axis], dtype=float) for axis in ("x", "y")),
        )

    def as_dict(self) -> dict[str, Any]:
        """Describe it in plain numbers."""
        return {
            "middle": list(self.middle),
            "size": self.size,
            "x": self.x.tolist(),
            "y": self.y.tolist(),
        }

    def move(self, places: Floats) -> Floats:
        """Move rows of pixels."""
        terms = polynomial_terms((places - self.middle) / self.size, len(self.x))
        return places + terms @ np.column_stack([self.x, self.y])

    def transform(self, frame: DetectorFrame) -> Transform[DetectorFrame, DetectorFrame]:
        """Make the same of it for projections: to a tangent plane with the polynomial, and back without."""
        header = fits.Header()
        for axis, (name, values) in enumerate((("RA---TPV", self.x), ("DEC--TPV", self.y)), start=1):
            header[f"CTYPE{axis}"], header[f"CUNIT{axis}"] = name, "deg"
            header[f"CRVAL{axis}"], header[f"CRPIX{axis}"] = 0.0, self.middle[axis - 1] + 1.0
            header[f"CD{axis}_{axis}"] = _STEP
            moved = values / self.size ** _orders(len(values)) / _STEP ** (_orders(len(values)) - 1.0)
            moved[axis] += 1.0
            header.update(tpv_cards(axis, moved))
        header["RADESYS"] = "ICRS"
        there = make_projection(header, frame).pixel_to_sky_transform
        back = TangentPlane(0.0, 0.0).projection(frame, self.middle).sky_to_pixel_transform
        return there.then(back, remember_components=False)


def fit_distortion(measured: Floats, wanted: Floats, matrix: Floats) -> Distortion | None:
    """Fit what is left after a linear correction, of the third order or the second.

    Parameters
    ----------
    measured, wanted
        Rows of pixels, of stars that are no outliers.
    matrix
        The linear correction, 3 x 3.

    Returns
    -------
    distortion
        None if the stars are too few, or it would tell of noise only.
    """
    back = np.linalg.inv(matrix)
    off = wanted @ back[:2, :2].T + back[:2, 2] - measured
    low, high = measured.min(axis=0), measured.max(axis=0)
    middle, size = (low + high) / 2.0, float(max(high - low)) / 2.0
    count = len(measured)
    for terms in _TERMS:
        if count < _STARS_PER_TERM * terms:
            continue
        design = polynomial_terms((measured - middle) / size, terms)
        solution = np.linalg.lstsq(design, off, rcond=None)[0]
        left = float(np.sum((off - design @ solution) ** 2)) / (count - terms)
        gain = (float(np.sum(off**2)) - left * (count - terms)) / (terms - _LINEAR)
        if gain > _SIGNIFICANT * left:
            return Distortion((float(middle[0]), float(middle[1])), size, solution[:, 0], solution[:, 1])
    return None


def _orders(count: int) -> Floats:
    return np.repeat(np.arange(4.0), np.arange(1, 5))[:count]
