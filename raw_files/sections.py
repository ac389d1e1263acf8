"""Sections as cards write them: ``[x1:x2,y1:y2]``, from 1, both ends included."""

import re

from attrs import frozen

__all__ = ["Section", "parse_section"]

_SECTION = re.compile(r"\[([0-9]{1,9}):([0-9]{1,9}),([0-9]{1,9}):([0-9]{1,9})\]")


@frozen
class Section:
    """Columns and rows from 1, both ends included; where the first is the larger, it is read backwards."""

    x_first: int
    x_last: int
    y_first: int
    y_last: int

    @property
    def flips(self) -> tuple[bool, bool]:
        """Whether x and y run backwards."""
        return self.x_first > self.x_last, self.y_first > self.y_last

    @property
    def box(self) -> list[int]:
        """``[x_min, x_max, y_min, y_max]``, from 0, the upper ends excluded."""
        x, y = sorted((self.x_first, self.x_last)), sorted((self.y_first, self.y_last))
        return [x[0] - 1, x[1], y[0] - 1, y[1]]


def parse_section(text: str) -> Section | None:
    """Read a section; None if the text is none."""
    match = _SECTION.fullmatch(text.replace(" ", ""))
    if match is None or "0" in {bound.lstrip("0") or "0" for bound in match.groups()}:
        return None
    return Section(*(int(bound) for bound in match.groups()))
