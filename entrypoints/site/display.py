"""What a person sees while a site runs: counts and the last outcomes on a terminal, lines elsewhere."""

import contextlib
import datetime
import logging
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from typing import Final

from attrs import define, field
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from application.worker.log_context import current_log_context
from domain.visible_text import visible
from ports.work_queue import QueueDepth

__all__ = ["Display", "shown"]

_LAST: Final = 8
"""Outcomes that stay on the screen."""


@define
class Display:
    """What is known of the site; `rich` asks for it whenever it draws."""

    console: Console
    title: str
    frames: Mapping[str, int] = field(factory=dict)
    """Files since the site was started, by what became of them."""
    depth: QueueDepth | None = None
    children: int = 0
    job: str = ""
    """What the site does by itself now."""
    progress: str = ""
    """How far something is that comes to an end."""
    disk: str = ""
    """What is to be said of it, if anything."""
    outcomes: Counter[str] = field(factory=Counter)
    last: deque[str] = field(factory=lambda: deque(maxlen=_LAST))

    def ended(self, outcome: str, line: str) -> None:
        """Show that a visit-detector has its outcome."""
        self.outcomes[outcome] += 1
        line = visible(line)
        if self.console.is_terminal:
            self.last.append(f"{_time()}  {line}")
        else:
            self.say(line)

    def say(self, line: str) -> None:
        """Show a line above the rest."""
        self.console.print(
            f"{_time()}  {visible(line, keep_lines=True)}", highlight=False, markup=False, soft_wrap=True
        )

    def __rich__(self) -> Group:
        depth = self.depth
        queue = ""
        if depth is not None:
            counts = f"{depth.waiting} waiting, {depth.leased} under way, {depth.delayed} postponed"
            queue = f"{counts}, {depth.dead} dead"
        lines = [
            ("frames", _counts(self.frames) or "none yet"),
            ("queue", f"{queue}; {self.children} image processes"),
            ("ended", _counts(self.outcomes) or "nothing yet"),
            *([("doing", self.job)] if self.job else []),
            *([("disk", self.disk)] if self.disk else []),
        ]
        return Group(
            Text(self.title, style="bold"),
            *([Text(f"  {self.progress}")] if self.progress else []),
            *(Text(f"  {name:<8}{text}") for name, text in lines),
            *(Text(f"  {line}", style="dim") for line in self.last),
        )


@contextlib.contextmanager
def shown(display: Display) -> Iterator[None]:
    """Show it, and what the log says of outcomes and troubles, while the block lasts."""
    handler = _Listener(display)
    logging.getLogger().addHandler(handler)
    live = Live(display, console=display.console, refresh_per_second=2, vertical_overflow="ellipsis")
    try:
        with live if display.console.is_terminal else contextlib.nullcontext():
            yield
    finally:
        logging.getLogger().removeHandler(handler)


class _Listener(logging.Handler):
    """Hears what this process logs: outcomes of visit-detectors, warnings and errors."""

    def __init__(self, display: Display) -> None:
        super().__init__()
        self._display = display

    def emit(self, record: logging.LogRecord) -> None:
        outcome = getattr(record, "outcome", None)
        about = current_log_context()
        where = f"{about['group']} detector {about['detector']}: " if "group" in about else ""
        if outcome is not None and getattr(record, "final", True):
            self._display.ended(str(outcome), f"{where}{record.getMessage()}")
        elif record.levelno >= logging.WARNING:
            self._display.say(f"{record.levelname.lower()}: {where}{record.getMessage()}")


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))


def _time() -> str:
    return f"{datetime.datetime.now(datetime.UTC):%H:%M:%S}"
