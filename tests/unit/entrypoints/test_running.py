"""Signals: the first asks, the second hurries."""

import asyncio
import os
import signal

from entrypoints.running import stopping_in_two_steps


async def test_the_second_signal_hurries() -> None:
    stop, abort = stopping_in_two_steps()
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(10):
            await stop.wait()
        assert not abort.is_set()
        os.kill(os.getpid(), signal.SIGINT)
        async with asyncio.timeout(10):
            await abort.wait()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().remove_signal_handler(number)
