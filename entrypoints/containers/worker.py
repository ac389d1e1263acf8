"""The wiring of a worker's parent process."""

import sys
from pathlib import Path

from dependency_injector import containers, providers

from adapters.butler.shared.datastore_root import datastore_root
from adapters.host.clock import SystemClock, SystemIdentifiers
from adapters.host.heap import spare_heap
from adapters.host.work_folders import remove_orphans, work_folder
from adapters.kafka.notifications.raw_notifications import KafkaRawNotifications
from adapters.kafka.outputs.output_notifier import KafkaOutputNotifier
from adapters.prometheus.metrics import PrometheusMetrics
from adapters.prometheus.metrics_server import MetricsServer
from adapters.raw_microservice.client import HttpRawLookup
from adapters.redis.control import RedisControlNotes
from adapters.redis.ledger import RedisLedger
from adapters.redis.work_queue import RedisWorkQueue
from adapters.s3.image_store import S3ImageStore
from adapters.sasquatch.measurements import SasquatchMeasurements
from adapters.sqlite.ledger import SqliteLedger
from adapters.workspace_process.client import ChildWorkspace
from application.sidecars import Sidecars
from application.worker.await_images import ImageWait
from application.worker.choose_pipelines import PipelineChooser
from application.worker.find_raws import RawSearch, SearchPolicy
from application.worker.process_visit import VisitPolicy, VisitProcessor
from application.worker.work import Worker, WorkerPolicy
from entrypoints.containers.addresses import (
    kafka_connection,
    ledger_scheme,
    ledger_url,
    process_name,
    redis_url,
    s3_connection,
    writer_connection,
)
from entrypoints.containers.deployment import DeploymentContainer
from entrypoints.readiness import Readiness
from entrypoints.settings.worker import WorkerSettings

__all__ = ["WorkerContainer"]

_CHILD = (sys.executable, "-m", "entrypoints.services.child")  # and the folder, and its socket
_RENEWALS = 4  # A lease is renewed this often in its time, so that a few failures cost nothing.


class WorkerContainer(containers.DeclarativeContainer):
    """Wires `Worker` from `WorkerSettings`."""

    settings = providers.Dependency(instance_of=WorkerSettings)
    folder = providers.Dependency(instance_of=Path)
    work_folder = providers.Factory(work_folder, settings.provided.local_repos)
    remove_orphans = providers.Callable(remove_orphans, settings.provided.local_repos)

    name = providers.Singleton(process_name)
    clock = providers.Singleton(SystemClock)
    spare_heap = providers.Callable(spare_heap)
    metrics = providers.Singleton(PrometheusMetrics)
    readiness = providers.Singleton(Readiness)
    metrics_server = providers.Singleton(
        MetricsServer,
        metrics,
        host=settings.provided.metrics.host,
        port=settings.provided.metrics.port,
        ready=readiness,
    )
    deployment = providers.Container(DeploymentContainer, settings=settings.provided.deployment)
    redis = providers.Singleton(redis_url, settings.provided.stream.host, settings.provided.redis)
    kafka = providers.Singleton(kafka_connection, settings.provided.kafka)

    measurements = providers.Selector(
        providers.Callable(lambda url: "off" if url is None else "on", settings.provided.sasquatch.url),
        on=providers.Singleton(
            SasquatchMeasurements,
            url=settings.provided.sasquatch.url,
            namespace=settings.provided.sasquatch.namespace,
            clock=clock,
            metrics=metrics,
            token=settings.provided.sasquatch.token,
        ),
        off=providers.Object(None),
    )
    queue = providers.Singleton(
        RedisWorkQueue,
        redis,
        stream=settings.provided.stream.stream,
        group=settings.provided.stream.group,
        consumer=name,
        lease_seconds=settings.provided.stream.lease,
        create=settings.provided.stream.create,
        timeout=settings.provided.redis.timeout,
    )
    control = providers.Singleton(
        RedisControlNotes,
        redis,
        stream=settings.provided.stream.stream,
        keep_seconds=settings.provided.message_expiration,
        timeout=settings.provided.redis.timeout,
    )
    ledger_address = providers.Singleton(
        ledger_url, settings.provided.ledger, settings.provided.stream.host, settings.provided.redis
    )
    ledger = providers.Selector(
        providers.Callable(ledger_scheme, ledger_address),
        redis=providers.Singleton(RedisLedger, ledger_address),
        sqlite=providers.Singleton(SqliteLedger, ledger_address),
    )
    notifications = providers.Singleton(
        KafkaRawNotifications,
        connection=kafka,
        topic=settings.provided.bucket_topic,
        camera=deployment.camera,
        bucket=settings.provided.bucket,
        clock=clock,
        metrics=metrics,
        offset_reset=settings.provided.offset_reset,
        retention=settings.provided.message_expiration,
    )
    store = providers.Singleton(
        S3ImageStore,
        bucket=settings.provided.bucket,
        connection=providers.Singleton(s3_connection, settings.provided.s3_endpoint),
    )
    lookup = providers.Selector(
        providers.Callable(lambda base: "off" if base is None else "on", settings.provided.raw_microservice),
        on=providers.Singleton(HttpRawLookup, base=settings.provided.raw_microservice),
        off=providers.Object(None),
    )
    notifier = providers.Selector(
        providers.Callable(lambda use: "on" if use else "off", settings.provided.use_writer),
        on=providers.Singleton(
            KafkaOutputNotifier,
            connection=providers.Singleton(
                writer_connection, settings.provided.writer_kafka, settings.provided.kafka.ca_file
            ),
            topic=settings.provided.writer_kafka.topic,
            outbox_root=providers.Callable(datastore_root, settings.provided.deployment.central_repo),
            identifiers=providers.Singleton(SystemIdentifiers),
        ),
        off=providers.Object(None),
    )
    workspace = providers.Singleton(
        ChildWorkspace,
        providers.Callable(lambda folder: (*_CHILD, str(folder)), folder),
        memory_ceiling=providers.Callable(
            lambda mebibytes: mebibytes << 20, settings.provided.memory_ceiling
        ),
    )

    search = providers.Singleton(
        RawSearch,
        camera=deployment.camera,
        notifications=notifications,
        store=store,
        lookup=lookup,
        sidecars=providers.Singleton(Sidecars, deployment.camera, store),
        clock=clock,
        policy=providers.Singleton(SearchPolicy),
    )
    processor = providers.Singleton(
        VisitProcessor,
        policy=providers.Singleton(
            VisitPolicy,
            image_timeout=settings.provided.image_timeout,
            worker_timeout=settings.provided.worker_timeout,
            message_expiration=settings.provided.message_expiration,
            unknown_count_grace=settings.provided.unknown_count_grace,
            repository_pause=settings.provided.repo_retry_delay,
            max_attempts=settings.provided.max_attempts,
        ),
        clock=clock,
        ledger=ledger,
        control=control,
        chooser=providers.Singleton(
            PipelineChooser,
            camera=deployment.camera,
            preprocessing=deployment.preprocessing,
            main=deployment.main,
        ),
        images=providers.Singleton(ImageWait, search, control, clock),
        workspace=workspace,
        notifier=notifier,
        metrics=metrics,
    )
    worker = providers.Singleton(
        Worker,
        name=name,
        camera=deployment.camera,
        policy=providers.Singleton(
            WorkerPolicy,
            idle_timeout=settings.provided.listen_timeout,
            retry_delay=settings.provided.redis_retry_delay,
            lease=settings.provided.stream.lease,
            renewal=providers.Callable(lambda lease: lease / _RENEWALS, settings.provided.stream.lease),
            shutdown_grace=settings.provided.shutdown_grace,
            recycle_after=settings.provided.restart_freq,
            max_attempts=settings.provided.max_attempts,
        ),
        queue=queue,
        ledger=ledger,
        processor=processor,
        workspace=workspace,
        metrics=metrics,
        measurements=measurements,
    )
