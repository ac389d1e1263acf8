"""Where the data of amplifiers go on their detector."""

import itertools
import math
from collections.abc import Sequence

from attrs import evolve, frozen

from domain.cameras.camera import Box
from workbench.camera_draft.amplifiers.sections import Sections

__all__ = ["Layout", "PlacedSections", "lay_out"]


@frozen(kw_only=True)
class PlacedSections:
    """An amplifier's sections, and where its data go."""

    image: int
    """Which of the detector's images holds it, from 0."""
    sections: Sections
    place: Box
    """On the trimmed detector."""
    flip_x: bool = False
    flip_y: bool = False


@frozen(kw_only=True)
class Layout:
    """All amplifiers of a detector."""

    nx: int
    ny: int
    amplifiers: tuple[PlacedSections, ...]
    why: str
    is_open: bool = False
    """Whether a person must say where they go."""


def lay_out(images: Sequence[Sequence[Sections]]) -> Layout:
    """Place amplifiers: as cards say, else in the order in which they lie in their image.

    Parameters
    ----------
    images
        The amplifiers of each image of the detector.
    """
    found = [(number, one) for number, image in enumerate(images) for one in image]
    stated = _by_cards(found)
    if stated is not None:
        return stated
    if len(images) == 1:
        return _packed(images[0])
    side_by_side = list(itertools.accumulate((one.data.shape[1] for _, one in found), initial=0))
    placed = tuple(
        PlacedSections(image=number, sections=one, place=Box(x, x + one.data.shape[1], 0, one.data.shape[0]))
        for (number, one), x in zip(found, side_by_side, strict=False)
    )
    rows = max(one.data.shape[0] for _, one in found)
    why = "no card tells where the amplifiers go: they stand side by side"
    return Layout(nx=side_by_side[-1], ny=rows, amplifiers=placed, why=why, is_open=True)


def _by_cards(found: Sequence[tuple[int, Sections]]) -> Layout | None:
    """Place them by sections of the detector; None if these do not fill it, or one is missing."""
    sections = [one.image for _, one in found]
    stated = [section for section in sections if section is not None]
    if len(stated) < len(sections):
        return None
    boxes = [Box(*section.box) for section in stated]
    x, y = min(box.x_min for box in boxes), min(box.y_min for box in boxes)
    nx, ny = max(box.x_max for box in boxes) - x, max(box.y_max for box in boxes) - y
    filled = sum(math.prod(box.shape) for box in boxes)
    fits = all(box.shape == one.data.shape for box, (_, one) in zip(boxes, found, strict=True))
    overlap = any(box.overlaps(other) for box, other in itertools.combinations(boxes, 2))
    if not fits or overlap or filled != nx * ny:
        return None
    # A detector that is one amplifier may be turned as a whole, which is no matter of its amplifier.
    several = len(found) > 1
    placed = tuple(
        PlacedSections(
            image=number,
            sections=one,
            place=Box(box.x_min - x, box.x_max - x, box.y_min - y, box.y_max - y),
            flip_x=several and section.flips[0],
            flip_y=several and section.flips[1],
        )
        for (number, one), box, section in zip(found, boxes, stated, strict=True)
    )
    return Layout(nx=nx, ny=ny, amplifiers=placed, why="placed by cards")


def _packed(image: Sequence[Sections]) -> Layout:
    """Push the data of one image together, without what lies between them."""
    data = [one.data for one in image]
    across = _starts({(box.x_min, box.x_max) for box in data})
    along = _starts({(box.y_min, box.y_max) for box in data})
    placed = []
    for one, box in zip(image, data, strict=True):
        x, y = across[box.x_min], along[box.y_min]
        place = Box(x, x + box.shape[1], y, y + box.shape[0])
        placed.append(PlacedSections(image=0, sections=evolve(one, image=None), place=place))
    nx, ny = max(one.place.x_max for one in placed), max(one.place.y_max for one in placed)
    filled = sum(math.prod(box.shape) for box in data) == nx * ny
    why = "in the order in which they lie in the image"
    return Layout(nx=nx, ny=ny, amplifiers=tuple(placed), why=why, is_open=not filled)


def _starts(runs: set[tuple[int, int]]) -> dict[int, int]:
    starts, at = {}, 0
    for first, last in sorted(runs):
        starts[first] = at
        at += last - first
    return starts
