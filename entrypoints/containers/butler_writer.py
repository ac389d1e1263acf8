"""The Butler Writer's wiring."""

from dependency_injector import containers, providers

from adapters.butler.shared.datastore_root import datastore_root
from adapters.butler.writer.central_registry import ButlerCentralRegistry
from adapters.butler.writer.message_rules import MessageRules
from adapters.host.clock import SystemClock, SystemIdentifiers
from adapters.kafka.connection import KafkaConnection
from adapters.kafka.outputs.output_events import KafkaOutputEvents, WriterPolicy, WriterTopics
from adapters.prometheus.metrics import PrometheusMetrics
from application.write_outputs import OutputWriter
from entrypoints.containers.parts.addresses import tls_verification
from entrypoints.containers.parts.providing import singleton
from entrypoints.containers.parts.serving import make_metrics_server
from entrypoints.readiness import Readiness
from entrypoints.settings.butler_writer import ButlerWriterSettings
from ports.central_registry import CentralRegistry, OutputEvents
from ports.clock import Clock, Identifiers
from ports.metrics import Metrics

__all__ = ["ButlerWriterContainer"]

_IDENTITY = "butler-writer-output"


def _connection(settings: ButlerWriterSettings) -> KafkaConnection:
    return KafkaConnection(
        bootstrap_servers=settings.servers,
        username=settings.username,
        password=settings.password,
        ca_file=settings.ca_file,
        tls_verify=tls_verification(settings.tls_verify),
        fetch_wait=settings.fetch_wait,
        session_timeout=settings.session_timeout,
        group_protocol=settings.group_protocol,
        debug=settings.kafka_debug,
    )


def _registry(settings: ButlerWriterSettings) -> ButlerCentralRegistry:
    rules = MessageRules(
        runs=settings.runs,
        formatter_packages=settings.formatter_packages,
        raw_roots=sorted(settings.raw_roots),
    )
    return ButlerCentralRegistry(settings.repository, quick=settings.quick, rules=rules)


def _events(
    settings: ButlerWriterSettings, connection: KafkaConnection, clock: Clock, identifiers: Identifiers
) -> KafkaOutputEvents:
    return KafkaOutputEvents(
        connection=connection,
        topics=WriterTopics(
            input=settings.topic, output=settings.output_topic, dead_letters=settings.dead_letter_topic
        ),
        transactional_id=_IDENTITY if settings.transactional else "",
        batch_folder=settings.batch_folder,
        outbox_root=datastore_root(settings.repository),
        policy=WriterPolicy(
            limit=settings.batch_size, age=settings.batch_age, create_topics=settings.create_topics
        ),
        clock=clock,
        identifiers=identifiers,
    )


def _writer(
    settings: ButlerWriterSettings, events: OutputEvents, registry: CentralRegistry, metrics: Metrics
) -> OutputWriter:
    return OutputWriter(events=events, registry=registry, metrics=metrics, retry_delay=settings.retry_delay)


class ButlerWriterContainer(containers.DeclarativeContainer):
    """Wires `OutputWriter` from `ButlerWriterSettings`."""

    settings = providers.Dependency(instance_of=ButlerWriterSettings)

    clock = singleton(SystemClock)
    identifiers = singleton(SystemIdentifiers)
    metrics = singleton(PrometheusMetrics)
    readiness = singleton(Readiness)
    metrics_server = singleton(
        make_metrics_server, singleton(lambda settings: settings.metrics, settings), metrics, readiness
    )
    registry = singleton(_registry, settings)
    connection = singleton(_connection, settings)
    events = singleton(_events, settings, connection, clock, identifiers)
    writer = singleton(_writer, settings, events, registry, metrics)
