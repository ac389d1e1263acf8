"""The wiring of the reconciliation."""

from dependency_injector import containers, providers

from adapters.files.active_detectors import load_fan_out_config
from adapters.files.cameras import CameraFileError, find_camera, load_camera
from adapters.host.clock import SystemClock
from adapters.redis.ledger import RedisLedger
from adapters.redis.queue_upkeep import RedisQueueUpkeep
from adapters.redis.work_publisher import RedisWorkPublisher
from adapters.s3.image_store import S3ImageStore
from adapters.sqlite.ledger import SqliteLedger
from application.night_images import NightImages
from application.reconcile import Reconciler
from application.sidecars import Sidecars
from domain.cameras.camera import Camera
from domain.fan_out import FanOutConfig
from entrypoints.containers.addresses import (
    group_of_workers,
    ledger_scheme,
    ledger_url,
    redis_url,
    s3_connection,
)
from entrypoints.settings.reconcile import ReconcileSettings

__all__ = ["ReconcileContainer"]

_REQUESTS = 16  # At once, for a night has a thousand folders.


def _camera(instrument: str, file: str | None) -> Camera:
    if file is None:
        return find_camera(instrument)
    camera = load_camera(file)
    if camera.instrument != instrument:
        raise CameraFileError(f"CAMERA_FILE: is of {camera.instrument}, not {instrument}")
    return camera


def _stream(config: FanOutConfig, instrument: str) -> str:
    return config.stream(instrument)


class ReconcileContainer(containers.DeclarativeContainer):
    """Wires `Reconciler` from `ReconcileSettings`, for one instrument."""

    settings = providers.Dependency(instance_of=ReconcileSettings)
    instrument = providers.Dependency(instance_of=str)

    clock = providers.Singleton(SystemClock)
    camera = providers.Singleton(_camera, instrument, settings.provided.camera_file)
    config = providers.Singleton(load_fan_out_config, settings.provided.config_file)
    stream = providers.Singleton(_stream, config, instrument)
    redis = providers.Singleton(redis_url, settings.provided.redis_host, settings.provided.redis)
    queue = providers.Singleton(
        RedisQueueUpkeep,
        redis,
        stream=stream,
        group=providers.Callable(group_of_workers, settings.provided.workers_group, instrument),
        timeout=settings.provided.redis.timeout,
    )
    publisher = providers.Singleton(
        RedisWorkPublisher, redis, streams=config.provided.streams, timeout=settings.provided.redis.timeout
    )
    ledger_address = providers.Singleton(
        ledger_url, settings.provided.ledger, settings.provided.redis_host, settings.provided.redis
    )
    ledger = providers.Selector(
        providers.Callable(ledger_scheme, ledger_address),
        redis=providers.Singleton(RedisLedger, ledger_address, timeout=settings.provided.redis.timeout),
        sqlite=providers.Singleton(SqliteLedger, ledger_address),
    )
    store = providers.Singleton(
        S3ImageStore,
        bucket=settings.provided.bucket,
        connection=providers.Singleton(s3_connection, settings.provided.s3_endpoint),
        threads=_REQUESTS,
    )
    reconciler = providers.Singleton(
        Reconciler,
        camera=camera,
        config=config,
        images=providers.Singleton(
            NightImages, camera, store, providers.Singleton(Sidecars, camera, store, patience=0.0)
        ),
        ledger=ledger,
        queue=queue,
        publisher=publisher,
        clock=clock,
    )
