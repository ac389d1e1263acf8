"""The wiring of a worker's parent process."""

import functools
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from dependency_injector import containers, providers

from adapters.butler.shared.datastore_root import datastore_root
from adapters.folder.image_store import FolderImageStore
from adapters.host import heap
from adapters.host.clock import SystemClock, SystemIdentifiers
from adapters.host.work_folders import remove_orphans, work_folder
from adapters.kafka.connection import KafkaConnection
from adapters.kafka.notifications.raw_notifications import KafkaRawNotifications
from adapters.kafka.outputs.output_notifier import KafkaOutputNotifier
from adapters.memory.raws.raw_notifications import MemoryRawNotifications
from adapters.prometheus.metrics import PrometheusMetrics
from adapters.raw_microservice.client import HttpRawLookup
from adapters.redis.queue.control import RedisControlNotes
from adapters.redis.queue.work_queue import RedisWorkQueue
from adapters.s3.image_store import S3ImageStore
from adapters.sasquatch.measurements import SasquatchMeasurements
from adapters.sqlite.control import SqliteControl
from adapters.sqlite.raw_index import SqliteRawIndex
from adapters.sqlite.work_queue import SqliteWorkQueue
from adapters.workspace_process.client import ChildWorkspace
from application.ledger import StoredLedger
from application.raw_lookup import IndexLookup
from application.sidecars import Sidecars
from application.worker.await_images import ImageWait
from application.worker.choose_pipelines import PipelineChooser
from application.worker.find_raws import RawSearch, SearchPolicy
from application.worker.postponing import WorkspaceProbe
from application.worker.process_visit import VisitPolicy, VisitProcessor
from application.worker.work import Worker, WorkerPolicy
from domain.cameras.camera import Camera
from domain.pipelines import PipelinesConfig
from entrypoints.containers.parts.addresses import (
    is_sqlite,
    kafka_connection,
    ledger_url,
    process_name,
    redis_url,
    writer_connection,
)
from entrypoints.containers.parts.deployment import deployment_camera, main_pipelines, preprocessing_pipelines
from entrypoints.containers.parts.providing import singleton
from entrypoints.containers.parts.serving import (
    make_history_store,
    make_image_store,
    make_metrics_server,
    tell_build,
)
from entrypoints.readiness import Readiness
from entrypoints.settings.kafka import NO_BROKER
from entrypoints.settings.worker import WorkerSettings
from ports.clock import Clock
from ports.control import ControlNotes
from ports.ledger import Ledger
from ports.measurements import Measurements
from ports.metrics import Metrics
from ports.neighbours import Neighbour, Probe
from ports.output_notifier import OutputNotifier
from ports.raw_arrivals import ImageStore, RawLookup, RawNotifications
from ports.work_queue import WorkQueue
from ports.workspace import Workspace

__all__ = ["WorkerContainer"]

# And the folder, and its socket; -P, because what lies in the current folder is none of ours.
_CHILD = (sys.executable, "-P", "-m", "entrypoints.services.child")
_AFTER_THE_TIMEOUTS = 120.0  # Seconds: work and export may each last WORKER_TIMEOUT, and be recorded after.
_RENEWALS = 4  # A lease is renewed this often in its time, so that a few failures cost nothing.


def _work_folder(settings: WorkerSettings) -> AbstractContextManager[Path]:
    return work_folder(settings.local_repos)


def _remove_orphans(settings: WorkerSettings) -> None:
    remove_orphans(settings.local_repos)


def _redis(settings: WorkerSettings) -> str:
    return redis_url(settings.stream.host, settings.redis)


def _kafka(settings: WorkerSettings) -> KafkaConnection:
    return kafka_connection(settings.kafka)


def _ledger_address(settings: WorkerSettings) -> str:
    return ledger_url(settings.ledger, settings.stream.host, settings.redis)


def _measurements(settings: WorkerSettings, clock: Clock, metrics: Metrics) -> SasquatchMeasurements | None:
    sasquatch = settings.sasquatch
    if sasquatch.url is None:
        return None
    return SasquatchMeasurements(
        url=sasquatch.url,
        namespace=sasquatch.namespace,
        clock=clock,
        metrics=metrics,
        token=sasquatch.token,
    )


def _queue(settings: WorkerSettings, redis: str, name: str) -> RedisWorkQueue | SqliteWorkQueue:
    if is_sqlite(redis):
        return SqliteWorkQueue(
            redis,
            queue=settings.stream.stream,
            consumer=name,
            lease_seconds=settings.stream.lease_seconds,
            timeout=settings.redis.timeout,
        )
    return RedisWorkQueue(
        redis,
        stream=settings.stream.stream,
        group=settings.stream.group,
        consumer=name,
        lease_seconds=settings.stream.lease_seconds,
        create=settings.stream.create,
        timeout=settings.redis.timeout,
    )


def _control(settings: WorkerSettings, redis: str) -> RedisControlNotes | SqliteControl:
    if is_sqlite(redis):
        return SqliteControl(redis, keep_seconds=settings.message_expiration, timeout=settings.redis.timeout)
    return RedisControlNotes(
        redis,
        stream=settings.stream.stream,
        keep_seconds=settings.message_expiration,
        timeout=settings.redis.timeout,
    )


def _notifications(
    settings: WorkerSettings, kafka: KafkaConnection, camera: Camera, clock: Clock, metrics: Metrics
) -> KafkaRawNotifications | MemoryRawNotifications:
    if settings.kafka.servers == NO_BROKER:
        return MemoryRawNotifications(camera)  # Nobody tells it anything: raws are found by looking.
    return KafkaRawNotifications(
        connection=kafka,
        topic=settings.bucket_topic,
        camera=camera,
        bucket=settings.bucket,
        clock=clock,
        metrics=metrics,
        offset_reset=settings.offset_reset,
        retention=settings.message_expiration,
    )


def _store(settings: WorkerSettings) -> S3ImageStore | FolderImageStore:
    return make_image_store(settings.s3_endpoint, settings.bucket)


def _presence(settings: WorkerSettings) -> HttpRawLookup | None:
    base = settings.raw_microservice
    return None if base is None or is_sqlite(base) else HttpRawLookup(base=base)


def _raw_index(settings: WorkerSettings) -> SqliteRawIndex | None:
    base = settings.raw_microservice
    return SqliteRawIndex(base) if base is not None and is_sqlite(base) else None


def _lookup(presence: HttpRawLookup | None, index: SqliteRawIndex | None) -> RawLookup | None:
    return presence if index is None else IndexLookup(index)


def _notifier(settings: WorkerSettings) -> KafkaOutputNotifier | None:
    if not settings.use_writer:
        return None
    return KafkaOutputNotifier(
        connection=writer_connection(settings.writer_kafka, settings.kafka),
        topic=settings.writer_kafka.topic,
        outbox_root=datastore_root(settings.deployment.central_repo),
        identifiers=SystemIdentifiers(),
    )


def _workspace(settings: WorkerSettings, folder: Path, metrics: Metrics) -> ChildWorkspace:
    return ChildWorkspace(
        (*_CHILD, str(folder)),
        memory_ceiling=settings.memory_ceiling << 20,
        idle_timeout=settings.child_idle_timeout,
        tell_deployment=functools.partial(tell_build, settings.metrics, metrics),
    )


def _search(
    camera: Camera,
    notifications: RawNotifications,
    store: ImageStore,
    lookup: RawLookup | None,
    sidecars: Sidecars,
    clock: Clock,
) -> RawSearch:
    return RawSearch(
        camera=camera,
        notifications=notifications,
        store=store,
        lookup=lookup,
        sidecars=sidecars,
        clock=clock,
        policy=SearchPolicy(),
    )


def _chooser(camera: Camera, preprocessing: PipelinesConfig, main: PipelinesConfig) -> PipelineChooser:
    return PipelineChooser(camera=camera, preprocessing=preprocessing, main=main)


def _processor(
    settings: WorkerSettings,
    clock: Clock,
    ledger: Ledger,
    control: ControlNotes,
    chooser: PipelineChooser,
    search: RawSearch,
    workspace: Workspace,
    notifier: OutputNotifier | None,
    metrics: Metrics,
    probes: Mapping[str, Probe],
) -> VisitProcessor:
    return VisitProcessor(
        policy=VisitPolicy(
            image_timeout=settings.image_timeout,
            worker_timeout=settings.worker_timeout,
            message_expiration=settings.message_expiration,
            unknown_count_grace=settings.unknown_count_grace,
            repository_pause=settings.repo_retry_delay,
            max_attempts=settings.max_attempts,
            postpone_limit=settings.postpone_limit,
        ),
        clock=clock,
        ledger=ledger,
        control=control,
        chooser=chooser,
        images=ImageWait(search, control, clock),
        workspace=workspace,
        notifier=notifier,
        metrics=metrics,
        probes=probes,
    )


def _probes(store: Probe, histories: Probe, workspace: Workspace) -> Mapping[str, Probe]:
    others = (Neighbour.REPOSITORY, Neighbour.DATASTORE, Neighbour.APDB)
    return {
        Neighbour.BUCKET: store,
        Neighbour.LEDGER: histories,
        **{neighbour: WorkspaceProbe(workspace, neighbour) for neighbour in others},
    }


def _worker(
    settings: WorkerSettings,
    name: str,
    camera: Camera,
    queue: WorkQueue,
    ledger: Ledger,
    processor: VisitProcessor,
    workspace: Workspace,
    metrics: Metrics,
    measurements: Measurements | None,
    probes: Mapping[str, Probe],
) -> Worker:
    return Worker(
        name=name,
        camera=camera,
        policy=WorkerPolicy(
            idle_timeout=settings.listen_timeout,
            retry_delay=settings.redis_retry_delay,
            lease=settings.stream.lease_seconds,
            renewal=settings.stream.lease_seconds / _RENEWALS,
            shutdown_grace=settings.shutdown_grace,
            recycle_after=settings.restart_freq,
            max_attempts=settings.max_attempts,
            longest_attempt=2 * settings.worker_timeout + _AFTER_THE_TIMEOUTS,
        ),
        queue=queue,
        ledger=ledger,
        processor=processor,
        workspace=workspace,
        metrics=metrics,
        measurements=measurements,
        probes=probes,
    )


class WorkerContainer(containers.DeclarativeContainer):
    """Wires `Worker` from `WorkerSettings`."""

    settings = providers.Dependency(instance_of=WorkerSettings)
    folder = providers.Dependency(instance_of=Path)
    work_folder = singleton(_work_folder, settings)
    remove_orphans = singleton(_remove_orphans, settings)
    trim_heap = singleton(heap.trim_heap)

    deployment = singleton(lambda settings: settings.deployment, settings)
    camera = singleton(deployment_camera, deployment)
    preprocessing = singleton(preprocessing_pipelines, deployment)
    main = singleton(main_pipelines, deployment)

    name = singleton(process_name)
    clock = singleton(SystemClock)
    metrics = singleton(PrometheusMetrics)
    readiness = singleton(Readiness)
    metrics_server = singleton(
        # What runs is told by the child, who knows the deployment id.
        functools.partial(make_metrics_server, build=False),
        singleton(lambda settings: settings.metrics, settings),
        metrics,
        readiness,
    )
    redis = singleton(_redis, settings)
    queue = singleton(_queue, settings, redis, name)
    control = singleton(_control, settings, redis)
    ledger_address = singleton(_ledger_address, settings)
    histories = singleton(
        make_history_store, ledger_address, singleton(lambda settings: settings.redis, settings)
    )
    ledger = singleton(StoredLedger, histories, metrics)
    kafka = singleton(_kafka, settings)
    notifications = singleton(_notifications, settings, kafka, camera, clock, metrics)
    store = singleton(_store, settings)
    presence = singleton(_presence, settings)
    raw_index = singleton(_raw_index, settings)
    lookup = singleton(_lookup, presence, raw_index)
    notifier = singleton(_notifier, settings)
    measurements = singleton(_measurements, settings, clock, metrics)
    workspace = singleton(_workspace, settings, folder, metrics)

    sidecars = singleton(Sidecars, camera, store)
    search = singleton(_search, camera, notifications, store, lookup, sidecars, clock)
    chooser = singleton(_chooser, camera, preprocessing, main)
    probes = singleton(_probes, store, histories, workspace)
    processor = singleton(
        _processor, settings, clock, ledger, control, chooser, search, workspace, notifier, metrics, probes
    )
    worker = singleton(
        _worker, settings, name, camera, queue, ledger, processor, workspace, metrics, measurements, probes
    )
