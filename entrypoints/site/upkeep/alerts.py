"""Alerts that a killed process has left in the outbox of a site."""

import asyncio
import logging
import time
from pathlib import Path
from typing import Final

from entrypoints.site.upkeep.jobs import CommandFailedError, run_command

__all__ = ["deliver_leftovers"]

_LOG = logging.getLogger(__name__)

_LOOK_EVERY: Final = 10.0  # Seconds.
_LEFT_AFTER: Final = 60.0  # Seconds; whoever lives hands its alerts out sooner.


async def deliver_leftovers(central: Path) -> None:
    """Have the courier, which reads the APDB, look in a process of its own at alerts that lie there."""
    last = ""
    while True:
        if await asyncio.to_thread(_has_leftovers, central):
            try:
                said = (await run_command("alerts", "courier", "--once")).strip()
            except CommandFailedError as error:
                said = str(error)
            if said != last:
                _LOG.warning(
                    "a process that ended had left alerts in %s: %s", central / ".alert-outbox", said
                )
            last = said
        await asyncio.sleep(_LOOK_EVERY)


def _has_leftovers(central: Path) -> bool:
    oldest = time.time() - _LEFT_AFTER
    for file in (central / ".alert-outbox").glob("*/*/*.avro"):
        try:
            if file.stat().st_mtime < oldest:
                return True
        except FileNotFoundError:
            continue
    return False
