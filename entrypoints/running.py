"""What every process has in common: settings read or refused, signals heeded, a clean end."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, NoReturn, Protocol

from domain.errors import PromptProcessingError
from entrypoints.saying import shown
from entrypoints.settings.environment import SettingsError, read_settings

__all__ = [
    "CANNOT_START",
    "SETTINGS",
    "loaded_or_exit",
    "run_service",
    "run_until_stopped",
    "settings_or_exit",
    "stopping_in_two_steps",
    "stopping_on_signals",
]

CANNOT_START = 1
"""Exit code of a process that could not begin its work."""
SETTINGS = 2
"""Exit code of a process whose settings are missing or wrong."""

_LOG = logging.getLogger(__name__)


def settings_or_exit[T](kind: type[T], *others: type) -> T:
    """Read a process's settings; with faults, list them all and exit with code 2.

    Parameters
    ----------
    kind
        The process's own settings, which are returned.
    others
        Settings that processes started by this one will read.
    """
    faults: list[str] = []
    settings = _read(kind, faults)
    for other in others:
        _read(other, faults)
    if settings is None or faults:
        _refuse(faults)
    return settings


def loaded_or_exit(*loads: Callable[[], object]) -> None:
    """Load what settings name (files, configurations); with faults, list them all and exit with code 2."""
    faults: list[str] = []
    for load in loads:
        try:
            load()
        except PromptProcessingError as error:
            faults.append(str(error))
    if faults:
        _refuse(faults)


def _refuse(faults: list[str]) -> NoReturn:
    lines = "\n".join(f"  {shown(fault)}" for fault in dict.fromkeys(faults))
    sys.stderr.write(f"prompt-processing cannot start; its settings are incomplete or wrong:\n{lines}\n")
    raise SystemExit(SETTINGS)


def _read[T](kind: type[T], faults: list[str]) -> T | None:
    try:
        return read_settings(kind, os.environ)
    except SettingsError as error:
        faults += error.faults
        return None


class Neighbour(Protocol):
    """Something that must be opened before use and closed after."""

    async def open(self) -> None: ...

    async def close(self) -> None: ...


@contextlib.asynccontextmanager
async def opened(*neighbours: Neighbour | None) -> AsyncIterator[None]:
    """Open neighbours in order, and close them in reverse, whatever happens."""
    async with contextlib.AsyncExitStack() as stack:
        for neighbour in neighbours:
            if neighbour is not None:
                stack.push_async_callback(neighbour.close)
                await neighbour.open()
        yield


def stopping_on_signals() -> asyncio.Event:
    """Make an event that SIGTERM and SIGINT set; to be called inside the event loop."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


def stopping_in_two_steps() -> tuple[asyncio.Event, asyncio.Event]:
    """Make an event that the first SIGTERM or SIGINT sets, and one that the second sets."""
    stop, abort = asyncio.Event(), asyncio.Event()

    def hear() -> None:
        (abort if stop.is_set() else stop).set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, hear)
    return stop, abort


async def run_until_stopped(stop: asyncio.Event, *services: Awaitable[None]) -> None:
    """Run services until `stop` is set or one of them ends or fails."""
    tasks = [asyncio.ensure_future(service) for service in services]
    stopping = asyncio.ensure_future(stop.wait())
    try:
        done, _ = await asyncio.wait([*tasks, stopping], return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
        _LOG.info("told to stop" if stop.is_set() else "a service ended")
    finally:
        for task in (*tasks, stopping):
            task.cancel()
        await asyncio.gather(*tasks, stopping, return_exceptions=True)


def run_service(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a process; what the project understands becomes one line and exit code 1."""
    try:
        asyncio.run(main())
    except PromptProcessingError as error:
        _LOG.critical("fatal: %s", error)
        raise SystemExit(CANNOT_START) from None
