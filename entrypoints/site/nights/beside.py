"""Take a night into a site that another process runs, which processes it."""

import asyncio
import os

from rich.console import Console

from application.worker.alongside import running_alongside
from domain.visit import Identity
from entrypoints.containers.site import SiteContainer
from entrypoints.containers.status import StatusContainer
from entrypoints.running import opened, stopping_on_signals
from entrypoints.settings.environment import read_settings
from entrypoints.settings.status import StatusSettings
from entrypoints.site import lock
from entrypoints.site.display import Display, shown
from entrypoints.site.nights.taking_in import Night, Progress

__all__ = ["status_container", "take_in_beside"]

_LOOK_EVERY = 2.0  # Seconds.


def take_in_beside(site: SiteContainer, night: Night, who: str) -> None:
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


async def _take_in(site: SiteContainer, night: Night, who: str) -> None:
    stop = stopping_on_signals()
    display = Display(Console(), f"{site.camera().instrument} in {site.folder().path}")
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
    site: SiteContainer, night: Night, status: StatusContainer, display: Display
) -> None:
    progress, wanted = Progress(display, "images processed"), night.identities
    while lock.find_holder(site.folder()) is not None:
        display.depth = await site.upkeep().depth()
        done = wanted & await _ended(status, site.camera().instrument)
        if done == wanted or not display.depth.waiting + display.depth.leased:
            night.is_finished = True
            return
        progress.show(len(done), len(wanted))
        await asyncio.sleep(_LOOK_EVERY)
    display.say("the process that ran the site has ended")


async def _ended(status: StatusContainer, instrument: str) -> frozenset[Identity]:
    latest = await status.ledger().latest(instrument)
    return frozenset(record.attempt.identity for record in latest if record.final)
