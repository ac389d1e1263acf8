"""The frames that a camera file is drafted from."""

import functools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy.typing as npt
from attrs import frozen

from domain.cameras.detectors import Hdu
from raw_files import reading as raw_files
from raw_files.cards import CardValue
from raw_files.errors import RawFileError
from raw_files.names import split_name
from raw_files.reading import ListedImage
from workbench.camera_draft.file_parts import parts_of_file

__all__ = ["Sample", "Samples", "read_samples"]


@frozen(kw_only=True, eq=False)
class Sample:
    """One frame of one detector, of a camera that is not described yet."""

    path: Path
    primary: Mapping[str, CardValue]
    """Cards of the file's first HDU."""
    images: tuple[ListedImage, ...]
    """At least one; of several, one for each amplifier or for some of them."""
    hdus: tuple[Hdu, ...]
    """What they are called: by name if that is theirs alone, else by number."""
    is_alone: bool = True
    """Whether the file holds no other detector's."""
    is_told: bool = True
    """Whether anything in the file tells which of its images are of one detector."""

    @functools.cached_property
    def cards(self) -> Mapping[str, CardValue]:
        """Of the first image, then those of the primary HDU."""
        return self.cards_of(0)

    def cards_of(self, number: int) -> Mapping[str, CardValue]:
        """Give the cards of an image, then those of the primary HDU."""
        return {**self.primary, **self.images[number].cards}

    @property
    def shape(self) -> tuple[tuple[int, int], ...]:
        """Rows and columns of each image."""
        return tuple(one.hdu.shape for one in self.images)

    def pixels(self) -> list[npt.NDArray[Any]]:
        """Read the images, in ADU, each indexed ``[y, x]``.

        Raises
        ------
        RawFileError
            Raised if the pixels cannot be read.
        OSError
            Raised if the file cannot be read any more.
        """
        numbers = [one.hdu.number for one in self.images]
        return [image.pixels for image in raw_files.load_images(self.path, numbers)]


@frozen(kw_only=True)
class Samples:
    """All frames of a folder."""

    frames: tuple[Sample, ...]
    """Each of one detector."""
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
    frames: list[Sample] = []
    left_out = {}
    for number, path in enumerate(paths, start=1):
        try:
            frames += _samples(path)
        except (RawFileError, OSError) as error:
            left_out[path] = str(error)
        progress(number, len(paths))
    return Samples(frames=tuple(frames), left_out=left_out)


def _samples(path: Path) -> list[Sample]:
    primary, images = raw_files.list_frames(path)
    names = Counter(one.hdu.name.casefold() for one in images)
    parts, is_told = parts_of_file(images)
    return [
        Sample(
            path=path,
            primary=primary,
            images=tuple(part),
            hdus=tuple(
                one.hdu.name if one.hdu.name and names[one.hdu.name.casefold()] == 1 else one.hdu.number
                for one in part
            ),
            is_alone=len(parts) == 1,
            is_told=is_told,
        )
        for part in parts
    ]


def _fits_files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if split_name(path.name) is not None and path.is_file():
            yield path
