"""Files of raws: fetched from the object store, checked for wholeness, their header read."""

import gzip
import warnings
import zlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning
from lsst.resources import ResourcePath

from ports.workspace import RawUnavailableError, RawUnreadableError

__all__ = ["fetch", "read_cards"]

_CHUNK = 1 << 20
_PACKED = frozenset({".fz", ".gz"})


def fetch(uri: str, folder: Path) -> Path:
    """Download an object into a folder.

    The file has a plain name, with the extension that its content calls for:
    what a key may hold, a path may not.

    Raises
    ------
    RawUnavailableError
        Raised if the object is not there or cannot be fetched.
    """
    source = ResourcePath(uri)
    packed = PurePosixPath(source.basename()).suffix
    target = folder / f"raw.fits{packed if packed in _PACKED else ''}"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        ResourcePath(target).transfer_from(source, transfer="copy", overwrite=True)
    # Each object store's client has errors of its own.
    except Exception as error:
        target.unlink(missing_ok=True)
        raise RawUnavailableError(f"{uri}: cannot be fetched ({type(error).__name__}: {error})") from error
    return target


def read_cards(path: Path, uri: str) -> Mapping[str, object]:
    """Read the header of the image in HDU 0 or 1, and check that no byte is missing.

    Parameters
    ----------
    path
        The file.
    uri
        Names the raw in errors.

    Raises
    ------
    RawUnreadableError
        Raised if the file is truncated or no FITS image.
    """
    try:
        if path.suffix == ".gz":
            _check_compressed(path)
        with warnings.catch_warnings():
            warnings.simplefilter("error", AstropyWarning)
            return _read(path)
    except RawUnreadableError as error:
        raise RawUnreadableError(f"{uri}: {error}") from None
    # A damaged file makes astropy and the decompressors raise any of these.
    except (OSError, EOFError, ValueError, TypeError, KeyError, IndexError, AstropyWarning) as error:
        raise RawUnreadableError(f"{uri}: not a whole FITS file ({error})") from error


def _read(path: Path) -> Mapping[str, object]:
    # A table then stands for a compressed image, so that its size in the file is known.
    with path.open("rb") as stream, fits.open(stream, disable_image_compression=True) as hdus:
        for hdu in hdus:
            _check_whole(hdu, path)
        return _image_cards(hdus)


def _check_compressed(path: Path) -> None:
    try:
        with gzip.open(path) as stream:
            while stream.read(_CHUNK):
                pass
    except zlib.error as error:
        raise RawUnreadableError(f"damaged ({error})") from error


def _check_whole(hdu: fits.hdu.base.ExtensionHDU, path: Path) -> None:
    if path.suffix == ".gz":
        return
    # Without the padding: some writers leave it out, and nothing is lost with it.
    needed = hdu.fileinfo()["datLoc"] + hdu.size
    actual = path.stat().st_size
    if actual < needed:
        raise RawUnreadableError(f"truncated, {actual} bytes where at least {needed} belong")


def _image_cards(hdus: fits.HDUList) -> Mapping[str, object]:
    for hdu in hdus[:2]:
        header = hdu.header
        if header.get("ZIMAGE", False) or (hdu.is_image and header.get("NAXIS") == 2):
            cards: dict[str, object] = dict(hdus[0].header.items())
            cards.update(header.items())
            return {
                name: None if isinstance(value, fits.card.Undefined) else value
                for name, value in cards.items()
            }
    raise RawUnreadableError("neither of the first two HDUs is an image")
