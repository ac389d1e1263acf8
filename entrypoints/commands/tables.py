"""What commands for people print."""

import itertools
import os
from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from domain.visible_text import visible
from entrypoints.screen import Screen

__all__ = ["console", "ranges", "table"]


_WIDTH_OF_FILES = 200
_LONGEST_KEPT_WHOLE = 40  # characters


def console() -> Console:
    """Make what to print to: as wide as the terminal; where there is none, wide enough for most lines."""
    made = Screen(highlight=False, markup=False)
    if not made.is_terminal and "COLUMNS" not in os.environ:
        made.width = _WIDTH_OF_FILES
    return made


def ranges(numbers: Iterable[int]) -> str:
    """Write numbers shortly, as in ``0-3 7``."""
    ordered = sorted(set(numbers))
    runs = itertools.groupby(enumerate(ordered), key=lambda pair: pair[1] - pair[0])
    ends = [[number for _, number in run] for _, run in runs]
    return " ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in ends)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """Make a plain table in which nothing is cut off.

    The first column, which one copies, is not folded, unless it would leave a terminal no place for others.
    """
    made = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    cells = [[visible(str(cell)) for cell in row] for row in rows]
    is_narrow = all(len(row[0]) <= _LONGEST_KEPT_WHOLE for row in cells)
    for number, column in enumerate(columns):
        made.add_column(column, overflow="fold", no_wrap=number == 0 and is_narrow)
    for row in cells:
        # What comes from outside may look like markup.
        made.add_row(*map(Text, row))
    return made
