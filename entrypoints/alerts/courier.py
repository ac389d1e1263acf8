"""The courier of alerts."""

import asyncio
import logging

import click

from application.alerts.courier import Looked
from domain.errors import PromptProcessingError
from entrypoints.containers.courier import CourierContainer
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
from entrypoints.settings.alerts import CourierSettings

__all__ = ["command"]

_LOG = logging.getLogger(__name__)

_SUMMARY = (
    "Send alerts that attempts have left in the outbox, if the APDB holds their sources, and discard them"
    " if not. One at a time does, however many run."
)


@click.command(name="courier", help=service_help(_SUMMARY, CourierSettings))
@click.option("--once", is_flag=True, help="Look once, and say what was done.")
def command(*, once: bool) -> None:
    """Run the courier until it is stopped."""
    settings = settings_or_exit(CourierSettings)
    configure_logs(settings.logs.levels, "courier")
    container = CourierContainer(settings=settings)
    container.check_dependencies()
    loaded_or_exit(container.sources, container.outbox)
    if once:
        _look_once(container)
    else:
        run_service(lambda: _serve(container))


async def _serve(container: CourierContainer) -> None:
    async with opened(
        container.metrics_server(),
        container.histories(),
        container.outbox(),
        container.broker(),
        container.sources(),
    ):
        stop = stopping_on_signals()
        _LOG.info("ready", extra={"ready": True})
        with container.readiness().ready():
            await run_until_stopped(stop, container.courier().run())


def _look_once(container: CourierContainer) -> None:
    async def look() -> Looked:
        async with opened(container.histories(), container.outbox(), container.broker(), container.sources()):
            return await container.courier().look()

    try:
        done = asyncio.run(look())
    except PromptProcessingError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{done.sent} alerts sent, {done.discarded} discarded, {done.left} left")
