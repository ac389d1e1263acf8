"""The wiring of a site on one server: its intake and its workers, in one process."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

from dependency_injector import containers, providers

from adapters.common.converters import strict_converter
from adapters.files.cameras import copy_camera, load_camera
from adapters.files.yaml_files import UnreadableFileError, read_file
from adapters.folder.frame_reader import FolderFrameReader
from adapters.folder.image_store import FolderImageStore
from adapters.folder.incoming_files import FolderIncomingFiles
from adapters.folder.raw_keeper import FolderRawKeeper
from adapters.folder.scanning import files_below
from adapters.folder.watched_folder import WatchPolicy
from adapters.host import heap
from adapters.host.clock import SystemClock
from adapters.host.processes import Process, processes_of
from adapters.host.work_folders import remove_orphans, work_folder
from adapters.prometheus.metrics import PrometheusMetrics
from adapters.sqlite.frame_journal import SqliteFrameJournal
from adapters.sqlite.raw_index import SqliteRawIndex
from adapters.sqlite.work_publisher import SqliteWorkPublisher
from adapters.sqlite.work_queue import SqliteQueueUpkeep
from application.intake.keep_frames import FrameKeeping, VisitPolicy
from application.intake.kept_images import KeptImages
from application.intake.take_in_frames import FrameIntake, IntakePolicy
from application.keep_queue import QueueKeeper, UpkeepPolicy
from application.reconcile import Reconciler
from domain.cameras.camera import Camera
from domain.fan_out import FanOutConfig
from domain.raws.frame_files import FrameFile
from entrypoints.containers.parts.deployment import deployment_camera, main_pipelines, preprocessing_pipelines
from entrypoints.containers.parts.providing import singleton
from entrypoints.containers.parts.serving import make_metrics_server
from entrypoints.containers.status import StatusContainer
from entrypoints.containers.worker import WorkerContainer
from entrypoints.readiness import Readiness
from entrypoints.running import Neighbour
from entrypoints.settings.site import SiteFolder, SitePipelines, SiteSettings
from entrypoints.settings.worker import WorkerSettings
from ports.clock import Clock
from ports.incoming import FrameJournal, FrameReader, IncomingFiles, RawKeeper
from ports.metrics import Metrics
from ports.raw_arrivals import ImageStore
from ports.raw_index import RawIndex
from ports.work_publisher import WorkPublisher

__all__ = [
    "SiteContainer",
    "UnreadableFileError",
    "copy_camera",
    "frame_files",
    "load_camera",
    "make_journal",
    "make_reconciler",
    "processes_of_site",
    "read_site",
    "remove_orphans",
    "site_of_old_frames",
    "site_worker",
    "work_folder",
]


def read_site(folder: SiteFolder) -> SiteSettings:
    """Read the settings of a site.

    Raises
    ------
    UnreadableFileError
        Raised if they are absent or wrong; all faults are named.
    """
    converter = strict_converter()
    as_written = converter.get_structure_hook(SitePipelines)
    converter.register_structure_hook(
        SitePipelines,
        lambda value, kind: SitePipelines.named(value) if isinstance(value, str) else as_written(value, kind),
    )
    settings = read_file(converter, SiteSettings, folder.settings, {})
    if overlap := folder.overlap(settings):
        raise UnreadableFileError(f"{folder.settings}: {overlap}")
    return settings


def _files(folder: SiteFolder, settings: SiteSettings) -> FolderIncomingFiles:
    policy = WatchPolicy(quiet=settings.quiet_s, polling=settings.polling)
    return FolderIncomingFiles(folder.watched(settings), policy)


def _raw_keeper(folder: SiteFolder) -> FolderRawKeeper:
    return FolderRawKeeper(folder.raws)


def _store(folder: SiteFolder) -> FolderImageStore:
    return FolderImageStore(folder.raws)


def make_journal(folder: SiteFolder) -> SqliteFrameJournal:
    """Reach what became of each file."""
    return SqliteFrameJournal(folder.work)


def _index(folder: SiteFolder) -> SqliteRawIndex:
    return SqliteRawIndex(folder.work)


def _publisher(folder: SiteFolder, settings: SiteSettings, camera: Camera) -> SqliteWorkPublisher:
    return SqliteWorkPublisher(
        folder.work,
        instruments=[camera.instrument],
        old_after=settings.old_after_s,
        is_first_final=True,
    )


def _upkeep(folder: SiteFolder, settings: WorkerSettings) -> SqliteQueueUpkeep:
    return SqliteQueueUpkeep(
        folder.work, queue=settings.stream.stream, lease_seconds=settings.stream.lease_seconds
    )


def _released(folder: SiteFolder, settings: WorkerSettings) -> SqliteQueueUpkeep:
    return SqliteQueueUpkeep(folder.work, queue=settings.stream.stream, lease_seconds=0.0)


def _keeper(upkeep: SqliteQueueUpkeep, settings: WorkerSettings, metrics: PrometheusMetrics) -> QueueKeeper:
    return QueueKeeper({settings.stream.stream: upkeep}, UpkeepPolicy(), metrics)


def _keeping(
    settings: SiteSettings,
    camera: Camera,
    keeper: RawKeeper,
    store: ImageStore,
    index: RawIndex,
    publisher: WorkPublisher,
    journal: FrameJournal,
    clock: Clock,
    metrics: Metrics,
) -> FrameKeeping:
    return FrameKeeping(
        camera=camera,
        policy=VisitPolicy(snaps=settings.snaps),
        keeper=keeper,
        store=store,
        index=index,
        publisher=publisher,
        journal=journal,
        clock=clock,
        metrics=metrics,
    )


def _intake(
    camera: Camera,
    policy: IntakePolicy,
    files: IncomingFiles,
    reader: FrameReader,
    keeping: FrameKeeping,
    journal: FrameJournal,
    clock: Clock,
    metrics: Metrics,
) -> FrameIntake:
    return FrameIntake(
        instrument=camera.instrument,
        policy=policy,
        incoming=files,
        reader=reader,
        keeping=keeping,
        journal=journal,
        clock=clock,
        metrics=metrics,
    )


class SiteContainer(containers.DeclarativeContainer):
    """Wires what a site has but once; `site_worker` wires each of its workers."""

    folder = providers.Dependency(instance_of=SiteFolder)
    settings = providers.Dependency(instance_of=SiteSettings)
    worker_settings = providers.Dependency(instance_of=WorkerSettings)
    trim_heap = singleton(heap.trim_heap)

    deployment = singleton(lambda settings: settings.deployment, worker_settings)
    camera = singleton(deployment_camera, deployment)
    preprocessing = singleton(preprocessing_pipelines, deployment)
    main = singleton(main_pipelines, deployment)

    clock = singleton(SystemClock)
    metrics = singleton(PrometheusMetrics)
    readiness = singleton(Readiness)
    metrics_server = singleton(
        make_metrics_server, singleton(lambda settings: settings.metrics, worker_settings), metrics, readiness
    )
    publisher = singleton(_publisher, folder, settings, camera)
    upkeep = singleton(_upkeep, folder, worker_settings)
    released = singleton(_released, folder, worker_settings)
    keeper = singleton(_keeper, upkeep, worker_settings, metrics)
    files = singleton(_files, folder, settings)
    reader = singleton(FolderFrameReader, camera)
    raw_keeper = singleton(_raw_keeper, folder)
    store = singleton(_store, folder)
    journal = singleton(make_journal, folder)
    index = singleton(_index, folder)
    keeping = singleton(
        _keeping, settings, camera, raw_keeper, store, index, publisher, journal, clock, metrics
    )
    intake_policy = singleton(IntakePolicy)
    intake = singleton(_intake, camera, intake_policy, files, reader, keeping, journal, clock, metrics)


def site_of_old_frames(folder: SiteFolder, settings: SiteSettings, worker: WorkerSettings) -> SiteContainer:
    """Wire a site to whose frames nobody writes any more: what is not whole will not become so."""
    site = SiteContainer(folder=folder, settings=settings, worker_settings=worker)
    site.intake_policy.override(providers.Object(IntakePolicy(settle=0.0, give_up=0.0)))
    return site


def frame_files(folder: Path, failed: Callable[[OSError], None]) -> Sequence[FrameFile]:
    """List the files below a folder that may be frames, oldest first; `failed` is told of folders unread."""
    return sorted(files_below(folder, folder, failed))


def site_worker(site: SiteContainer, folder: Path) -> WorkerContainer:
    """Wire one of a site's workers, whose files are in a folder of its own."""
    return WorkerContainer(
        settings=site.worker_settings(),
        folder=folder,
        camera=site.camera(),
        clock=site.clock(),
        metrics=site.metrics(),
    )


def processes_of_site(pid: int) -> Sequence[tuple[str, Process]]:
    """Find the processes of a site and what each is for: itself first, those of images, those of its jobs."""
    return [
        ("site" if number == 0 else _purpose(one.command), one)
        for number, one in enumerate(processes_of(pid))
    ]


def _purpose(command: tuple[str, ...]) -> str:
    """Name the command of the command line that a process was started with, or else images."""
    after = command[command.index("entrypoints") + 1 :] if "entrypoints" in command else ()
    return after[0] if after else "images"


def make_reconciler(
    folder: SiteFolder, settings: SiteSettings, camera: Camera, status: StatusContainer
) -> tuple[Reconciler, Sequence[Neighbour]]:
    """Wire the reconciliation of a site, and list what must be open for it."""
    journal, store = make_journal(folder), _store(folder)
    publisher, queue = _publisher(folder, settings, camera), status.queue()
    reconciler = Reconciler(
        camera=camera,
        config=FanOutConfig(
            streams={camera.instrument: camera.instrument},
            detectors={camera.instrument: frozenset(one.number for one in camera.detectors)},
        ),
        images=KeptImages(
            camera=camera,
            policy=VisitPolicy(snaps=settings.snaps),
            journal=journal,
            store=store,
        ),
        ledger=status.ledger(),
        queue=queue,
        publisher=publisher,
        clock=status.clock(),
        # Here no claim is ever forgotten.
        longest=math.inf,
    )
    return reconciler, (store, status.histories(), queue, publisher, journal)
