"""Run coroutines for exactly as long as a block of code, or one for as long as another."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Coroutine
from typing import Any

__all__ = ["running_alongside", "wait_for_either"]


@contextlib.asynccontextmanager
async def running_alongside(*companions: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run coroutines while the body runs; they are cancelled when it ends.

    If one of them fails, the body is cancelled and the failure raised. A
    single failure, the body's own included, comes out as it is and not in the
    group that a task group makes of it.
    """
    try:
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(companion) for companion in companions]
            try:
                yield
            finally:
                for task in running:
                    task.cancel()
    except BaseExceptionGroup as group:
        if len(group.exceptions) == 1:
            raise group.exceptions[0] from group.exceptions[0].__cause__
        raise


async def wait_for_either(first: Awaitable[object], second: Awaitable[object]) -> None:
    """Wait for one of two, then cancel the other and see it end."""
    both = [asyncio.ensure_future(first), asyncio.ensure_future(second)]
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in both:
            one.cancel()
        await asyncio.wait(both)
