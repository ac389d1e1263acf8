"""Steps of a workspace: how long each took, and what it means if one throws."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from adapters.butler.shared.outages import is_disk_full, neighbour_away
from domain.addresses import without_users
from domain.errors import PromptProcessingError
from ports.workspace import DiskFullError, NeighbourAwayError, WorkspaceError

__all__ = ["Stopwatch", "one_line", "step"]


@contextmanager
def step(name: str) -> Iterator[None]:
    """Turn whatever the libraries throw into a failed step.

    Raises
    ------
    WorkspaceError
        Raised if something was thrown that is not this project's own error;
        `NeighbourAwayError` if it speaks of a neighbour as away, `DiskFullError` of a full disk.
    """
    try:
        yield
    except PromptProcessingError:
        raise
    except Exception as error:
        text = f"{name}: {one_line(error)}"
        if is_disk_full(error):
            raise DiskFullError(text) from error
        away = neighbour_away(error)
        raise (WorkspaceError(text) if away is None else NeighbourAwayError(text, away)) from error


def one_line(error: BaseException) -> str:
    """Name an error and give its text, without line breaks."""
    text = without_users(" ".join(str(error).split()))
    line = f"{type(error).__name__}: {text}" if text else type(error).__name__
    if isinstance(error, BaseExceptionGroup):
        return f"{line}: {'; '.join(one_line(part) for part in error.exceptions)}"
    return line


class Stopwatch:
    """Adds up the time spent in named stages.

    Parameters
    ----------
    clock
        Seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time of a block as part of a stage, and translate what it throws (see `step`)."""
        began = self._clock()
        try:
            with step(name):
                yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + self._clock() - began
