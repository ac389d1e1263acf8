"""The fan-out's wiring."""

from collections.abc import Mapping

from dependency_injector import containers, providers

from adapters.files.active_detectors import load_fan_out_config
from adapters.host.clock import SystemClock
from adapters.kafka.announcements.announcements import KafkaAnnouncements
from adapters.kafka.announcements.schema_registry import SchemaRegistry
from adapters.prometheus.metrics import PrometheusMetrics
from adapters.prometheus.metrics_server import MetricsServer
from adapters.redis.control import RedisControlWriter
from adapters.redis.dead_announcements import RedisDeadAnnouncements
from adapters.redis.ledger import RedisLedger
from adapters.redis.queue_upkeep import RedisQueueUpkeep
from adapters.redis.work_publisher import RedisWorkPublisher
from adapters.sqlite.ledger import SqliteLedger
from application.fan_out import FanOut, FanOutPolicy
from application.keep_queue import QueueKeeper, UpkeepPolicy
from domain.fan_out import FanOutConfig
from entrypoints.containers.addresses import (
    group_of_workers,
    kafka_connection,
    ledger_scheme,
    ledger_url,
    redis_url,
)
from entrypoints.readiness import Readiness
from entrypoints.settings.fan_out import FanOutSettings

__all__ = ["FanOutContainer"]


def _queues(url: str, config: FanOutConfig, settings: FanOutSettings) -> Mapping[str, RedisQueueUpkeep]:
    """Make the upkeep of the stream of each supported instrument that has one."""
    return {
        config.streams[instrument]: RedisQueueUpkeep(
            url,
            stream=config.streams[instrument],
            group=group_of_workers(settings.workers_group, instrument),
            lease_seconds=settings.lease,
            timeout=settings.redis.timeout,
        )
        for instrument in sorted(settings.instruments & config.streams.keys())
    }


class FanOutContainer(containers.DeclarativeContainer):
    """Wires `FanOut` and `QueueKeeper` from `FanOutSettings`."""

    settings = providers.Dependency(instance_of=FanOutSettings)

    clock = providers.Singleton(SystemClock)
    metrics = providers.Singleton(PrometheusMetrics)
    readiness = providers.Singleton(Readiness)
    metrics_server = providers.Singleton(
        MetricsServer,
        metrics,
        host=settings.provided.metrics.host,
        port=settings.provided.metrics.port,
        ready=readiness,
    )
    config = providers.Singleton(load_fan_out_config, settings.provided.config_file)
    redis = providers.Singleton(redis_url, settings.provided.redis_host, settings.provided.redis)

    announcements = providers.Singleton(
        KafkaAnnouncements,
        connection=providers.Singleton(kafka_connection, settings.provided.kafka),
        group=settings.provided.consumer_group,
        topic=settings.provided.topic,
        canceled_topic=settings.provided.canceled_topic,
        offset_reset=settings.provided.offset,
        registry=providers.Singleton(
            SchemaRegistry,
            settings.provided.registry,
            cache=settings.provided.schema_cache,
            ca_file=providers.Callable(lambda file: file or "", settings.provided.registry_ca_file),
        ),
    )
    dead = providers.Singleton(
        RedisDeadAnnouncements,
        redis,
        name=settings.provided.consumer_group,
        timeout=settings.provided.redis.timeout,
    )
    publisher = providers.Singleton(
        RedisWorkPublisher,
        redis,
        streams=config.provided.streams,
        note_seconds=settings.provided.message_expiration,
        timeout=settings.provided.redis.timeout,
    )
    control = providers.Singleton(
        RedisControlWriter,
        redis,
        streams=config.provided.streams,
        keep_seconds=settings.provided.message_expiration,
        timeout=settings.provided.redis.timeout,
    )
    ledger_address = providers.Singleton(
        ledger_url, settings.provided.ledger, settings.provided.redis_host, settings.provided.redis
    )
    ledger = providers.Selector(
        providers.Callable(ledger_scheme, ledger_address),
        redis=providers.Singleton(RedisLedger, ledger_address, timeout=settings.provided.redis.timeout),
        sqlite=providers.Singleton(SqliteLedger, ledger_address),
    )
    fan_out = providers.Singleton(
        FanOut,
        policy=providers.Singleton(
            FanOutPolicy,
            instruments=settings.provided.instruments,
            message_expiration=settings.provided.message_expiration,
            retry_delay=settings.provided.retry_delay,
            longest_retry_delay=settings.provided.longest_retry_delay,
        ),
        config=config,
        announcements=announcements,
        publisher=publisher,
        control=control,
        dead=dead,
        ledger=ledger,
        clock=clock,
        metrics=metrics,
    )
    queues = providers.Singleton(_queues, redis, config, settings)
    keeper = providers.Singleton(QueueKeeper, queues, providers.Singleton(UpkeepPolicy), metrics)
