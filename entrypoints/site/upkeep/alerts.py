"""Alerts that a killed process has left in the outbox of a site."""

import asyncio
import contextlib
import logging
import time
from pathlib import Path
from typing import Final

from entrypoints.site.upkeep.jobs import CommandFailedError, run_command

__all__ = ["deliver_leftovers"]

_LOG = logging.getLogger(__name__)

_LOOK_EVERY: Final = 10.0  # Seconds.
_LEFT_AFTER: Final = 60.0  # Seconds; whoever lives hands its alerts out sooner.
_AGAIN_AFTER: Final = 60.0  # Seconds; what the courier has left, as held alerts, is not looked at sooner.


async def deliver_leftovers(central: Path) -> None:
    """Have the courier, which reads the APDB, look in a process of its own at alerts that lie there."""
    last, known, again = "", frozenset[_File](), 0.0
    while True:
        found = await asyncio.to_thread(_leftovers, central)
        if found - known or (found and time.monotonic() >= again):
            again = time.monotonic() + _AGAIN_AFTER
            try:
                said = (await run_command("alerts", "courier", "--once")).strip()
                known = found
            except CommandFailedError as error:
                said, known = str(error), frozenset()
            if said != last:
                _LOG.warning("alerts were left in %s: %s", central / ".alert-outbox", said)
            last = said
        await asyncio.sleep(_LOOK_EVERY)


type _File = tuple[str, float]
"""Name, and when it was written."""


def _leftovers(central: Path) -> frozenset[_File]:
    oldest = time.time() - _LEFT_AFTER
    found: set[_File] = set()
    for file in (central / ".alert-outbox").glob("*/*/*.avro"):
        with contextlib.suppress(FileNotFoundError):
            written = file.stat().st_mtime
            if written < oldest:
                found.add((str(file), written))
    return frozenset(found)
