"""The raw microservice's wiring."""

from collections.abc import Callable, Collection, Sequence

from dependency_injector import containers, providers

from adapters.files.cameras import CameraFileError, find_camera, load_camera
from adapters.host.clock import SystemClock
from adapters.kafka.notifications.object_feed import KafkaObjectFeed
from adapters.prometheus.metrics import PrometheusMetrics
from adapters.raw_microservice.server.app import PresenceApp
from adapters.raw_microservice.server.server import PresenceServer
from adapters.redis.raw_index import RedisRawIndex
from adapters.s3.image_store import S3ImageStore
from application.catch_up import CatchUp, CatchUpPolicy, WatchedFeed
from application.index_raws import RawIndexer
from application.sidecars import Sidecars
from domain.cameras.camera import Camera
from entrypoints.containers.parts.addresses import kafka_connection, redis_url, s3_connection
from entrypoints.containers.parts.providing import singleton
from entrypoints.containers.parts.serving import make_metrics_server
from entrypoints.settings.raw_presence import RawPresenceSettings
from ports.clock import Clock
from ports.metrics import Metrics
from ports.object_feed import ObjectFeed
from ports.raw_arrivals import ImageStore
from ports.raw_index import RawIndex

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


def _cameras(settings: RawPresenceSettings) -> Sequence[Camera]:
    return served_cameras(settings.instruments, settings.camera_files)


def _feed(settings: RawPresenceSettings, metrics: Metrics) -> KafkaObjectFeed:
    return KafkaObjectFeed(
        connection=kafka_connection(settings.kafka),
        group=settings.consumer_group,
        topic=settings.bucket_topic,
        offset_reset=settings.offset,
        metrics=metrics,
    )


def _store(settings: RawPresenceSettings) -> S3ImageStore:
    return S3ImageStore(bucket=settings.bucket, connection=s3_connection(settings.s3_endpoint))


def _index(settings: RawPresenceSettings) -> RedisRawIndex:
    return RedisRawIndex(
        redis_url(settings.redis_host, settings.redis),
        lifetime=settings.lifetime,
        timeout=settings.redis.timeout,
    )


def _indexer(
    settings: RawPresenceSettings,
    cameras: Sequence[Camera],
    store: ImageStore,
    feed: ObjectFeed,
    index: RawIndex,
    metrics: Metrics,
) -> RawIndexer:
    return RawIndexer(
        cameras=[(camera, Sidecars(camera, store)) for camera in cameras],
        bucket=settings.bucket,
        feed=feed,
        index=index,
        metrics=metrics,
        retry_delay=settings.retry_delay,
    )


def _catch_up(
    settings: RawPresenceSettings,
    cameras: Sequence[Camera],
    store: ImageStore,
    feed: WatchedFeed,
    index: RawIndex,
    clock: Clock,
    metrics: Metrics,
) -> CatchUp:
    return CatchUp(
        cameras=[(camera, Sidecars(camera, store, patience=0.0)) for camera in cameras],
        feed=feed,
        store=store,
        index=index,
        clock=clock,
        metrics=metrics,
        policy=CatchUpPolicy(silence=settings.catch_up_after),
    )


def _server(
    settings: RawPresenceSettings, cameras: Sequence[Camera], index: RawIndex, metrics: PrometheusMetrics
) -> PresenceServer:
    app = PresenceApp(index=index, cameras=cameras, metrics=metrics, metrics_text=metrics.text)
    return PresenceServer(app, host=settings.host, port=settings.port)


def _serving(server: PresenceServer) -> Callable[[], bool]:
    return server.serving


class RawPresenceContainer(containers.DeclarativeContainer):
    """Wires `RawIndexer`, `CatchUp` and the server from `RawPresenceSettings`."""

    settings = providers.Dependency(instance_of=RawPresenceSettings)

    clock = singleton(SystemClock)
    metrics = singleton(PrometheusMetrics)
    cameras = singleton(_cameras, settings)
    feed = singleton(_feed, settings, metrics)
    watched_feed = singleton(WatchedFeed, feed)
    store = singleton(_store, settings)
    index = singleton(_index, settings)
    indexer = singleton(_indexer, settings, cameras, store, watched_feed, index, metrics)
    catch_up = singleton(_catch_up, settings, cameras, store, watched_feed, index, clock, metrics)
    server = singleton(_server, settings, cameras, index, metrics)
    metrics_server = singleton(
        make_metrics_server,
        singleton(lambda settings: settings.metrics, settings),
        metrics,
        singleton(_serving, server),
    )
