"""Run a site: intake, workers and upkeep in one process, until it is told to stop."""

import asyncio
import contextlib
import logging
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, Final

import click

from application.worker.alongside import running_alongside
from application.worker.work import Worker
from domain.errors import PromptProcessingError
from domain.raws.frame_files import FrameFile
from entrypoints.containers.site import (
    SiteContainer,
    load_camera,
    processes_of_site,
    remove_orphans,
    site_worker,
    work_folder,
)
from entrypoints.containers.worker import WorkerContainer
from entrypoints.durability import warn_if_not_durable
from entrypoints.logs import configure_logs
from entrypoints.running import (
    CANNOT_START,
    Neighbour,
    loaded_or_exit,
    opened,
    settings_or_exit,
    stopping_in_two_steps,
)
from entrypoints.saying import say
from entrypoints.screen import Screen
from entrypoints.settings.worker import ChildSettings, WorkerSettings
from entrypoints.site import lock
from entrypoints.site.console import served_console
from entrypoints.site.days import prepare_days
from entrypoints.site.display import Display, shown
from entrypoints.site.environment import enter, site_variables
from entrypoints.site.folder import open_site, site_argument
from entrypoints.site.log_file import LogFile
from entrypoints.site.stop import STOPPED
from entrypoints.site.upkeep.alerts import deliver_leftovers
from entrypoints.site.upkeep.wiring import make_upkeep

__all__ = ["Feed", "command", "serve_site"]

_LOG = logging.getLogger(__name__)

_SHOW_EVERY: Final = 1.0  # Seconds.

type Feed = Callable[[SiteContainer, Display], Awaitable[None]]
"""Takes frames in while the workers work; once it returns, the site ends."""


@click.command(name="run")
@site_argument
def command(*, folder: Path) -> None:
    """Process what appears in the watched folders of the site in DIR, until told to stop.

    Ctrl-C, SIGTERM or `site stop`: the images under way may end within the
    grace of site.yaml; a second one ends them at once. What is not finished is
    done when the site runs again, as it is after a crash.
    """
    site, settings = open_site(folder)
    variables = site_variables(site, settings, load_camera(site.camera))
    with lock.running(site):
        enter(variables)
        worker_settings = settings_or_exit(WorkerSettings, ChildSettings)
        container = SiteContainer(folder=site, settings=settings, worker_settings=worker_settings)
        loaded_or_exit(container.preprocessing, container.main)
        container.trim_heap()
        log = LogFile(site.logs)
        log.open()
        configure_logs(worker_settings.logs.levels, "site")
        serve_site(container, log, _watch)
    say(STOPPED)


def serve_site(site: SiteContainer, log: LogFile, feed: Feed) -> None:
    """Run a site whose lock this process has.

    What ends it otherwise than a signal stands in the log, and is said where people look.
    """
    try:
        asyncio.run(_run(site, log, feed))
    except PromptProcessingError as error:
        _LOG.critical("fatal: %s", error)
        say(f"the site cannot go on: {error}")
        raise SystemExit(CANNOT_START) from None
    except Exception:  # noqa: BLE001 - nobody looks at what the interpreter would write: it goes to the log
        _LOG.exception("fatal")
        say(f"the site has ended by an error, which stands in {log.path}")
        raise SystemExit(CANNOT_START) from None


async def _watch(site: SiteContainer, display: Display) -> None:
    """Take in what appears in the watched folders, and keep the site up when it is idle; until cancelled."""
    watched = ", ".join(map(str, site.folder().watched(site.settings())))
    display.say(f"{display.title}; frames come from {watched}")
    idle_work = make_upkeep(site, display).run()
    async with served_console(site, display), opened(site.files()), running_alongside(idle_work):
        await site.intake().run()


async def _run(site: SiteContainer, log: LogFile, feed: Feed) -> None:
    # Signals first: what ends by one removes its folders.
    stop, abort = stopping_in_two_steps()
    place, settings = site.folder(), site.settings()
    remove_orphans(place.run)
    with contextlib.ExitStack() as folders:
        workers = [
            site_worker(site, folders.enter_context(work_folder(place.run)))
            for _ in range(settings.worker_count)
        ]
        async with opened(*_neighbours(site), *(one for worker in workers for one in _of_worker(worker))):
            await warn_if_not_durable(workers[0].ledger())
            await _release_leases(site)
            _LOG.info("%s is run by process %d", place.path, os.getpid(), extra={"ready": True})
            title = f"{site.camera().instrument} in {place.path}, {len(workers)} workers"
            display = Display(Screen(), title)
            with site.readiness().ready(), shown(display):
                prepared = asyncio.Event()
                companions = (
                    site.keeper().run(),
                    prepare_days(site.clock(), prepared),
                    log.follow_days(),
                    _look(site, display),
                    deliver_leftovers(place.central),
                )
                async with running_alongside(*companions):
                    working = [_work(one.worker(), prepared, stop, abort) for one in workers]
                    await _serve(site, working, feed, display, stop)
    _LOG.info("exiting")


async def _release_leases(site: SiteContainer) -> None:
    """Put back at once what a killed process had leased: who has the site's lock is the only one to lease."""
    async with site.released() as upkeep:
        released = await upkeep.put_back_expired()
    if released:
        _LOG.warning("%d detectors were being processed when the site ended: they are put back", released)


def _neighbours(site: SiteContainer) -> Sequence[Neighbour]:
    return [
        site.metrics_server(),
        site.upkeep(),
        site.publisher(),
        site.journal(),
        site.index(),
        site.raw_keeper(),
        site.store(),
        site.reader(),
    ]


def _of_worker(worker: WorkerContainer) -> Sequence[Neighbour]:
    """List what a worker needs open; its child is started by its first visit."""
    return [
        one
        for one in (
            worker.queue(), worker.control(), worker.histories(), worker.store(), worker.raw_index(),
        )
        if one is not None
    ]  # fmt: skip


async def _serve(
    site: SiteContainer,
    workers: Sequence[Coroutine[Any, Any, None]],
    feed: Feed,
    display: Display,
    stop: asyncio.Event,
) -> None:
    """Take frames in until told to stop, or there are no more; then see the workers end."""
    fed = asyncio.Event()

    async def take_in() -> None:
        await feed(site, display)
        fed.set()
        stop.set()

    try:
        async with asyncio.TaskGroup() as crew:
            for worker in workers:
                crew.create_task(worker)
            async with running_alongside(take_in()):
                await stop.wait()
            if not fed.is_set():
                grace = site.settings().grace_s
                _LOG.info("told to stop: images under way have %g s", grace)
                display.say(f"stopping: images under way have {grace:g} s; a second Ctrl-C ends them at once")
    except* PromptProcessingError as group:
        raise group.exceptions[0] from group


async def _work(worker: Worker, prepared: asyncio.Event, stop: asyncio.Event, abort: asyncio.Event) -> None:
    """Work once the day is prepared: an attempt before would fail, and count."""
    begin = [asyncio.ensure_future(event.wait()) for event in (prepared, stop)]
    try:
        await asyncio.wait(begin, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for waiting in begin:
            waiting.cancel()
    while not stop.is_set():
        await worker.run(stop, abort)


async def _look(site: SiteContainer, display: Display) -> None:
    """Keep what is shown up to date."""
    since = site.clock().utc()
    files: dict[FrameFile, str] = {}
    while True:
        with contextlib.suppress(PromptProcessingError):  # Those who need queue and journal say so.
            display.depth = await site.upkeep().depth()
            for record in await site.journal().records(since):
                files[record.file], since = record.ending.value, record.noted
            display.frames = Counter(files.values())
        display.children = sum(what == "images" for what, _ in processes_of_site(os.getpid()))
        await asyncio.sleep(_SHOW_EVERY)
