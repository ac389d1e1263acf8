"""The worker process: the parent, small and always awake."""

import logging
import shutil
import tempfile
from pathlib import Path

import click

from entrypoints.containers.worker import WorkerContainer
from entrypoints.help import service_help
from entrypoints.logs import configure_logs
from entrypoints.running import loaded_or_exit, opened, run_service, settings_or_exit, stopping_on_signals
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
    folder = Path(tempfile.mkdtemp(prefix="prompt-processing-", dir=settings.local_repos))
    try:
        container = WorkerContainer(settings=settings, folder=folder)
        container.check_dependencies()
        loaded_or_exit(
            container.deployment.camera, container.deployment.preprocessing, container.deployment.main
        )
        run_service(lambda: _work(container))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _work(container: WorkerContainer) -> None:
    stop = stopping_on_signals()
    neighbours = [
        container.metrics_server(),
        container.queue(),
        container.control(),
        container.ledger(),
        container.store(),
        container.lookup(),
        container.notifications(),
        container.notifier(),
        container.workspace(),
    ]
    async with opened(*neighbours):
        for sentence in await container.ledger().check_durable():
            _LOG.warning("%s", sentence)
        _LOG.info("ready as %s", container.name(), extra={"ready": True})
        ending = await container.worker().run(stop)
    _LOG.info("ended: %s", ending.value)
