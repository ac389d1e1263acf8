"""The console that a site serves while it runs."""

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator

from entrypoints.containers.site import SiteContainer
from entrypoints.observatory.processes import ProcessFailedError, ServiceProcess
from entrypoints.site.display import Display

__all__ = ["served_console"]

_LOG = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def served_console(site: SiteContainer, display: Display) -> AsyncIterator[None]:
    """Serve the console of a site in a process of its own, if its settings want it.

    The site runs on without it.
    """
    settings, folder = site.settings(), site.folder()
    if not settings.console:
        yield
        return
    console = ServiceProcess(
        "console",
        ["console", str(folder.path), "--port", str(settings.console_port), "--parent", str(os.getpid())],
        os.environ,
        folder.run / "console.log",
        lambda _name, _record: None,
    )
    await console.start()
    saying = asyncio.create_task(_say(console, display))
    try:
        yield
    finally:
        saying.cancel()
        await console.stop()


async def _say(console: ServiceProcess, display: Display) -> None:
    try:
        address = (await console.ready())["address"]
    except ProcessFailedError as error:
        _LOG.warning("the console cannot be served, the site goes on without it: %s", error)
        display.say(f"the console cannot be served: {error}")
    else:
        _LOG.info("the console is at %s", address)
        display.say(f"the site in the browser: {address}")
