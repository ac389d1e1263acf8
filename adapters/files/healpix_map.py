"""Masks of the sky in HEALPix FITS files (docs/contracts/pipelines-configuration.md)."""

import logging
import math
from typing import Any, Final

import numpy as np
from astropy.coordinates import ICRS, BarycentricMeanEcliptic, BaseCoordinateFrame, Galactic, SkyCoord
from astropy.io import fits
from astropy_healpix import xyz_to_healpix
from attrs import frozen
from numpy.typing import NDArray

from domain.errors import PromptProcessingError

__all__ = ["HealpixMask", "UnreadableMapError", "read_healpix_map"]

_LOG = logging.getLogger(__name__)

_FRAMES: Final[dict[str, type[BaseCoordinateFrame]]] = (
    dict.fromkeys(("C", "CEL", "Q", "EQ", "EQU", "EQUATORIAL", "ICRS"), ICRS)
    | dict.fromkeys(("G", "GAL", "GALACTIC"), Galactic)
    | dict.fromkeys(("E", "ECL", "ECLIPTIC"), BarycentricMeanEcliptic)
)

_NO: Final = (0, 16)
"""Values of pixels outside the mask, and of those of which nothing is known."""

_UNSEEN: Final = -1.6375e30
"""What HEALPix software writes into floating-point pixels without data."""


class UnreadableMapError(PromptProcessingError):
    """A file is no full-sky HEALPix map of 0 and 1."""


@frozen(eq=False)
class HealpixMask:
    """A part of the sky, pixel by pixel."""

    nside: int
    ordering: str
    """``ring`` or ``nested``."""
    bits: NDArray[np.uint8]
    """Eight pixels a byte, the first in the highest bit."""
    rotation: tuple[tuple[float, float, float], ...]
    """Matrix from ICRS to the frame of the map, by rows."""

    def contains(self, ra: float, dec: float) -> bool:
        """Say whether a position (degrees ICRS) lies in the mask."""
        alpha, delta = math.radians(ra), math.radians(dec)
        x = math.cos(delta) * math.cos(alpha)
        y = math.cos(delta) * math.sin(alpha)
        z = math.sin(delta)
        vector = (a * x + b * y + c * z for a, b, c in self.rotation)
        pixel = int(xyz_to_healpix(*vector, self.nside, order=self.ordering))
        return bool(self.bits[pixel >> 3] >> (7 - (pixel & 7)) & 1)


def read_healpix_map(path: str) -> HealpixMask:
    """Read a mask: the first column of the first extension, pixels of 1 belong to it.

    Raises
    ------
    UnreadableMapError
        Raised if the file cannot be read, does not say its ordering, has an
        unknown frame, is no full-sky map, or holds other values than 0, 1 and 16.
    """
    try:
        with fits.open(path) as hdus:
            header, values = hdus[1].header, np.ravel(hdus[1].data.field(0))
            if "COORDSYS" not in header:
                _LOG.warning("%s: has no COORDSYS, and is taken as equatorial", path)
            return _mask(header, values)
    except UnreadableMapError as error:
        raise UnreadableMapError(f"{path}: {error}") from error
    except (OSError, LookupError, AttributeError, TypeError, ValueError) as error:
        raise UnreadableMapError(f"{path}: is no HEALPix map in FITS: {error}") from error


def _mask(header: fits.Header, values: NDArray[Any]) -> HealpixMask:
    nside = header.get("NSIDE")
    if not isinstance(nside, int) or nside < 1 or values.size != 12 * nside**2:
        raise UnreadableMapError(f"NSIDE {nside} does not fit {values.size} pixels; the sky has 12 NSIDE^2")
    ordering = str(header.get("ORDERING", "")).strip().lower()
    if ordering == "nest":
        ordering = "nested"
    if ordering not in {"ring", "nested"}:
        raise UnreadableMapError(f"ORDERING {ordering!r} is neither RING nor NESTED")
    if ordering == "nested" and nside & (nside - 1):
        raise UnreadableMapError(f"NSIDE {nside} of a NESTED map is no power of 2")
    if header.get("INDXSCHM", "IMPLICIT").strip() != "IMPLICIT":
        raise UnreadableMapError("INDXSCHM is not IMPLICIT: pixels must stand in order")
    frame = _FRAMES.get(str(header.get("COORDSYS", "C")).strip().upper())
    if frame is None:
        raise UnreadableMapError(f"COORDSYS {header.get('COORDSYS')!r} is none of {', '.join(_FRAMES)}")
    return HealpixMask(nside, ordering, np.packbits(_inside(values)), _rotation(frame()))


def _inside(values: NDArray[Any]) -> NDArray[np.bool_]:
    inside = np.asarray(values == 1)
    known = inside | np.isin(values, _NO)
    if values.dtype.kind == "f":
        known |= np.isnan(values) | np.isclose(values, _UNSEEN, rtol=1e-3)
    if not known.all():
        first = int(np.argmin(known))
        raise UnreadableMapError(f"pixel {first} is {values[first]}, which is none of 0, 1 and 16 (unknown)")
    return inside


def _rotation(frame: BaseCoordinateFrame) -> tuple[tuple[float, float, float], ...]:
    axes = SkyCoord(ra=[0.0, 90.0, 0.0], dec=[0.0, 0.0, 90.0], unit="deg", frame="icrs")
    x, y, z = axes.transform_to(frame).cartesian.xyz.value.tolist()
    return tuple(x), tuple(y), tuple(z)
