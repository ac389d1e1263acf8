"""A night on a terminal of any size: counts, a bar, each visit's detectors, and what is under way."""

from collections.abc import Iterator, Sequence
from typing import Final

from attrs import define, field
from rich.text import Text

from domain.visible_text import visible
from entrypoints.observatory.progress import Progress, Row

__all__ = ["ProgressScreen"]

_LETTERS: Final = {"prepare": "p", "wait": "w", "ingest": "i", "process": "s", "export": "e"}
"""Of a stage under way; other stages are ``*``."""
_LEGEND: Final = "# completed  ! otherwise  p prepare  w wait  i ingest  s science  e export  r retry"
_TO_FOLLOW: Final = "r"
_ENOUGH_FOR_A_RATE: Final = 3
"""Visit-detectors that must have ended before the time left is said."""
_LEAST_UNDER_WAY: Final = 3
"""Lines kept for what is under way, beside the visits."""


@define
class ProgressScreen:
    """Draws the progress of a night into as many lines as there are."""

    progress: Progress
    first_end: tuple[int, float] | None = field(default=None, init=False)
    """How many had ended when the first were seen to, and when: the rate is reckoned from there."""

    def lines(self, now: float, width: int, height: int) -> list[Text]:
        """Draw it.

        Parameters
        ----------
        now
            Seconds since the night began.
        width, height
            Of the terminal, in characters.
        """
        rows = list(self.progress.rows.values())
        busy = self.progress.under_way
        head = [*self._head(rows, len(busy), now, width)]
        left = max(height - len(head) - 1, 0)
        shown = min(len(busy), max(_LEAST_UNDER_WAY, left // 2), max(left - 1, 0))
        visits = list(_visit_lines(rows, width))
        room = left - (shown + 1 if shown else 0)
        lines = head + _last_that_fit(visits, room)
        if shown:
            more = f", longest first; {len(busy) - shown} more" if shown < len(busy) else ""
            lines.append(Text(f"  under way{more}", style="bold"))
            lines += [_under_way(row, now) for row in busy[:shown]]
        for line in lines:
            line.truncate(width, overflow="ellipsis")
        return lines[:height]

    def _head(self, rows: Sequence[Row], busy: int, now: float, width: int) -> Iterator[Text]:
        done = sum(row.final for row in rows)
        completed = sum(row.final and row.outcome == "completed" for row in rows)
        counts = [(completed, "completed"), (done - completed, "otherwise"), (busy, "under way")]
        counts.append((len(rows) - done - busy, "to come"))
        told = ", ".join(f"{number} {name}" for number, name in counts if number)
        yield Text(f"{now:7.1f} s  {told}{self._time_left(done, len(rows), now)}", style="bold")
        size = max(width - 20, 10)
        full = size * done // max(len(rows), 1)
        yield Text(f"  [{'=' * full}{' ' * (size - full)}] {done} of {len(rows)}")
        yield Text(f"  {_LEGEND}", style="dim")

    def _time_left(self, done: int, of: int, now: float) -> str:
        if done and self.first_end is None:
            self.first_end = done, now
        if self.first_end is None or not done < of:
            return ""
        before, since = self.first_end
        if done - before < _ENOUGH_FOR_A_RATE:
            return ""
        seconds = (of - done) * (now - since) / (done - before)
        return f"; about {seconds:.0f} s left" if seconds < 100 else f"; about {seconds / 60:.0f} min left"


def _visit_lines(rows: Sequence[Row], width: int) -> Iterator[tuple[bool, Text]]:
    """Draw a line for each visit: how many of its detectors have ended, and a letter for each if they fit.

    With each comes whether work on the visit has begun.
    """
    visits: dict[str, list[Row]] = {}
    for row in rows:
        visits.setdefault(visible(row.group), []).append(row)
    longest = min(max(map(len, visits), default=0), width // 2)
    for group, of_visit in visits.items():
        done = sum(row.final for row in of_visit)
        line = Text(f"  {group:<{longest}}  {done:3}/{len(of_visit):<3}  ")
        letters = [_letter(row) for row in of_visit]
        if len(line) + len(letters) <= width:
            for letter, style in letters:
                line.append(letter, style)
        else:
            for (letter, style), number in _tally(letters):
                line.append(f"{number}{letter} ", style)
        yield any(row.worker for row in of_visit), line


def _tally(letters: Sequence[tuple[str, str]]) -> list[tuple[tuple[str, str], int]]:
    return [(one, letters.count(one)) for one in sorted(set(letters))]


def _letter(row: Row) -> tuple[str, str]:
    if row.final:
        return ("#", "green") if row.outcome == "completed" else ("!", "bold red")
    if row.outcome:
        return _TO_FOLLOW, "yellow"
    if not row.worker:
        return ".", "dim"
    return _LETTERS.get(row.stage, "*"), "cyan"


def _last_that_fit(visits: Sequence[tuple[bool, Text]], room: int) -> list[Text]:
    """Keep the latest visits on which work has begun, and say how many are not shown."""
    lines = [line for _, line in visits]
    if len(lines) <= room:
        return lines
    if room < 1:
        return []
    last = max([number for number, (has_begun, _) in enumerate(visits) if has_begun], default=0)
    begin = max(last + 2 - room, 0)
    shown = lines[begin : begin + room - 1]
    return [
        Text(f"  {begin} visits before these, {len(lines) - begin - len(shown)} after", style="dim"),
        *shown,
    ]


def _under_way(row: Row, now: float) -> Text:
    group = visible(row.group)
    return Text(f"    {group} detector {row.detector}: {row.stage} {now - row.since:.0f} s, {row.worker}")
