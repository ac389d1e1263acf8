"""The Butler Writer's process."""

import contextlib
import logging
from collections.abc import Mapping

import click

from entrypoints.containers.butler_writer import ButlerWriterContainer
from entrypoints.help import service_help
from entrypoints.logs import configure_logs
from entrypoints.running import opened, run_service, run_until_stopped, settings_or_exit, stopping_on_signals
from entrypoints.settings.butler_writer import ButlerWriterSettings

__all__ = ["command"]

_LOG = logging.getLogger(__name__)
_SUMMARY = "Write workers' outputs into the central registry, in batches and serially."


@click.command(name="butler-writer", help=service_help(_SUMMARY, ButlerWriterSettings))
def command() -> None:
    """Run the Butler Writer until it is stopped."""
    settings = settings_or_exit(ButlerWriterSettings)
    configure_logs(_levels(settings), "butler-writer")
    container = ButlerWriterContainer(settings=settings)
    container.check_dependencies()
    run_service(lambda: _serve(container))


def _levels(settings: ButlerWriterSettings) -> Mapping[str, str]:
    root = {".": settings.level} if settings.level else {}
    kafka = {"adapters.kafka.connection": "DEBUG"} if settings.kafka_debug else {}
    return {**settings.logs.levels, **root, **kafka}


async def _serve(container: ButlerWriterContainer) -> None:
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(container.registry().close)
        await stack.enter_async_context(opened(container.metrics_server(), container.events()))
        # Who is told that it is ready may stop it.
        stop = stopping_on_signals()
        _LOG.info("ready", extra={"ready": True})
        with container.readiness().ready():
            await run_until_stopped(stop, container.writer().run())
