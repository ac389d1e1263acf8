"""What a person sees while the night goes on: a live screen, or lines."""

import time
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from domain.visible_text import visible
from entrypoints.observatory.night_screen import ProgressScreen
from entrypoints.observatory.progress import Progress, Row

__all__ = ["Display", "make_display"]

_BETWEEN_LINES = 10.0
"""Seconds between two lines about one long step."""
_MAIN_STAGES = ("prepare", "wait", "ingest", "process", "export")


class Display(Protocol):
    """Shows a night; used as a context manager."""

    def say(self, text: str) -> None:
        """Show one line about the night as a whole."""
        ...

    def working(self, text: str) -> None:
        """Show how far a long step is, in place of what was shown of it before; from any thread."""
        ...

    def ended(self, row: Row) -> None:
        """Show that a visit-detector has its outcome."""
        ...

    def follow(self, progress: Progress) -> None:
        """Show this progress from now on."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def make_display(console: Console, begin: float, *, quiet: bool = False) -> Display:
    """Choose a live screen on a terminal, lines elsewhere.

    Parameters
    ----------
    console
        Where to.
    begin
        Monotonic seconds at which the night began.
    quiet
        True shows only what did not complete.
    """
    if quiet:
        return _Silent(console, begin)
    return _LiveTable(console, begin) if console.is_terminal else _Lines(console, begin)


class _Lines:
    def __init__(self, console: Console, begin: float) -> None:
        self._console = console
        self._begin = begin
        self._worked = begin

    def say(self, text: str) -> None:
        self._console.print(
            f"{time.monotonic() - self._begin:7.1f} s  {visible(text, keep_lines=True)}",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )

    def working(self, text: str) -> None:
        if time.monotonic() - self._worked >= _BETWEEN_LINES:
            self._worked = time.monotonic()
            self.say(text)

    def ended(self, row: Row) -> None:
        seconds = " ".join(
            f"{stage} {row.seconds[stage]:.2f}" for stage in _MAIN_STAGES if stage in row.seconds
        )
        self.say(f"{row.group} detector {row.detector}: {row.detail}  ({seconds})")

    def follow(self, progress: Progress) -> None:
        self.say(f"{len(progress.rows)} visit-detectors to come")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


class _Silent(_Lines):
    """Shows what did not complete, and nothing else."""

    def say(self, text: str) -> None:
        pass

    def working(self, text: str) -> None:
        pass

    def ended(self, row: Row) -> None:
        if row.outcome != "completed":
            super().say(f"{row.group} detector {row.detector}: {row.detail}")


class _LiveTable:
    def __init__(self, console: Console, begin: float) -> None:
        self._console = console
        self._begin = begin
        self._screen: ProgressScreen | None = None
        self._working = ""
        self._live = Live(
            console=console, get_renderable=self._render, refresh_per_second=4, vertical_overflow="crop"
        )

    def say(self, text: str) -> None:
        self._working = ""
        self._live.console.print(
            f"{time.monotonic() - self._begin:7.1f} s  {visible(text, keep_lines=True)}",
            highlight=False,
            markup=False,
        )

    def working(self, text: str) -> None:
        self._working = text

    def ended(self, row: Row) -> None:
        if row.outcome != "completed":
            self.say(f"{row.group} detector {row.detector}: {row.detail}")

    def follow(self, progress: Progress) -> None:
        self._screen = ProgressScreen(progress)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def _render(self) -> Group:
        now = time.monotonic() - self._begin
        if self._screen is None:
            return Group(Text(f"{now:7.1f} s  {self._working}", style="cyan"))
        size = self._console.size
        lines = self._screen.lines(now, size.width, size.height - 2)
        return Group(*lines, Text(f"  {self._working}" if self._working else "", style="cyan"))
