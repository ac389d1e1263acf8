"""How far long work is, and ending it early."""

import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence

__all__ = ["Pace", "WorkStoppedError"]


class WorkStoppedError(BaseException):
    """The work was told to stop; as with KeyboardInterrupt, nothing but a clean-up is to catch it."""


class Pace:
    """Tells from time to time how far work is, and ends it at its next step once it is told to.

    A thread cannot be stopped from outside: work in one calls `step` as often as it can.

    Parameters
    ----------
    tell
        Told one line, from whichever thread works.
    every
        Seconds between two lines at least.
    """

    def __init__(self, tell: Callable[[str], None] = lambda _: None, *, every: float = 0.5) -> None:
        self.tell = tell
        """Where lines go; may be changed at any time."""
        self._every = every
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._last = -math.inf
        self._begun: dict[str, tuple[float, int]] = {}
        self._unbroken = 0

    def stop(self) -> None:
        """End the work at its next step."""
        with self._lock:
            self._stopped.set()

    @contextlib.contextmanager
    def unbroken(self) -> Iterator[None]:
        """Do what must come to its end once it is begun, such as writing a file: who stops the work waits.

        Raises
        ------
        WorkStoppedError
            Raised, and nothing begun, once `stop` was called.
        """
        with self._lock:
            if self._stopped.is_set():
                raise WorkStoppedError
            self._unbroken += 1
        try:
            yield
        finally:
            with self._lock:
                self._unbroken -= 1

    @property
    def is_unbroken(self) -> bool:
        """Whether something is being done that must come to its end."""
        return self._unbroken > 0

    def step(self, what: str, total: int | None = None) -> None:
        """Note that one more of something is done, of a total if that is known.

        Raises
        ------
        WorkStoppedError
            Raised once `stop` was called.
        """
        if self._stopped.is_set():
            raise WorkStoppedError
        now = time.monotonic()
        with self._lock:
            begun, done = self._begun.get(what, (now, 0))
            self._begun[what] = begun, done + 1
            is_due = now - self._last >= self._every
            if is_due:
                self._last = now
        if is_due:
            self.tell(_line(what, done, total, now - begun))

    def over[T](self, what: str, items: Sequence[T]) -> Iterator[T]:
        """Iterate over items, each of which is a step."""
        for item in items:
            self.step(what, len(items))
            yield item


def _line(what: str, done: int, total: int | None, seconds: float) -> str:
    if total is None or done > total:
        return f"{what}: {done}"
    left = f", {seconds / done * (total - done):.0f} s left" if done else ""
    return f"{what}: {done} of {total}{left}"
