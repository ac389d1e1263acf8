"""FITS files for tests."""

import io
from collections.abc import Mapping

import numpy as np
from astropy.io import fits

__all__ = ["image_with"]


def image_with(cards: Mapping[str, str | int | float | bool]) -> bytes:
    """Make a small image with a header."""
    hdu = fits.PrimaryHDU(np.zeros((2, 2), dtype=np.int16))
    for keyword, value in cards.items():
        hdu.header[keyword] = (value, "a / comment's")
    buffer = io.BytesIO()
    hdu.writeto(buffer)
    return buffer.getvalue()
