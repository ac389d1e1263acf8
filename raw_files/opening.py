"""Files of raws, opened: packed or not, and of which HDUs."""

import contextlib
import os
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy.typing as npt
from astropy.utils.exceptions import AstropyWarning
from attrs import field, frozen

from raw_files.errors import RawFileError
from raw_files.gzipped import unpacked
from raw_files.hdus import StoredHdu, find_hdus
from raw_files.kept import Version, keep, take, version_of
from raw_files.pixels import read_stored, values_of
from raw_files.sums import check_sums, has_sum

__all__ = ["OpenFile", "opened", "reading"]


@frozen(eq=False)
class OpenFile:
    """An open file of which every HDU is as long as it should be."""

    stream: BinaryIO
    version: Version
    hdus: list[StoredHdu]
    _faults: dict[int, RawFileError | None] = field(factory=dict, init=False)

    def check_sums(self, hdus: Iterable[StoredHdu]) -> None:
        """Make sure that HDUs have the sums that they state; each is looked at once.

        Raises
        ------
        RawFileError
            Raised if one has not.
        """
        for hdu in hdus:
            if hdu.number not in self._faults:
                self._faults[hdu.number] = _fault(hdu, self.stream)
            if (fault := self._faults[hdu.number]) is not None:
                raise fault

    def check_image(self, hdu: StoredHdu, *, to_be_read: bool = False) -> None:
        """Make sure that the pixels of an image can be read; keep them if they are to be, next.

        Raises
        ------
        RawFileError
            Raised as by `check_sums`, and if they cannot be unpacked.
        """
        self.check_sums([hdu])
        # What has the sum that its writer gave it can be unpacked.
        if hdu.is_compressed and not has_sum(hdu):
            with reading(hdu):
                stored = read_stored(hdu, self.stream)
            if to_be_read:
                keep(self.version, hdu.number, stored)

    def read_pixels(self, hdu: StoredHdu) -> npt.NDArray[Any]:
        """Read the values of an image's pixels; NaN where its header declares one undefined.

        Raises
        ------
        RawFileError
            Raised as by `check_image`, and if they have no values.
        """
        self.check_sums([hdu])
        with reading(hdu):
            stored = take(self.version, hdu.number)
            return values_of(hdu, read_stored(hdu, self.stream) if stored is None else stored)


def _fault(hdu: StoredHdu, stream: BinaryIO) -> RawFileError | None:
    try:
        check_sums(hdu, stream)
    except RawFileError as fault:
        return fault
    return None


@contextlib.contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[OpenFile]:
    """Open a file, plain or packed by gzip, whatever its name says.

    Raises
    ------
    RawFileError
        Raised if it is truncated or no FITS.
    OSError
        Raised if it is not there, or must not be read.
    """
    with (
        Path(path).open("rb") as file,
        warnings.catch_warnings(action="ignore", category=AstropyWarning),
        _told("not a whole FITS file"),
    ):
        stream = unpacked(file)
        yield OpenFile(stream, version_of(file), find_hdus(stream))


def reading(hdu: StoredHdu) -> contextlib.AbstractContextManager[None]:
    """Turn what goes wrong while pixels are read into a `RawFileError`."""
    return _told(f"damaged: the pixels of {hdu.label} cannot be read")


@contextlib.contextmanager
def _told(what: str) -> Iterator[None]:
    try:
        yield
    except (RawFileError, MemoryError):
        raise
    # A damaged file leads astropy and the decompressors to nearly any exception, some of their own kind.
    except Exception as error:
        raise RawFileError(f"{what} ({' '.join(str(error).split())})") from error
