"""Prepare the central repository for each day, while the site runs on."""

import asyncio
import contextlib
import datetime
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from domain.errors import PromptProcessingError
from domain.times import day_obs_of
from entrypoints.site.environment import INITIALIZE
from ports.clock import Clock

__all__ = ["DayNotPreparedError", "initialize", "prepare_days"]

_LOG = logging.getLogger(__name__)

_LOOK_EVERY: Final = 60.0
"""Seconds between two looks at the day, which may have changed while this machine slept."""


class DayNotPreparedError(PromptProcessingError):
    """The initializer failed."""


async def initialize() -> None:
    """Run the initializer, in a process that ends with it: what it loads is large.

    Raises
    ------
    DayNotPreparedError
        Raised if it fails; its log says why.
    """
    process = await asyncio.create_subprocess_exec(
        *INITIALIZE, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        code = await process.wait()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    if code:
        raise DayNotPreparedError(f"the initializer ended with exit code {code}; the log has its reason")


async def prepare_days(
    clock: Clock, prepared_once: asyncio.Event, prepare: Callable[[], Awaitable[None]] = initialize
) -> None:
    """Prepare each day_obs and the one after it, until cancelled; what fails is tried again.

    Parameters
    ----------
    clock
        Tells the day.
    prepared_once
        Set when the first day is prepared: before, no attempt can succeed.
    prepare
        Prepares today and tomorrow.
    """
    prepared: datetime.date | None = None
    failing = False
    while True:
        today = day_obs_of(clock.utc())
        if today != prepared:
            try:
                await prepare()
            except PromptProcessingError as error:
                if not failing:
                    _LOG.error("%s cannot be prepared, retrying: %s", today, error)
                failing = True
            else:
                _LOG.info("runs and chain of %s and of the day after are prepared", today)
                prepared, failing = today, False
                prepared_once.set()
        await asyncio.sleep(_LOOK_EVERY)
