"""The wiring of the reconciliation."""

from dependency_injector import containers, providers

from adapters.files.active_detectors import load_fan_out_config
from adapters.files.cameras import CameraFileError, find_camera, load_camera
from adapters.folder.image_store import FolderImageStore
from adapters.host.clock import SystemClock
from adapters.redis.queue.queue_upkeep import RedisQueueUpkeep
from adapters.redis.queue.work_publisher import RedisWorkPublisher
from adapters.s3.image_store import S3ImageStore
from adapters.sqlite.work_publisher import SqliteWorkPublisher
from adapters.sqlite.work_queue import SqliteQueueUpkeep
from application.ledger import StoredLedger
from application.night_images import LandedImages
from application.reconcile import Reconciler
from application.sidecars import Sidecars
from domain.cameras.camera import Camera
from domain.fan_out import FanOutConfig
from entrypoints.containers.parts.addresses import (
    group_of_workers,
    is_sqlite,
    ledger_url,
    redis_url,
)
from entrypoints.containers.parts.providing import singleton
from entrypoints.containers.parts.serving import make_history_store, make_image_store
from entrypoints.settings.reconcile import ReconcileSettings
from ports.clock import Clock
from ports.ledger import Ledger
from ports.raw_arrivals import ImageStore
from ports.work_publisher import WorkPublisher
from ports.work_queue import QueueUpkeep

__all__ = ["ReconcileContainer"]

_REQUESTS = 16  # At once, for a night has a thousand folders.


def _camera(settings: ReconcileSettings, instrument: str) -> Camera:
    if settings.camera_file is None:
        return find_camera(instrument)
    camera = load_camera(settings.camera_file)
    if camera.instrument != instrument:
        raise CameraFileError(f"CAMERA_FILE: is of {camera.instrument}, not {instrument}")
    return camera


def _config(settings: ReconcileSettings) -> FanOutConfig:
    return load_fan_out_config(settings.config_file)


def _redis(settings: ReconcileSettings) -> str:
    return redis_url(settings.redis_host, settings.redis)


def _stream(config: FanOutConfig, instrument: str) -> str:
    return config.stream(instrument)


def _queue(
    settings: ReconcileSettings, redis: str, stream: str, instrument: str
) -> RedisQueueUpkeep | SqliteQueueUpkeep:
    if is_sqlite(redis):
        return SqliteQueueUpkeep(redis, queue=stream, timeout=settings.redis.timeout)
    return RedisQueueUpkeep(
        redis,
        stream=stream,
        group=group_of_workers(settings.workers_group, instrument),
        timeout=settings.redis.timeout,
    )


def _publisher(
    settings: ReconcileSettings, redis: str, config: FanOutConfig
) -> RedisWorkPublisher | SqliteWorkPublisher:
    if is_sqlite(redis):
        return SqliteWorkPublisher(redis, instruments=config.streams, timeout=settings.redis.timeout)
    return RedisWorkPublisher(redis, streams=config.streams, timeout=settings.redis.timeout)


def _ledger_address(settings: ReconcileSettings) -> str:
    return ledger_url(settings.ledger, settings.redis_host, settings.redis)


def _store(settings: ReconcileSettings) -> S3ImageStore | FolderImageStore:
    return make_image_store(settings.s3_endpoint, settings.bucket, threads=_REQUESTS)


def _reconciler(
    camera: Camera,
    config: FanOutConfig,
    store: ImageStore,
    ledger: Ledger,
    queue: QueueUpkeep,
    publisher: WorkPublisher,
    clock: Clock,
) -> Reconciler:
    return Reconciler(
        camera=camera,
        config=config,
        images=LandedImages(camera, store, Sidecars(camera, store, patience=0.0)),
        ledger=ledger,
        queue=queue,
        publisher=publisher,
        clock=clock,
    )


class ReconcileContainer(containers.DeclarativeContainer):
    """Wires `Reconciler` from `ReconcileSettings`, for one instrument."""

    settings = providers.Dependency(instance_of=ReconcileSettings)
    instrument = providers.Dependency(instance_of=str)

    clock = singleton(SystemClock)
    camera = singleton(_camera, settings, instrument)
    config = singleton(_config, settings)
    redis = singleton(_redis, settings)
    stream = singleton(_stream, config, instrument)
    queue = singleton(_queue, settings, redis, stream, instrument)
    publisher = singleton(_publisher, settings, redis, config)
    ledger_address = singleton(_ledger_address, settings)
    histories = singleton(
        make_history_store, ledger_address, singleton(lambda settings: settings.redis, settings)
    )
    ledger = singleton(StoredLedger, histories)
    store = singleton(_store, settings)
    reconciler = singleton(_reconciler, camera, config, store, ledger, queue, publisher, clock)
