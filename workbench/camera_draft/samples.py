"""The frames that a camera file is drafted from."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from attrs import frozen

from raw_files import reading as raw_files
from raw_files.cards import CardValue
from raw_files.errors import RawFileError
from raw_files.names import split_name

__all__ = ["Sample", "Samples", "read_samples"]

type Pixels = npt.NDArray[np.float64]


@frozen(kw_only=True)
class Sample:
    """One frame of a camera that is not described yet."""

    path: Path
    cards: Mapping[str, CardValue]
    """Of the image, then those of the primary HDU."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        rows, columns = (
            self.cards.get(f"ZNAXIS{axis}", self.cards.get(f"NAXIS{axis}", 0)) for axis in (2, 1)
        )
        return int(rows), int(columns)

    def pixels(self) -> Pixels:
        """Read the image, in ADU, indexed ``[y, x]``.

        Raises
        ------
        RawFileError
            Raised if the pixels cannot be read.
        OSError
            Raised if the file cannot be read any more.
        """
        return raw_files.load_images(self.path)[0].pixels.astype(np.float64)


@frozen(kw_only=True)
class Samples:
    """All frames of a folder."""

    frames: tuple[Sample, ...]
    left_out: Mapping[Path, str]
    """With the reason."""


def read_samples(folder: Path, progress: Callable[[int, int], None] = lambda _done, _all: None) -> Samples:
    """Read the headers of all FITS files below a folder.

    Parameters
    ----------
    folder
        Searched with all folders in it.
    progress
        Told how many files of how many were read.
    """
    paths = sorted(_fits_files(folder))
    frames, left_out = [], {}
    for number, path in enumerate(paths, start=1):
        try:
            frames.append(Sample(path=path, cards=raw_files.read_cards(path)))
        except (RawFileError, OSError) as error:
            left_out[path] = str(error)
        progress(number, len(paths))
    return Samples(frames=tuple(frames), left_out=left_out)


def _fits_files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if split_name(path.name) is not None and path.is_file():
            yield path
