"""Files of raws: fetched from the object store, checked for wholeness, their header read."""

import errno
import gzip
import warnings
import zlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning
from lsst.resources import ResourcePath

from ports.workspace import DiskFullError, RawUnavailableError, RawUnreadableError

__all__ = ["fetch", "read_cards"]

_CHUNK = 1 << 20
_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS})
_PACKED = frozenset({".fz", ".gz"})


def fetch(uri: str, folder: Path) -> Path:
    """Download an object into a folder.

    The file has a plain name, with the extension that its content calls for:
    what a key may hold, a path may not.

    Raises
    ------
    RawUnavailableError
        Raised if the object is not there or cannot be fetched.
    DiskFullError
        Raised if the local disk does not take it.
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
        if isinstance(error, OSError) and error.errno in _DISK_FULL:
            raise DiskFullError(f"{uri}: the local disk does not take it ({error.strerror})") from error
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
            # What is wrong with single cards is the business of the rules that want them.
            warnings.simplefilter("ignore", fits.verify.VerifyWarning)
            for message in ("non-ASCII characters", "The following header keyword is invalid"):
                warnings.filterwarnings("ignore", message, AstropyWarning)
            return _read(path)
    except RawUnreadableError as error:
        raise RawUnreadableError(f"{uri}: {error}") from None
    # A damaged file makes astropy and the decompressors raise any of these.
    except (
        OSError,
        EOFError,
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AstropyWarning,
        fits.VerifyError,
    ) as error:
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
            return {card.keyword: _value(card) for card in (*hdus[0].header.cards, *header.cards)}
    raise RawUnreadableError("neither of the first two HDUs is an image")


def _value(card: fits.Card) -> object:
    """Give a card's value: None if it has none, the text of one that FITS does not know (NaN, say)."""
    try:
        value = card.value
    except fits.VerifyError:
        value = _mended(card)
    return None if isinstance(value, fits.card.Undefined) else value


def _mended(card: fits.Card) -> object:
    try:
        card.verify("silentfix")
    # Some of its characters cannot be printed.
    except ValueError:
        return None
    return card.value
