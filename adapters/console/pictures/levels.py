"""An image in levels, each half as wide and high as the one before, in tiles."""

import threading
from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt

from adapters.console.pictures.png import grey_png, mask_png
from adapters.console.pictures.stretch import Pixels, Stretch
from domain.results.images import ImagePixels

__all__ = ["TILE", "Levels"]

type Bits = npt.NDArray[np.unsignedinteger]

TILE: Final = 512
"""Pixels of a tile from edge to edge; those at the right and at the bottom may be smaller."""


class Levels:
    """The pixels of an image, and its mask once it is given, as they are shown: the highest row first.

    Level 0 has all pixels, the last fits into one tile. A pixel of a higher level is the mean of four of the
    one below, of those with a number, and has all planes of the mask that any of them has.
    """

    def __init__(self, image: ImagePixels) -> None:
        self.name = image.name
        self.planes = dict(image.planes)
        self.height, self.width = image.array.shape
        self._masks: list[Bits] = []
        self._lock = threading.Lock()
        self.pixels: list[Pixels] = [np.asarray(image.array[::-1], np.float32)]
        while max(self.pixels[-1].shape) > TILE:
            self.pixels.append(_halved(self.pixels[-1]))

    @property
    def nbytes(self) -> int:
        """How much memory it takes, or will take with its mask."""
        pixels = sum(level.nbytes for level in self.pixels)
        return 2 * pixels if self.planes else pixels

    @property
    def lacks_mask(self) -> bool:
        """Whether there is a mask that was not given yet."""
        return bool(self.planes) and not self._masks

    def add_mask(self, bits: Bits) -> None:
        """Give the mask of the whole image, its lowest row first."""
        self._masks = [bits[::-1]]

    def tile(self, level: int, column: int, row: int, stretch: Stretch) -> bytes:
        """Draw a tile as a grey PNG, transparent where there is no number.

        Raises
        ------
        IndexError
            Raised if there is no such tile.
        """
        return grey_png(_tile(self.pixels, level, column, row), stretch)

    def overlay(self, level: int, column: int, row: int, planes: Iterable[str]) -> bytes:
        """Draw planes of the mask over a tile, as a PNG that is transparent elsewhere.

        Raises
        ------
        IndexError
            Raised if there is no such tile.
        """
        pixels = _tile(self.pixels, level, column, row)
        if not self._masks:
            return mask_png(np.zeros(pixels.shape, np.uint8), {})
        with self._lock:
            while len(self._masks) <= level:
                self._masks.append(_joined(self._masks[-1]))
        wanted = {name: self.planes[name] for name in planes if name in self.planes}
        return mask_png(_tile(self._masks, level, column, row), wanted)

    def value(self, x: int, y: int) -> tuple[float, tuple[str, ...]]:
        """Look up the value of a pixel of the image (from 0, upwards), and the planes that it has.

        Raises
        ------
        IndexError
            Raised if there is no such pixel.
        """
        if not (0 <= x < self.width and 0 <= y < self.height):
            raise IndexError(f"{self.name} has {self.width} x {self.height} pixels")
        row = self.height - 1 - y
        bits = int(self._masks[0][row, x]) if self._masks else 0
        return float(self.pixels[0][row, x]), tuple(
            name for name, bit in self.planes.items() if bits >> bit & 1
        )


def _tile[T: np.generic](levels: list[npt.NDArray[T]], level: int, column: int, row: int) -> npt.NDArray[T]:
    if not 0 <= level < len(levels):
        raise IndexError(f"there is no level {level}, only 0 to {len(levels) - 1}")
    found = levels[level][row * TILE : (row + 1) * TILE, column * TILE : (column + 1) * TILE]
    if min(row, column) < 0 or not found.size:
        raise IndexError(f"there is no tile {column}, {row} at level {level}")
    return found


def _halved(pixels: Pixels) -> Pixels:
    quarters = _quarters(pixels, np.nan)
    with np.errstate(invalid="ignore"):
        mean = np.asarray(sum(quarters), np.float32) / np.float32(4)
    if np.isfinite(mean).all():
        return mean
    known = [np.isfinite(quarter) for quarter in quarters]
    total = sum(np.where(k, quarter, np.float32(0)) for k, quarter in zip(known, quarters, strict=True))
    count = sum(k.astype(np.float32) for k in known)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan), np.float32)


def _joined(bits: Bits) -> Bits:
    first, *others = _quarters(bits, 0)
    joined = first.copy()
    for other in others:
        joined |= other
    return joined


def _quarters[T: np.generic](plane: npt.NDArray[T], beyond: float) -> list[npt.NDArray[T]]:
    """Take the four pixels of each square apart; beyond an odd edge is what was given."""
    rows, columns = plane.shape
    if rows % 2 or columns % 2:
        plane = np.pad(plane, ((0, rows % 2), (0, columns % 2)), constant_values=beyond)
    return [plane[down::2, right::2] for down in (0, 1) for right in (0, 1)]
