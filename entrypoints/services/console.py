"""The console's process: a night in the browser, of a deployment, a site, or results that were kept."""

import asyncio
import logging
import os
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

import click
from attrs import evolve

from entrypoints.containers.console import ConsoleContainer, Watched, kept_night, live_night
from entrypoints.containers.results import alerts_in
from entrypoints.containers.site import load_camera
from entrypoints.help import service_help
from entrypoints.logs import configure_logs
from entrypoints.running import opened, run_service, run_until_stopped, settings_or_exit, stopping_on_signals
from entrypoints.saying import say
from entrypoints.settings.console import ConsoleSettings, WatchedSettings
from entrypoints.settings.environment import read_settings
from entrypoints.settings.site import SiteFolder
from entrypoints.site.environment import site_variables
from entrypoints.site.folder import open_site

__all__ = ["command"]

_LOG = logging.getLogger(__name__)

_LOOK_EVERY = 1.0  # Seconds.

_SUMMARY = (
    "Show a night in the browser: what failed or was late and why, the minute of each visit, the focal plane,"
    " images, sources and light curves. FOLDER is a site, or what `demo` or `replay` has kept; without it,"
    " the night of the deployment that the variables name is followed. It only reads."
)

_REQUIRED = "Environment variables that are required without FOLDER:"

type _Open = Callable[[], AbstractAsyncContextManager[Watched]]


@click.command(
    name="console", help=service_help(_SUMMARY, ConsoleSettings, WatchedSettings, required=_REQUIRED)
)
@click.argument(
    "folder",
    metavar="[FOLDER]",
    required=False,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
)
@click.option("--port", type=click.IntRange(0, 65535), help="Port to serve on, instead of CONSOLE_PORT's.")
@click.option("--parent", type=int, hidden=True, help="End with this process, however it ends.")
def command(*, folder: Path | None, port: int | None, parent: int | None) -> None:
    """Serve the console until it is stopped."""
    settings = settings_or_exit(ConsoleSettings)
    if port is not None:
        settings = evolve(settings, port=port)
    open_night = _what_to_watch(folder)
    configure_logs(settings.logs.levels, "console")
    run_service(lambda: _serve(settings, open_night, parent))


def _what_to_watch(folder: Path | None) -> _Open:
    if folder is None:
        deployment = settings_or_exit(WatchedSettings)
        return partial(live_night, deployment, deployment.night.stream)
    if not SiteFolder(folder).settings.exists():
        return partial(kept_night, folder)
    site, settings = open_site(folder)
    variables = site_variables(site, settings, load_camera(site.camera))
    watched = read_settings(WatchedSettings, {**variables, "CONSOLE_LOG_FOLDER": str(site.logs)})
    return partial(live_night, watched, str(folder), alerts_in(folder))


async def _serve(settings: ConsoleSettings, open_night: _Open, parent: int | None) -> None:
    # Who is told that it is ready may stop it.
    stop = stopping_on_signals()
    async with open_night() as watched:
        container = ConsoleContainer(settings=settings, watched=watched)
        container.check_dependencies()
        server = container.server()
        async with opened(server):
            say(server.address)
            _LOG.info("ready at %s", server.address, extra={"ready": True, "address": server.address})
            followers = [] if watched.board is None else [watched.board.run(), container.announcer().run()]
            if parent is not None:
                followers.append(_ended(parent))
            await run_until_stopped(stop, *followers)


async def _ended(parent: int) -> None:
    """Wait until the process that started this one is gone; what was killed can tell nobody to stop."""
    while os.getppid() == parent:  # noqa: ASYNC110 - nobody tells when
        await asyncio.sleep(_LOOK_EVERY)
