"""The fan-out's wiring."""

from collections.abc import Mapping

from attrs import evolve
from dependency_injector import containers, providers

from adapters.files.active_detectors import load_fan_out_config
from adapters.host.clock import SystemClock
from adapters.kafka.announcements.announcements import KafkaAnnouncements
from adapters.kafka.announcements.schema_registry import SchemaRegistry
from adapters.prometheus.metrics import PrometheusMetrics
from adapters.redis.queue.control import RedisControlWriter
from adapters.redis.queue.dead_announcements import RedisDeadAnnouncements
from adapters.redis.queue.queue_upkeep import RedisQueueUpkeep
from adapters.redis.queue.work_publisher import RedisWorkPublisher
from application.fan_out import FanOut, FanOutPolicy
from application.keep_queue import QueueKeeper, UpkeepPolicy
from application.ledger import StoredLedger
from application.recovery.guard import GuardPolicy, QueueGuard
from application.recovery.rebuild import LONGEST_WINDOW, Rebuilder, RebuildPolicy
from domain.fan_out import FanOutConfig
from entrypoints.containers.parts.addresses import (
    group_of_workers,
    is_same_server,
    kafka_connection,
    ledger_url,
    redis_url,
)
from entrypoints.containers.parts.providing import singleton
from entrypoints.containers.parts.serving import make_history_store, make_metrics_server
from entrypoints.readiness import Readiness
from entrypoints.settings.fan_out import FanOutSettings
from ports.announcements import Announcements
from ports.clock import Clock
from ports.control import ControlWriter
from ports.dead_announcements import DeadAnnouncements
from ports.history_store import HistoryStore
from ports.ledger import Ledger
from ports.metrics import Metrics
from ports.work_publisher import RestoringPublisher, WorkPublisher
from ports.work_queue import QueueUpkeep, RebuildableQueue

__all__ = ["FanOutContainer"]


def _config(settings: FanOutSettings) -> FanOutConfig:
    return load_fan_out_config(settings.config_file)


def _redis(settings: FanOutSettings) -> str:
    return redis_url(settings.redis_host, settings.redis)


def _registry(settings: FanOutSettings) -> SchemaRegistry:
    return SchemaRegistry(
        settings.registry, cache=settings.schema_cache, ca_file=settings.registry_ca_file or ""
    )


def _announcements(settings: FanOutSettings, registry: SchemaRegistry) -> KafkaAnnouncements:
    return KafkaAnnouncements(
        connection=kafka_connection(settings.kafka),
        group=settings.consumer_group,
        topic=settings.topic,
        canceled_topic=settings.canceled_topic,
        offset_reset=settings.offset,
        registry=registry,
        patience=settings.message_expiration,  # What waited for longer would be too old to be observed.
    )


def _dead(settings: FanOutSettings, redis: str) -> RedisDeadAnnouncements:
    return RedisDeadAnnouncements(redis, name=settings.consumer_group, timeout=settings.redis.timeout)


def _publisher(settings: FanOutSettings, redis: str, config: FanOutConfig) -> RedisWorkPublisher:
    return RedisWorkPublisher(
        redis,
        streams=config.streams,
        note_seconds=settings.message_expiration,
        timeout=settings.redis.timeout,
    )


def _control(settings: FanOutSettings, redis: str, config: FanOutConfig) -> RedisControlWriter:
    return RedisControlWriter(
        redis,
        streams=config.streams,
        keep_seconds=settings.message_expiration,
        timeout=settings.redis.timeout,
    )


def _ledger_address(settings: FanOutSettings) -> str:
    return ledger_url(settings.ledger, settings.redis_host, settings.redis)


def _fan_out(
    settings: FanOutSettings,
    config: FanOutConfig,
    announcements: Announcements,
    publisher: WorkPublisher,
    control: ControlWriter,
    dead: DeadAnnouncements,
    ledger: Ledger,
    clock: Clock,
    metrics: Metrics,
    guard: QueueGuard,
) -> FanOut:
    return FanOut(
        policy=FanOutPolicy(
            instruments=settings.instruments,
            message_expiration=settings.message_expiration,
            retry_delay=settings.retry_delay,
            longest_retry_delay=settings.longest_retry_delay,
        ),
        config=config,
        announcements=announcements,
        publisher=publisher,
        control=control,
        dead=dead,
        ledger=ledger,
        clock=clock,
        metrics=metrics,
        guard=guard,
    )


def _rebuilder(
    settings: FanOutSettings,
    config: FanOutConfig,
    announcements: Announcements,
    publisher: RestoringPublisher,
    control: ControlWriter,
    ledger: Ledger,
    clock: Clock,
) -> Rebuilder:
    window = min(settings.message_expiration, settings.postpone_limit, LONGEST_WINDOW)
    return Rebuilder(
        policy=RebuildPolicy(window=window),
        config=config,
        announcements=announcements,
        publisher=publisher,
        control=control,
        ledger=ledger,
        clock=clock,
    )


def _guard(
    ledger_address: str,
    redis: str,
    queues: Mapping[str, RebuildableQueue],
    announcements: Announcements,
    rebuilder: Rebuilder,
    ledger: Ledger,
    metrics: Metrics,
) -> QueueGuard:
    return QueueGuard(
        policy=GuardPolicy(shares_store=is_same_server(ledger_address, redis)),
        queues=queues,
        announcements=announcements,
        rebuilder=rebuilder,
        ledger=ledger,
        metrics=metrics,
    )


def _queues(settings: FanOutSettings, redis: str, config: FanOutConfig) -> Mapping[str, RedisQueueUpkeep]:
    """Make the upkeep of the stream of each supported instrument that has one."""
    return {
        config.streams[instrument]: RedisQueueUpkeep(
            redis,
            stream=config.streams[instrument],
            group=group_of_workers(settings.workers_group, instrument),
            lease_seconds=settings.lease_seconds,
            gone_seconds=settings.gone_seconds,
            timeout=settings.redis.timeout,
        )
        for instrument in sorted(settings.instruments & config.streams.keys())
    }


def _keeper(
    settings: FanOutSettings,
    queues: Mapping[str, QueueUpkeep],
    metrics: Metrics,
    histories: HistoryStore,
) -> QueueKeeper:
    policy = UpkeepPolicy()
    policy = evolve(policy, trim_every=min(policy.trim_every, settings.gone_seconds))
    return QueueKeeper(queues, policy, metrics, histories)


class FanOutContainer(containers.DeclarativeContainer):
    """Wires `FanOut` and `QueueKeeper` from `FanOutSettings`."""

    settings = providers.Dependency(instance_of=FanOutSettings)

    clock = singleton(SystemClock)
    metrics = singleton(PrometheusMetrics)
    readiness = singleton(Readiness)
    metrics_server = singleton(
        make_metrics_server, singleton(lambda settings: settings.metrics, settings), metrics, readiness
    )
    config = singleton(_config, settings)
    redis = singleton(_redis, settings)
    registry = singleton(_registry, settings)
    announcements = singleton(_announcements, settings, registry)
    dead = singleton(_dead, settings, redis)
    publisher = singleton(_publisher, settings, redis, config)
    control = singleton(_control, settings, redis, config)
    ledger_address = singleton(_ledger_address, settings)
    histories = singleton(
        make_history_store, ledger_address, singleton(lambda settings: settings.redis, settings)
    )
    ledger = singleton(StoredLedger, histories, metrics)
    queues = singleton(_queues, settings, redis, config)
    rebuilder = singleton(_rebuilder, settings, config, announcements, publisher, control, ledger, clock)
    guard = singleton(_guard, ledger_address, redis, queues, announcements, rebuilder, ledger, metrics)
    fan_out = singleton(
        _fan_out, settings, config, announcements, publisher, control, dead, ledger, clock, metrics, guard
    )
    keeper = singleton(_keeper, settings, queues, metrics, histories)
