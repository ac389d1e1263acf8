"""Where the detectors of a camera are drawn."""

import math
from collections.abc import Iterable, Sequence

from attrs import frozen

from domain.cameras.camera import Camera, Detector, Purpose

__all__ = ["Cell", "FocalPlaneMap", "map_of"]

_WIDTH = 1000.0
"""Of the drawing."""
_LARGEST_SIGN = 110.0
_GAP = 0.06
"""Share of a cell of the plain grid that is left free."""


@frozen(kw_only=True)
class Cell:
    """A detector as it is drawn; y goes down, as on a screen."""

    number: int
    name: str
    x: float
    """Of the left edge."""
    y: float
    """Of the upper edge."""
    width: float
    height: float
    is_science: bool = True


@frozen(kw_only=True)
class FocalPlaneMap:
    """All detectors of a camera as they are drawn."""

    cells: Sequence[Cell]
    """From the upper left, line by line, which is also the keyboard's order."""
    width: float
    height: float
    is_to_scale: bool
    """False: the camera does not say where its detectors are."""

    @property
    def text_size(self) -> float:
        """Of the signs: so that one fits into the smallest cell of a science sensor."""
        sides = [min(cell.width, cell.height) for cell in self.cells if cell.is_science]
        return min(min(sides, default=_WIDTH) * 0.6, _LARGEST_SIGN)


def map_of(camera: Camera | None, numbers: Iterable[int]) -> FocalPlaneMap:
    """Draw a camera's focal plane; without positions, a plain grid.

    Parameters
    ----------
    camera
        Whose; None if it is not known.
    numbers
        Detectors that occur.
    """
    detectors = () if camera is None else camera.detectors
    placed = [one for one in detectors if one.placement is not None and one.type is not None]
    if placed and len(placed) == len(detectors):
        return _to_scale(placed)
    names = {one.number: one.name for one in detectors} or {number: str(number) for number in numbers}
    return _grid(names)


def _to_scale(detectors: Sequence[Detector]) -> FocalPlaneMap:
    boxes = [_box(detector) for detector in detectors]
    left, right = min(box[0] for box in boxes), max(box[2] for box in boxes)
    low, high = min(box[1] for box in boxes), max(box[3] for box in boxes)
    scale = _WIDTH / max(right - left, high - low)
    cells = [
        Cell(
            number=detector.number,
            name=detector.name,
            x=round((box[0] - left) * scale, 1),
            y=round((high - box[3]) * scale, 1),
            width=round((box[2] - box[0]) * scale * 0.97, 1),
            height=round((box[3] - box[1]) * scale * 0.97, 1),
            is_science=detector.purpose is Purpose.SCIENCE,
        )
        for detector, box in zip(detectors, boxes, strict=True)
    ]
    cells.sort(key=lambda cell: (round(cell.y), cell.x))
    return FocalPlaneMap(
        cells=cells,
        width=round((right - left) * scale, 1),
        height=round((high - low) * scale, 1),
        is_to_scale=True,
    )


def _box(detector: Detector) -> tuple[float, float, float, float]:
    """Reckon the box around a detector: left, low, right, high, in millimetres."""
    kind, place = detector.type, detector.placement
    if kind is None or place is None:
        return 0.0, 0.0, 0.0, 0.0
    yaw = math.radians(place.yaw)
    nx, ny = kind.nx * kind.pixel_size / 1000, kind.ny * kind.pixel_size / 1000
    width = abs(nx * math.cos(yaw)) + abs(ny * math.sin(yaw))
    height = abs(nx * math.sin(yaw)) + abs(ny * math.cos(yaw))
    return place.x - width / 2, place.y - height / 2, place.x + width / 2, place.y + height / 2


def _grid(names: dict[int, str]) -> FocalPlaneMap:
    columns = max(math.ceil(math.sqrt(len(names))), 1)
    side = _WIDTH / columns
    cells = [
        Cell(
            number=number,
            name=names[number],
            x=round(index % columns * side, 1),
            y=round(index // columns * side, 1),
            width=round(side * (1 - _GAP), 1),
            height=round(side * (1 - _GAP), 1),
        )
        for index, number in enumerate(sorted(names))
    ]
    rows = max(math.ceil(len(names) / columns), 1)
    return FocalPlaneMap(cells=cells, width=_WIDTH, height=round(rows * side, 1), is_to_scale=False)
