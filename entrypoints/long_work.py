"""Long work in a thread, which Ctrl-C ends at once: at its next step, or it is left where it is.

Nothing stops native code in a thread. So what is not done with its step in half a second is abandoned, and
the process ends without it; what must not be left half done, work does within `Pace.unbroken`.
"""

import asyncio
import atexit
import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from typing import Any, Final, NoReturn

from rich.console import Console

from entrypoints.saying import say
from entrypoints.screen import Screen
from workbench.pace import Pace

__all__ = ["INTERRUPTED", "leave", "paced", "work"]

INTERRUPTED: Final = 130
"""Exit code after Ctrl-C."""

_PATIENCE: Final = 0.5
_BETWEEN_LOOKS: Final = 0.02
_BETWEEN_SIGNALS: Final = 0.2
_BETWEEN_LINES: Final = 10.0


def work[T](
    what: str | None,
    call: Callable[[], T],
    pace: Pace,
    *,
    console: Console | None = None,
    stopped: str = "stopped; what was finished is kept, and nothing is half written",
) -> T:
    """Do long work and show how far it is; Ctrl-C ends the process with one line and exit code 130.

    Parameters
    ----------
    what
        What is done, until the work itself says more; None if it shows by itself how far it is.
    call
        The work.
    pace
        Of it.
    console
        Shows it: on a terminal in one line, else a line now and then; None is standard error.
    stopped
        Said after Ctrl-C.
    """
    console = console or Screen(stderr=True)
    running: Future[T] = Future()
    try:
        _start(running, call)
        with contextlib.nullcontext() if what is None else _shown(what, pace, console):
            # A signal just before a wait without an end would not end it.
            while not running.done():
                wait([running], timeout=_BETWEEN_SIGNALS)
            return running.result()
    except KeyboardInterrupt:
        pace.stop()
        _await_end(running, pace)
        say(stopped, err=True)
        leave(INTERRUPTED)


async def paced[**P, T](pace: Pace, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run something in a thread that ends at its pace's next step if this is cancelled, or is abandoned.

    After an abandoned one the process has to `leave`.
    """
    running: Future[T] = Future()
    _start(running, lambda: call(*args, **kwargs))
    ending = asyncio.wrap_future(running)
    try:
        return await asyncio.shield(ending)
    except asyncio.CancelledError:
        pace.stop()
        end = time.monotonic() + _PATIENCE
        while _is_awaited(running, pace, end):
            await asyncio.wait([ending], timeout=_BETWEEN_LOOKS)
        raise


def leave(code: int) -> NoReturn:
    """End the process, whatever its threads do."""
    # Libraries remove their temporary folders so; only threads must not be awaited.
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _start[T](running: Future[T], call: Callable[[], T]) -> None:
    def run() -> None:
        try:
            running.set_result(call())
        # It is raised where the work is awaited.
        except BaseException as error:  # noqa: BLE001 - see above
            running.set_exception(error)

    threading.Thread(target=run, name="long work", daemon=True).start()


def _await_end(running: Future[Any], pace: Pace) -> None:
    end = time.monotonic() + _PATIENCE
    while _is_awaited(running, pace, end):
        time.sleep(_BETWEEN_LOOKS)


def _is_awaited(running: Future[Any], pace: Pace, end: float) -> bool:
    return not running.done() and (pace.is_unbroken or time.monotonic() < end)


@contextlib.contextmanager
def _shown(what: str, pace: Pace, console: Console) -> Iterator[None]:
    with console.status(what) as status:
        pace.tell = status.update if console.is_terminal else _Lines(console).tell
        yield


class _Lines:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._last = time.monotonic()

    def tell(self, text: str) -> None:
        if time.monotonic() - self._last >= _BETWEEN_LINES:
            self._last = time.monotonic()
            self._console.print(text, highlight=False, markup=False, soft_wrap=True)
