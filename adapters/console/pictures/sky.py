"""Where pixels are on the sky."""

import threading
from collections.abc import Mapping

from astropy.io.fits import Header
from astropy.wcs import WCS

__all__ = ["Sky"]


class Sky:
    """Turns pixels into positions, by the FITS cards of an image."""

    def __init__(self, cards: Mapping[str, str | float | int]) -> None:
        self._wcs = WCS(Header(cards))
        self._lock = threading.Lock()  # astropy's WCS is not made for several threads

    def position(self, x: float, y: float) -> tuple[float, float]:
        """Find right ascension and declination (degrees) of a place in pixels from 0."""
        with self._lock:
            ra, dec = self._wcs.all_pix2world(x, y, 0)
        return float(ra), float(dec)
