"""FITS files for the tests."""

import io
from pathlib import Path

import numpy as np
from astropy.io import fits

__all__ = ["PIXELS", "bytes_of", "placed", "with_card"]

PIXELS = np.random.default_rng(3).poisson(1000, (60, 70)).astype(np.uint16)


def bytes_of(*hdus: fits.PrimaryHDU | fits.ImageHDU, checksum: bool = False) -> bytes:
    """Write HDUs, with their sums if wanted."""
    file = io.BytesIO()
    fits.HDUList(list(hdus)).writeto(file, checksum=checksum)
    return file.getvalue()


def placed(folder: Path, content: bytes, name: str = "raw.fits") -> Path:
    """Put bytes into a file."""
    path = folder / name
    path.write_bytes(content)
    return path


def with_card(content: bytes, card: str) -> bytes:
    """Put a card, as it is, at the end of the last header that has room for it."""
    at = content.rindex(b"END".ljust(160))
    return content[:at] + card.ljust(80).encode("latin1") + b"END".ljust(80) + content[at + 160 :]
