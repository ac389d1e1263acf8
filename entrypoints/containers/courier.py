"""The wiring of the courier of alerts."""

from dependency_injector import containers, providers

from adapters.alerts.folder import AlertFolderBroker
from adapters.alerts.outbox import AlertOutboxFiles
from adapters.apdb.stored_sources import ApdbStoredSources
from adapters.butler.shared.datastore_root import datastore_root
from adapters.host.clock import SystemClock
from adapters.kafka.alert_broker import KafkaAlertBroker
from adapters.prometheus.metrics import PrometheusMetrics
from application.alerts.courier import AlertCourier, CourierPolicy
from application.ledger import StoredLedger
from entrypoints.containers.parts.addresses import ledger_url, process_name
from entrypoints.containers.parts.alerts import alert_connection
from entrypoints.containers.parts.providing import singleton
from entrypoints.containers.parts.serving import make_history_store, make_metrics_server
from entrypoints.readiness import Readiness
from entrypoints.settings.alerts import AlertSettings, CourierSettings, OutboxSettings
from ports.alert_outbox import AlertBroker, AlertOutbox, StoredSources
from ports.clock import Clock
from ports.ledger import Ledger
from ports.metrics import Metrics

__all__ = ["CourierContainer", "make_outbox"]

_STATEMENT_TIMEOUT = 60.0  # Seconds that the APDB may still be at a statement whose sender is gone.


def make_outbox(settings: OutboxSettings) -> AlertOutboxFiles:
    """Reach the outbox of the central datastore."""
    return AlertOutboxFiles(datastore_root(settings.repository))


def _broker(alerts: AlertSettings) -> KafkaAlertBroker | AlertFolderBroker:
    if alerts.server is None or alerts.topic is None:
        return AlertFolderBroker(alerts.folder or "")
    return KafkaAlertBroker(alert_connection(alerts), alerts.topic)


def _ledger_address(settings: CourierSettings) -> str:
    return ledger_url(settings.ledger, settings.redis_host, settings.redis)


def _courier(
    settings: CourierSettings,
    outbox: AlertOutbox,
    broker: AlertBroker,
    sources: StoredSources,
    ledger: Ledger,
    clock: Clock,
    metrics: Metrics,
) -> AlertCourier:
    settling = 2 * settings.worker_timeout + 120.0 + _STATEMENT_TIMEOUT
    return AlertCourier(
        name=process_name(),
        policy=CourierPolicy(settling=settings.settling or settling),
        outbox=outbox,
        broker=broker,
        sources=sources,
        ledger=ledger,
        clock=clock,
        metrics=metrics,
    )


class CourierContainer(containers.DeclarativeContainer):
    """Wires `AlertCourier` from `CourierSettings`."""

    settings = providers.Dependency(instance_of=CourierSettings)

    clock = singleton(SystemClock)
    metrics = singleton(PrometheusMetrics)
    readiness = singleton(Readiness)
    metrics_server = singleton(
        make_metrics_server, singleton(lambda settings: settings.metrics, settings), metrics, readiness
    )
    outbox = singleton(make_outbox, singleton(lambda settings: settings.outbox, settings))
    broker = singleton(_broker, singleton(lambda settings: settings.alerts, settings))
    sources = singleton(ApdbStoredSources, singleton(lambda settings: settings.apdb, settings))
    ledger_address = singleton(_ledger_address, settings)
    histories = singleton(
        make_history_store, ledger_address, singleton(lambda settings: settings.redis, settings)
    )
    ledger = singleton(StoredLedger, histories, metrics)
    courier = singleton(_courier, settings, outbox, broker, sources, ledger, clock, metrics)
