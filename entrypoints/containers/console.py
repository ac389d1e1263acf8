"""The console's wiring: whichever night is looked at, the pages are the same."""

import contextlib
import datetime
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from attrs import evolve, frozen
from dependency_injector import containers, providers

from adapters.console.access import Access
from adapters.console.app import make_app
from adapters.console.events import Announcer
from adapters.console.night import ConsoleNight
from adapters.console.report.night_report import night_report
from adapters.console.server import ConsoleServer
from adapters.files.cameras import CameraFileError, find_camera, load_camera
from adapters.files.log_archive import FolderLogArchive
from adapters.host.clock import SystemClock
from adapters.host.probes import HttpProbe
from adapters.kafka.alert_archive import KafkaAlertArchive
from application.console.neighbours import looks
from application.console.night_board import KeptNightBoard, LedgerNightBoard
from domain.cameras.camera import Camera
from entrypoints.containers.outcomes import SITE, opened_records
from entrypoints.containers.parts.alerts import alert_connection
from entrypoints.containers.parts.providing import singleton
from entrypoints.containers.results import alerts_in, opened_archives, places_in
from entrypoints.containers.status import StatusContainer
from entrypoints.running import opened
from entrypoints.settings.alerts import AlertSettings
from entrypoints.settings.console import ConsoleSettings, WatchedSettings
from entrypoints.settings.site import SiteFolder
from ports.alert_archive import AlertArchive
from workbench.night.kept_night import CAMERA, NIGHT, read_kept_note, read_kept_truth

__all__ = ["ConsoleContainer", "Watched", "kept_night", "live_night", "night_report"]


@frozen(kw_only=True)
class Watched:
    """A night, and who follows it."""

    night: ConsoleNight
    board: LedgerNightBoard | None
    """None of a night that is over."""


@contextlib.asynccontextmanager
async def live_night(
    settings: WatchedSettings, place: str, alerts: AlertArchive | None = None
) -> AsyncIterator[Watched]:
    """Open the night that goes on.

    Parameters
    ----------
    settings
        Of the deployment.
    place
        What it is, for people.
    alerts
        Those that are kept; None: the last ones of the broker's topic, if there is one.

    Raises
    ------
    CameraFileError
        Raised if the camera's file cannot be read.
    """
    status = StatusContainer(settings=settings.night)
    status.check_dependencies()
    camera = _camera(settings.camera_file, settings.night.instrument)
    probes = {name: HttpProbe(address).look for name, address in settings.neighbours.items()}
    archives = opened_archives(
        repository=settings.repository or "",
        apdb=settings.apdb or "",
        instrument=settings.night.instrument,
    )
    topic = None if alerts is not None else _topic_of(settings.alerts)
    following = [] if topic is None else [topic]
    async with opened(status.queue(), status.histories(), *following), archives as found:
        board = LedgerNightBoard(
            instrument=settings.night.instrument,
            ledger=status.ledger(),
            clock=status.clock(),
            queue=status.queue(),
            neighbours={**looks(found.images, found.sources), **probes},
        )
        night = ConsoleNight(
            board=board,
            ledger=status.ledger(),
            clock=status.clock(),
            logs=FolderLogArchive(settings.logs),
            images=found.images,
            sources=found.sources,
            camera=camera,
            place=place,
            note=settings.note,
            alerts=alerts or topic,
        )
        yield Watched(night=night, board=board)


def _topic_of(alerts: AlertSettings) -> KafkaAlertArchive | None:
    if alerts.server is None or alerts.topic is None:
        return None
    return KafkaAlertArchive(alert_connection(alerts), alerts.topic, _decoded)


def _decoded(message: bytes) -> Mapping[str, Any]:
    from workbench.night.alerts import decoded_alert  # noqa: PLC0415 - it loads Rubin's schema

    return decoded_alert(message)


@contextlib.asynccontextmanager
async def kept_night(folder: Path, night: datetime.date | None = None) -> AsyncIterator[Watched]:
    """Open a night that was kept.

    Parameters
    ----------
    folder
        Of its results, or a site.
    night
        Which; None is the last one.

    Raises
    ------
    PromptProcessingError
        Raised if nothing is kept there, or it cannot be read.
    """
    clock = SystemClock()
    async with opened_records(folder) as records:
        board = KeptNightBoard(
            instrument=records.instrument,
            ledger=records.ledger,
            clock=clock,
            night=night,
            may_go_on=(folder / SITE).exists(),
        )
        await board.run()
        kept = ConsoleNight(
            board=board,
            ledger=records.ledger,
            clock=clock,
            logs=records.logs,
            camera=_camera(_camera_of(folder), records.instrument),
            place=str(folder),
            alerts=alerts_in(folder),
            note=read_kept_note(folder),
            true_kinds=read_kept_truth(folder),
        )
        repository, apdb = places_in(folder)
        async with opened_archives(repository=repository, apdb=apdb, instrument=records.instrument) as found:
            yield Watched(night=evolve(kept, images=found.images, sources=found.sources), board=None)


def _camera_of(folder: Path) -> str | None:
    """Find the file of a camera that was kept with a night, or is a site's."""
    files = (SiteFolder(folder).camera, folder / NIGHT / CAMERA)
    return next((str(file) for file in files if file.exists()), None)


def _camera(file: str | None, instrument: str) -> Camera | None:
    """Load a camera; of an instrument that none is shipped for, detectors are drawn in a plain grid."""
    if file is not None:
        return load_camera(file)
    try:
        return find_camera(instrument)
    except CameraFileError:
        return None


def _announcer(watched: Watched) -> Announcer:
    return Announcer(watched.night.board)


def _server(settings: ConsoleSettings, watched: Watched, announcer: Announcer) -> ConsoleServer:
    access = Access(trusted_proxies=settings.proxies, token=settings.token)
    app = make_app(watched.night, announcer, access, settings.root)
    return ConsoleServer(app, host=settings.host, port=settings.port, root=settings.root)


class ConsoleContainer(containers.DeclarativeContainer):
    """Wires the server over what is watched."""

    settings = providers.Dependency(instance_of=ConsoleSettings)
    watched = providers.Dependency(instance_of=Watched)

    announcer = singleton(_announcer, watched)
    server = singleton(_server, settings, watched, announcer)
