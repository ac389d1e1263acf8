"""Take a night into a site that another process runs, which processes it."""

import asyncio
import os
from collections.abc import Set

from application.worker.alongside import running_alongside
from domain.times import UtcSeconds
from domain.visit import Identity
from entrypoints.containers.site import SiteContainer
from entrypoints.containers.status import StatusContainer
from entrypoints.running import opened, stopping_on_signals
from entrypoints.screen import Screen
from entrypoints.settings.environment import read_settings
from entrypoints.settings.status import StatusSettings
from entrypoints.site import lock
from entrypoints.site.display import Display, shown
from entrypoints.site.nights.taking_in import PastFiles, Progress
from ports.clock import Clock
from ports.ledger import Ledger

__all__ = ["EndedImages", "status_container", "take_in_beside"]

_LOOK_EVERY = 2.0  # Seconds.


def take_in_beside(site: SiteContainer, night: PastFiles, who: str) -> None:
    """Take a night's files in, and wait until the process that runs the site has processed them.

    Parameters
    ----------
    site
        The site.
    night
        Its files.
    who
        Says which process it is.
    """
    asyncio.run(_take_in(site, night, who))


def status_container() -> StatusContainer:
    """Reach queue and ledger by the environment, which is the site's."""
    return StatusContainer(settings=read_settings(StatusSettings, os.environ))


async def _take_in(site: SiteContainer, night: PastFiles, who: str) -> None:
    stop = stopping_on_signals()
    display = Display(Screen(), f"{site.camera().instrument} in {site.folder().path}")
    status = status_container()
    neighbours = (
        site.upkeep(), site.publisher(), site.journal(), site.index(), site.raw_keeper(), site.store(),
        site.reader(), status.histories(),
    )  # fmt: skip

    async def work() -> None:
        display.say(f"{who}, which processes {len(night.files)} files of {night.folder}")
        await night.take_in(site, display)
        await _until_processed(site, night, status, display)
        stop.set()

    async with opened(*neighbours):
        with shown(display):
            async with running_alongside(work()):
                await stop.wait()


async def _until_processed(
    site: SiteContainer, night: PastFiles, status: StatusContainer, display: Display
) -> None:
    progress, wanted = Progress(display, "images processed"), night.identities
    ended = EndedImages(status.ledger(), site.camera().instrument, site.clock())
    while lock.find_holder(site.folder()) is not None:
        display.depth = await site.upkeep().depth()
        done = wanted & await ended.look()
        if done == wanted or not display.depth.unfinished:
            night.is_finished = True
            return
        progress.show(len(done), len(wanted))
        await asyncio.sleep(_LOOK_EVERY)
    display.say("the process that ran the site has ended")


class EndedImages:
    """What has its final outcome; each look reads only what was recorded since the one before.

    Parameters
    ----------
    ledger, instrument
        Where to look, and for whom.
    clock
        Of the machine that has the ledger.
    """

    def __init__(self, ledger: Ledger, instrument: str, clock: Clock) -> None:
        self._ledger = ledger
        self._instrument = instrument
        self._clock = clock
        self._since: UtcSeconds | None = None
        self._ended: set[Identity] = set()

    async def look(self) -> Set[Identity]:
        """List all that has ended."""
        # What was recorded in the second in which this begins may be seen only by the next look.
        since = UtcSeconds(self._clock.utc() - 1.0)
        for record in await self._ledger.latest(self._instrument, self._since):
            (self._ended.add if record.final else self._ended.discard)(record.attempt.identity)
        self._since = since
        return self._ended
