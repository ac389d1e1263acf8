"""Try again what fails for a while: one way for all adapters, on tenacity."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from tenacity import AsyncRetrying, RetryCallState, Retrying, stop_never, wait_none
from tenacity.retry import retry_base
from tenacity.stop import stop_base
from tenacity.wait import wait_base

__all__ = ["Retries"]

_AT_ONCE: Final = wait_none()


class Retries:
    """Calls something until it succeeds; the failure that ends it comes out as it is.

    Parameters
    ----------
    retry
        After which failures it is tried again.
    wait
        Pauses between two tries.
    stop
        When to give up; by default never.
    failed
        Told before each pause how many tries have failed, and how the last did.
    sleep
        Waits so many seconds, where nothing is awaited.
    """

    def __init__(
        self,
        retry: retry_base,
        *,
        wait: wait_base = _AT_ONCE,
        stop: stop_base = stop_never,
        failed: Callable[[int, BaseException], None] | None = None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        def before_sleep(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            if failed and error:
                failed(state.attempt_number, error)

        self._options: dict[str, Any] = {
            "retry": retry,
            "wait": wait,
            "stop": stop,
            "before_sleep": before_sleep,
            "sleep": sleep,
            "reraise": True,
        }

    def run[**Given, Answer](
        self, call: Callable[Given, Answer], *args: Given.args, **kwargs: Given.kwargs
    ) -> Answer:
        """Call a function; it may be called several times."""
        return Retrying(**self._options)(call, *args, **kwargs)

    async def run_async[**Given, Answer](
        self, call: Callable[Given, Awaitable[Answer]], *args: Given.args, **kwargs: Given.kwargs
    ) -> Answer:
        """Await what a function gives; it may be called several times."""
        return await AsyncRetrying(**self._options | {"sleep": asyncio.sleep})(call, *args, **kwargs)
