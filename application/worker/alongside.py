"""Run coroutines for exactly as long as a block of code."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from typing import Any

__all__ = ["running_alongside"]


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
