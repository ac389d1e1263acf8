"""The raw microservice's process."""

import gc
import logging

import click

from entrypoints.containers.raw_presence import RawPresenceContainer
from entrypoints.help import service_help
from entrypoints.logs import configure_logs
from entrypoints.running import (
    loaded_or_exit,
    opened,
    run_service,
    run_until_stopped,
    settings_or_exit,
    stopping_on_signals,
)
from entrypoints.settings.raw_presence import RawPresenceSettings

__all__ = ["command"]

_LOG = logging.getLogger(__name__)


@click.command(
    name="raw-presence",
    help=service_help("Index raw images as they land, and tell whether one has come.", RawPresenceSettings),
)
def command() -> None:
    """Run the raw microservice until it is stopped."""
    settings = settings_or_exit(RawPresenceSettings)
    configure_logs(settings.logs.levels, "raw-presence")
    container = RawPresenceContainer(settings=settings)
    container.check_dependencies()
    loaded_or_exit(container.cameras)
    run_service(lambda: _serve(container))


async def _serve(container: RawPresenceContainer) -> None:
    settings, server = container.settings(), container.server()
    async with opened(
        None if settings.one_port else container.metrics_server(),
        container.index(),
        container.store() if settings.indexes else None,
        container.feed() if settings.indexes else None,
        server,
    ):
        # Collecting all that was imported would stop the answers for a twentieth of a second.
        gc.collect()
        gc.freeze()
        # Who is told that it is ready may stop it.
        stop = stopping_on_signals()
        _LOG.info("ready", extra={"ready": True, "port": server.port})
        if not settings.indexes:
            _LOG.info("without KAFKA_CLUSTER raws are answered as another process indexes them")
        indexing = [container.indexer().run(), container.catch_up().run()] if settings.indexes else []
        await run_until_stopped(stop, *indexing)
