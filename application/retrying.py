"""Try again what a neighbour that is away does not let happen."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from ports.neighbours import NeighbourUnavailableError

__all__ = ["retried"]


async def retried[T](
    call: Callable[[], Awaitable[T]],
    away: type[NeighbourUnavailableError],
    log: logging.Logger,
    pause: float,
    longest_pause: float | None = None,
) -> T:
    """Await what a call gives; as long as it fails so, log it and call again after a pause.

    Parameters
    ----------
    call
        Can be repeated.
    away
        The failure after which it is; any other comes out.
    log
        The caller's.
    pause
        Seconds on the event loop's clock, doubled each time up to `longest_pause`.
    longest_pause
        By default `pause`: it stays as it is.
    """
    longest_pause = pause if longest_pause is None else longest_pause
    while True:
        try:
            return await call()
        except away as error:
            pause = min(pause, longest_pause)
            log.error("%s; retrying in %g s", error, pause)
            await asyncio.sleep(pause)
            pause *= 2
