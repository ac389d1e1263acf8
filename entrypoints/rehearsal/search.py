"""How many workers a night needs."""

import math
from collections.abc import Callable

from attrs import frozen

from entrypoints.rehearsal.figures import Figures

__all__ = ["Found", "find_workers"]

_PRECISION = 0.01
"""Of the number: the chance of a night moves it by more."""


@frozen(kw_only=True)
class Found:
    """The answer of a search."""

    workers: int | None
    """The fewest with which all goals are met; None if no number is enough."""
    figures: Figures
    """With so many workers, or with as many as ever had something to do."""


def find_workers(rehearse: Callable[[int], Figures], plenty: int) -> Found:
    """Search for the fewest workers with which all goals are met.

    Parameters
    ----------
    rehearse
        Plays the night with so many.
    plenty
        More than can have something to do at once.
    """
    best = rehearse(plenty)
    if not best.all_met:
        return Found(workers=None, figures=best)
    enough = max(min(best.most_busy, plenty), 1)
    if enough < plenty and (figures := rehearse(enough)).all_met:
        best = figures
    else:
        enough = plenty
    # The science alone takes more, were they never idle.
    too_few = min(math.ceil(best.science_hours / best.hours) - 1, enough - 1)
    while enough - too_few > max(1, _PRECISION * enough):
        middle = (enough + too_few) // 2
        figures = rehearse(middle)
        if figures.all_met:
            enough, best = middle, figures
        else:
            too_few = middle
    return Found(workers=enough, figures=best)
