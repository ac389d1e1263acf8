"""Raws of the object store: fetched, checked for wholeness, their header read."""

import contextlib
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from lsst.resources import ResourcePath

from adapters.butler.camera.ranges import RangeSource
from adapters.butler.shared.outages import is_disk_full
from domain.cameras.raw_parts import RawPart
from ports.workspace import DiskFullError, RawUnavailableError, RawUnreadableError
from raw_files import reading as raw_files
from raw_files.errors import RawFileError
from raw_files.expansion import LARGEST
from raw_files.mosaics.reader import MosaicReader

__all__ = ["check_whole", "fetch", "fetch_part", "read_cards"]

_log = logging.getLogger(__name__)

_PACKED = frozenset({".fz", ".gz"})
_BLOCK = 2880


def fetch(uri: str, folder: Path) -> Path:
    """Download an object into a folder.

    The file has a plain name, with the extension that its content calls for:
    what a key may hold, a path may not.

    Raises
    ------
    RawUnreadableError
        Raised if the object is larger than any raw.
    RawUnavailableError
        Raised if the object is not there or cannot be fetched.
    DiskFullError
        Raised if the local disk does not take it.
    """
    source = ResourcePath(uri)
    packed = PurePosixPath(source.basename()).suffix
    target = folder / f"raw.fits{packed if packed in _PACKED else ''}"
    with _fetching(uri, target):
        if (size := source.size()) > LARGEST:
            raise RawFileError(f"has {size} bytes, which no raw has")
        ResourcePath(target).transfer_from(source, transfer="copy", overwrite=True)
    return target


def fetch_part(uri: str, folder: Path, reader: MosaicReader, part: RawPart) -> Path:
    """Download the HDUs of one detector into a folder, as a file of their own.

    Raises
    ------
    RawUnreadableError
        Raised if the object lacks one of them, or a part of it.
    RawUnavailableError
        Raised as by `fetch`.
    DiskFullError
        Raised as by `fetch`.
    """
    target = folder / "raw.fits"
    source = RangeSource(uri)
    with _fetching(uri, target):
        target.write_bytes(reader.read(source, list(part.hdus)))
    if source.size % _BLOCK:
        _log.warning("%s: its %d bytes are no whole FITS blocks: it may be truncated", uri, source.size)
    return target


@contextlib.contextmanager
def _fetching(uri: str, target: Path) -> Iterator[None]:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except RawFileError as error:
        raise RawUnreadableError(f"{uri}: {error}") from error
    # Each object store's client has errors of its own.
    except Exception as error:
        target.unlink(missing_ok=True)
        if is_disk_full(error):
            raise DiskFullError(f"{uri}: the local disk does not take it ({error})") from error
        raise RawUnavailableError(f"{uri}: cannot be fetched ({type(error).__name__}: {error})") from error


def read_cards(path: Path, uri: str, part: RawPart | None = None) -> Mapping[str, object]:
    """Read the header of a raw, and check that no byte of the file is missing.

    Parameters
    ----------
    path
        The file.
    uri
        Names the raw in errors.
    part
        Where in it the detector's pixels are; None: in its one image.

    Raises
    ------
    RawUnreadableError
        Raised if the file is truncated or no FITS, lacks an HDU of the
        detector's, or if it cannot be told which of its images is the frame.
    """
    with _named(uri):
        if part is None:
            return raw_files.read_cards(path)
        return raw_files.read_cards(path, part.sizes, part.hdus)


def check_whole(path: Path, uri: str) -> None:
    """Check that no byte of a raw's file is missing.

    Raises
    ------
    RawUnreadableError
        Raised if the file is truncated or no FITS.
    """
    with _named(uri):
        raw_files.check_whole(path)


@contextlib.contextmanager
def _named(uri: str) -> Iterator[None]:
    try:
        yield
    except (RawFileError, OSError) as error:
        raise RawUnreadableError(f"{uri}: {error}") from error
