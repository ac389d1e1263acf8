"""Where an amplifier's pixels are in an HDU."""

from collections.abc import Mapping, Sequence
from typing import Final

from attrs import asdict, frozen

from domain.cameras.camera import Box
from raw_files.sections import Section

__all__ = ["FEWEST", "Sections", "fits_section", "with_boxes", "with_dark"]

FEWEST: Final = 3
"""Columns or rows that are an overscan; fewer are bad ones at the edge."""


@frozen(kw_only=True)
class Sections:
    """What one amplifier reads."""

    name: str = ""
    """Blank if nothing names it."""
    data: Box
    """Pixels that see light."""
    overscan: Box | None = None
    parallel_overscan: Box | None = None
    prescan: Box | None = None
    parallel_prescan: Box | None = None
    image: Section | None = None
    """Where cards put the data on the detector, or on all of them; may run backwards."""
    why: str


def fits_section(box: Box) -> str:
    """Write a box as FITS does: from 1, both ends included."""
    return f"[{box.x_min + 1}:{box.x_max},{box.y_min + 1}:{box.y_max}]"


def with_dark(sections: Sections, boxes: Sequence[Box], *, is_overscan: bool = True) -> Sections:
    """Add overscans or prescans: serial ones beside the light, parallel ones above or below it.

    Of several of a kind the first counts; what lies elsewhere is passed over.
    """
    names = ("overscan", "parallel_overscan") if is_overscan else ("prescan", "parallel_prescan")
    return with_boxes(
        sections,
        {
            name: next((found for box in boxes if (found := cut(box, sections.data)) is not None), None)
            for name, cut in zip(names, (_beside, _above), strict=True)
            if getattr(sections, name) is None
        },
    )


def with_boxes(sections: Sections, boxes: Mapping[str, Box | None]) -> Sections:
    """Put overscans and prescans, by name, in the place of those that are there."""
    return Sections(**{**asdict(sections, recurse=False), **boxes})


def _beside(box: Box, data: Box) -> Box | None:
    """Cut a box of columns to the rows of the data; None if it is none, or has not all of these."""
    outside = box.x_max <= data.x_min or box.x_min >= data.x_max
    if outside and box.y_min <= data.y_min and box.y_max >= data.y_max:
        return Box(box.x_min, box.x_max, data.y_min, data.y_max)
    return None


def _above(box: Box, data: Box) -> Box | None:
    outside = box.y_max <= data.y_min or box.y_min >= data.y_max
    if outside and box.x_min <= data.x_min and box.x_max >= data.x_max:
        return Box(data.x_min, data.x_max, box.y_min, box.y_max)
    return None
