"""The worker process: the parent, small and always awake."""

import asyncio
import logging

import click

from entrypoints.containers.worker import WorkerContainer
from entrypoints.help import service_help
from entrypoints.logs import configure_logs
from entrypoints.running import loaded_or_exit, opened, run_service, settings_or_exit, stopping_in_two_steps
from entrypoints.settings.worker import ChildSettings, WorkerSettings

__all__ = ["command"]

_LOG = logging.getLogger(__name__)


@click.command(
    name="worker", help=service_help("Lease visit-detectors and process them.", WorkerSettings, ChildSettings)
)
def command() -> None:
    """Run a worker until it is idle, recycled or stopped."""
    settings = settings_or_exit(WorkerSettings, ChildSettings)
    configure_logs(settings.logs.levels, "worker")
    container = WorkerContainer(settings=settings)
    container.trim_heap()
    loaded_or_exit(container.camera, container.preprocessing, container.main)
    run_service(lambda: _run(container))


async def _run(container: WorkerContainer) -> None:
    # Signals first: what ends by one removes its folder.
    stop, abort = stopping_in_two_steps()
    container.remove_orphans()
    with container.work_folder() as folder:
        container.folder.override(folder)
        container.check_dependencies()
        await _work(container, stop, abort)


async def _work(container: WorkerContainer, stop: asyncio.Event, abort: asyncio.Event) -> None:
    neighbours = [
        container.metrics_server(),
        container.measurements(),
        container.queue(),
        container.control(),
        container.histories(),
        container.store(),
        container.presence(),
        container.raw_index(),
        container.notifications(),
        container.notifier(),
        container.workspace(),
    ]
    async with opened(*neighbours):
        for sentence in await container.ledger().check_durable():
            _LOG.warning("%s", sentence)
        _LOG.info("ready as %s", container.name(), extra={"ready": True})
        with container.readiness().ready():
            ending = await container.worker().run(stop, abort)
    _LOG.info("exiting: %s", ending.value)
