"""The fan-out process."""

import logging

import click

from entrypoints.containers.fan_out import FanOutContainer
from entrypoints.durability import warn_if_not_durable
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
from entrypoints.settings.fan_out import FanOutSettings

__all__ = ["command"]

_LOG = logging.getLogger(__name__)


@click.command(
    name="fan-out",
    help=service_help("Copy each announced visit once for each active detector.", FanOutSettings),
)
def command() -> None:
    """Run the fan-out until it is stopped."""
    settings = settings_or_exit(FanOutSettings)
    levels = {**settings.logs.levels, **({".": "DEBUG"} if settings.debug else {})}
    configure_logs(levels, "fan-out")
    container = FanOutContainer(settings=settings)
    container.check_dependencies()
    loaded_or_exit(container.config)
    run_service(lambda: _serve(container))


async def _serve(container: FanOutContainer) -> None:
    neighbours = [
        container.metrics_server(),
        container.publisher(),
        container.control(),
        container.dead(),
        container.histories(),
        *container.queues().values(),
        container.announcements(),
    ]
    async with opened(*neighbours):
        await warn_if_not_durable(container.ledger())
        # Who is told that it is ready may stop it.
        stop = stopping_on_signals()
        _LOG.info("ready", extra={"ready": True})
        with container.readiness().ready():
            await run_until_stopped(
                stop, container.fan_out().run(), container.guard().run(), container.keeper().run()
            )
