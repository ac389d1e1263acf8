"""Every provider of every container makes what it is for, whatever the settings choose."""

import asyncio
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from attrs import evolve
from dependency_injector.containers import DeclarativeContainer

from entrypoints.containers.butler_writer import ButlerWriterContainer
from entrypoints.containers.child import ChildContainer
from entrypoints.containers.fan_out import FanOutContainer
from entrypoints.containers.raw_presence import RawPresenceContainer
from entrypoints.containers.reconcile import ReconcileContainer
from entrypoints.containers.site import SiteContainer, load_camera, site_worker
from entrypoints.containers.status import StatusContainer
from entrypoints.containers.worker import WorkerContainer
from entrypoints.settings.butler_writer import ButlerWriterSettings
from entrypoints.settings.environment import read_settings
from entrypoints.settings.fan_out import FanOutSettings
from entrypoints.settings.raw_presence import RawPresenceSettings
from entrypoints.settings.reconcile import ReconcileSettings
from entrypoints.settings.site import SiteFolder, SiteSettings
from entrypoints.settings.status import StatusSettings
from entrypoints.settings.worker import ChildSettings, WorkerSettings
from entrypoints.site.environment import site_variables
from initializer.container import InitializerContainer
from initializer.settings import InitializerSettings
from ports.ledger import LedgerUnavailableError
from tests.unit.application.processes import ENVIRONMENT

_PROCESSES: tuple[tuple[type[DeclarativeContainer], type, Mapping[str, Any]], ...] = (
    (ButlerWriterContainer, ButlerWriterSettings, {}),
    (ChildContainer, ChildSettings, {"folder": Path("/nowhere")}),
    (FanOutContainer, FanOutSettings, {}),
    (InitializerContainer, InitializerSettings, {}),
    (RawPresenceContainer, RawPresenceSettings, {}),
    (ReconcileContainer, ReconcileSettings, {"instrument": "SimCam"}),
    (StatusContainer, StatusSettings, {}),
    (WorkerContainer, WorkerSettings, {"folder": Path("/nowhere")}),
)
_CHOICES: Mapping[str, Mapping[str, str]] = {
    "by default": {},
    "all there is": {
        "LEDGER_URL": "sqlite:///ledger.sqlite3",
        "RAW_MICROSERVICE": "http://127.0.0.1:9/presence",
        "SASQUATCH_URL": "http://127.0.0.1:9",
        "USE_KAFKA_BUTLER_WRITER": "1",
        "BUTLER_WRITER_KAFKA_CLUSTER": "127.0.0.1:9",
        "BUTLER_WRITER_KAFKA_TOPIC": "pp-output",
        "LOCAL_REPO_REGISTRY": "1",
        "NEXT_VISIT_CANCELED_TOPIC": "canceled",
    },
}

_ONE_MACHINE = {
    "REDIS_STREAM_HOST": "sqlite:///work.db",
    "LEDGER_URL": "sqlite:///ledger.db",
    "S3_ENDPOINT_URL": "file:///site",
    "RAW_MICROSERVICE": "sqlite:///work.db",
    "KAFKA_CLUSTER": "none",
}


def _environment(folder: Path, choice: str) -> dict[str, str]:
    streams = folder / "fan-out.yaml"
    streams.write_text(
        yaml.safe_dump({"redis-streams": {"SimCam": "memory"}, "detectors": {"SimCam": {0: True}}})
    )
    (folder / "butler.yaml").write_text(yaml.safe_dump({"datastore": {"root": "<butlerRoot>"}}))
    variables = ("LOCAL_REPOS", "CENTRAL_REPO", "BUTLER_REPOSITORY")
    paths = {"INSTRUMENT_CONFIG_FILE": str(streams), **dict.fromkeys(variables, str(folder))}
    return {**ENVIRONMENT, **paths, **_CHOICES[choice]}


@pytest.mark.parametrize("choice", _CHOICES)
@pytest.mark.parametrize(
    ("container", "settings", "more"), _PROCESSES, ids=lambda value: getattr(value, "__name__", None)
)
def test_every_provider_makes_something(
    tmp_path: Path,
    container: type[DeclarativeContainer],
    settings: type,
    more: Mapping[str, Any],
    choice: str,
) -> None:
    wired = container(settings=read_settings(settings, _environment(tmp_path, choice)), **more)
    wired.check_dependencies()
    for provider in wired.providers.values():
        provider()


@pytest.mark.parametrize(
    ("container", "settings", "more"),
    [each for each in _PROCESSES if each[0] in {ReconcileContainer, StatusContainer, WorkerContainer}],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_files_may_stand_for_all_servers(
    tmp_path: Path, container: type[DeclarativeContainer], settings: type, more: Mapping[str, Any]
) -> None:
    environment = {**_environment(tmp_path, "by default"), **_ONE_MACHINE}
    wired = container(settings=read_settings(settings, environment), **more)
    for provider in wired.providers.values():
        provider()


async def test_the_timeout_of_redis_reaches_the_ledger(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        environment = {
            **_environment(tmp_path, "by default"),
            "REDIS_STREAM_HOST": host,
            "REDIS_TIMEOUT": "0.05",
        }
        ledger = WorkerContainer(settings=read_settings(WorkerSettings, environment)).histories()
        child = ChildContainer(settings=read_settings(ChildSettings, environment), folder=tmp_path)
        async with asyncio.timeout(3):
            with pytest.raises(LedgerUnavailableError):
                await ledger.open()
            with pytest.raises(LedgerUnavailableError):
                await asyncio.to_thread(child.claim_store().open)


def test_every_provider_of_a_site_makes_something(tmp_path: Path) -> None:
    folder, settings = SiteFolder(tmp_path), SiteSettings()
    worker = read_settings(WorkerSettings, site_variables(folder, settings, load_camera("simulated")))
    # Of the shipped camera: the site has no file of its own yet.
    worker = evolve(worker, deployment=evolve(worker.deployment, camera_file="simulated"))
    site = SiteContainer(folder=folder, settings=settings, worker_settings=worker)
    site.check_dependencies()
    for container in (site, site_worker(site, tmp_path)):
        for provider in container.providers.values():
            provider()
