"""The raw microservice's wiring."""

from collections.abc import Collection, Sequence

from dependency_injector import containers, providers

from adapters.files.cameras import CameraFileError, find_camera, load_camera
from adapters.host.clock import SystemClock
from adapters.kafka.notifications.object_feed import KafkaObjectFeed
from adapters.prometheus.metrics import PrometheusMetrics
from adapters.prometheus.metrics_server import MetricsServer
from adapters.raw_microservice.server.app import PresenceApp
from adapters.raw_microservice.server.server import PresenceServer
from adapters.redis.raw_index import RedisRawIndex
from adapters.s3.image_store import S3ImageStore
from application.catch_up import CatchUp, CatchUpPolicy, WatchedFeed
from application.index_raws import RawIndexer
from application.sidecars import Sidecars
from domain.cameras.camera import Camera
from entrypoints.containers.addresses import kafka_connection, redis_url, s3_connection
from entrypoints.settings.raw_presence import RawPresenceSettings
from ports.raw_arrivals import ImageStore

__all__ = ["RawPresenceContainer", "served_cameras"]


def served_cameras(instruments: Collection[str], files: Collection[str]) -> Sequence[Camera]:
    """Load the cameras of files, and the shipped ones of all other instruments.

    Raises
    ------
    CameraFileError
        Raised if a file cannot be read, two are of one instrument, or there is
        no camera for an instrument.
    """
    cameras: dict[str, Camera] = {}
    for file in sorted(files):
        camera = load_camera(file)
        if camera.instrument in cameras:
            raise CameraFileError(f"CAMERA_FILES: two files are of instrument {camera.instrument}")
        cameras[camera.instrument] = camera
    return [*cameras.values(), *(find_camera(name) for name in sorted(instruments) if name not in cameras)]


def _with_sidecars(
    cameras: Sequence[Camera], store: ImageStore, **patience: float
) -> Sequence[tuple[Camera, Sidecars]]:
    return [(camera, Sidecars(camera, store, **patience)) for camera in cameras]


class RawPresenceContainer(containers.DeclarativeContainer):
    """Wires `RawIndexer`, `CatchUp` and the server from `RawPresenceSettings`."""

    settings = providers.Dependency(instance_of=RawPresenceSettings)

    clock = providers.Singleton(SystemClock)
    metrics = providers.Singleton(PrometheusMetrics)
    cameras = providers.Singleton(
        served_cameras, settings.provided.instruments, settings.provided.camera_files
    )
    feed = providers.Singleton(
        KafkaObjectFeed,
        connection=providers.Singleton(kafka_connection, settings.provided.kafka),
        group=settings.provided.consumer_group,
        topic=settings.provided.bucket_topic,
        offset_reset=settings.provided.offset,
        metrics=metrics,
    )
    watched_feed = providers.Singleton(WatchedFeed, feed)
    store = providers.Singleton(
        S3ImageStore,
        bucket=settings.provided.bucket,
        connection=providers.Singleton(s3_connection, settings.provided.s3_endpoint),
    )
    index = providers.Singleton(
        RedisRawIndex,
        providers.Singleton(redis_url, settings.provided.redis_host, settings.provided.redis),
        lifetime=settings.provided.lifetime,
        timeout=settings.provided.redis.timeout,
    )

    indexer = providers.Singleton(
        RawIndexer,
        cameras=providers.Singleton(_with_sidecars, cameras, store),
        feed=watched_feed,
        index=index,
        metrics=metrics,
        retry_delay=settings.provided.retry_delay,
    )
    catch_up = providers.Singleton(
        CatchUp,
        cameras=providers.Singleton(_with_sidecars, cameras, store, patience=0.0),
        feed=watched_feed,
        store=store,
        index=index,
        clock=clock,
        metrics=metrics,
        policy=providers.Singleton(CatchUpPolicy, silence=settings.provided.catch_up_after),
    )
    server = providers.Singleton(
        PresenceServer,
        providers.Singleton(
            PresenceApp,
            index=index,
            cameras=cameras,
            metrics=metrics,
            metrics_text=metrics.provided.text,
        ),
        host=settings.provided.host,
        port=settings.provided.port,
    )
    metrics_server = providers.Singleton(
        MetricsServer,
        metrics,
        host=settings.provided.metrics.host,
        port=settings.provided.metrics.port,
        ready=server.provided.serving,
    )
