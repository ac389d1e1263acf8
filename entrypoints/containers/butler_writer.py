"""The Butler Writer's wiring."""

from dependency_injector import containers, providers

from adapters.butler.shared.datastore_root import datastore_root
from adapters.butler.writer.central_registry import ButlerCentralRegistry
from adapters.host.clock import SystemClock, SystemIdentifiers
from adapters.kafka.connection import KafkaConnection
from adapters.kafka.outputs.output_events import KafkaOutputEvents, WriterPolicy, WriterTopics
from adapters.prometheus.metrics import PrometheusMetrics
from adapters.prometheus.metrics_server import MetricsServer
from application.write_outputs import OutputWriter
from entrypoints.readiness import Readiness
from entrypoints.settings.butler_writer import ButlerWriterSettings

__all__ = ["ButlerWriterContainer"]

_IDENTITY = "butler-writer-output"


class ButlerWriterContainer(containers.DeclarativeContainer):
    """Wires `OutputWriter` from `ButlerWriterSettings`."""

    settings = providers.Dependency(instance_of=ButlerWriterSettings)

    metrics = providers.Singleton(PrometheusMetrics)
    readiness = providers.Singleton(Readiness)
    metrics_server = providers.Singleton(
        MetricsServer,
        metrics,
        host=settings.provided.metrics.host,
        port=settings.provided.metrics.port,
        ready=readiness,
    )
    registry = providers.Singleton(
        ButlerCentralRegistry, settings.provided.repository, quick=settings.provided.quick
    )
    events = providers.Singleton(
        KafkaOutputEvents,
        connection=providers.Singleton(
            KafkaConnection,
            bootstrap_servers=settings.provided.servers,
            username=settings.provided.username,
            password=settings.provided.password,
            ca_file=settings.provided.ca_file,
            fetch_wait=settings.provided.fetch_wait,
            session_timeout=settings.provided.session_timeout,
            group_protocol=settings.provided.group_protocol,
            debug=settings.provided.kafka_debug,
        ),
        topics=providers.Singleton(
            WriterTopics,
            input=settings.provided.topic,
            output=settings.provided.output_topic,
            dead_letters=settings.provided.dead_letter_topic,
        ),
        transactional_id=providers.Callable(
            lambda real: _IDENTITY if real else "", settings.provided.transactional
        ),
        batch_folder=settings.provided.batch_folder,
        outbox_root=providers.Callable(datastore_root, settings.provided.repository),
        policy=providers.Singleton(
            WriterPolicy,
            limit=settings.provided.batch_size,
            age=settings.provided.batch_age,
            create_topics=settings.provided.create_topics,
        ),
        clock=providers.Singleton(SystemClock),
        identifiers=providers.Singleton(SystemIdentifiers),
    )
    writer = providers.Singleton(
        OutputWriter,
        events=events,
        registry=registry,
        metrics=metrics,
        retry_delay=settings.provided.retry_delay,
    )
