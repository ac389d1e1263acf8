"""The fan-out's wiring."""

from dependency_injector import containers, providers

from adapters.files.active_detectors import load_fan_out_config
from adapters.kafka.announcements import KafkaAnnouncements
from adapters.kafka.schema_registry import SchemaRegistry
from adapters.redis.control import RedisControlWriter
from adapters.redis.ledger import RedisLedger
from adapters.redis.work_publisher import RedisWorkPublisher
from adapters.sqlite.ledger import SqliteLedger
from adapters.system.clock import SystemClock
from adapters.system.metrics import PrometheusMetrics
from application.fan_out import FanOut, FanOutPolicy
from entrypoints.containers.addresses import kafka_connection, ledger_scheme, ledger_url, redis_url
from entrypoints.settings.fan_out import FanOutSettings

__all__ = ["FanOutContainer"]


class FanOutContainer(containers.DeclarativeContainer):
    """Wires `FanOut` from `FanOutSettings`."""

    settings = providers.Dependency(instance_of=FanOutSettings)

    clock = providers.Singleton(SystemClock)
    metrics = providers.Singleton(PrometheusMetrics)
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
            SchemaRegistry, settings.provided.registry, cache=settings.provided.schema_cache
        ),
    )
    publisher = providers.Singleton(RedisWorkPublisher, redis, streams=config.provided.streams)
    control = providers.Singleton(RedisControlWriter, redis, streams=config.provided.streams)
    ledger_address = providers.Singleton(
        ledger_url, settings.provided.ledger, settings.provided.redis_host, settings.provided.redis
    )
    ledger = providers.Selector(
        providers.Callable(ledger_scheme, ledger_address),
        redis=providers.Singleton(RedisLedger, ledger_address),
        sqlite=providers.Singleton(SqliteLedger, ledger_address),
    )
    fan_out = providers.Singleton(
        FanOut,
        policy=providers.Singleton(
            FanOutPolicy,
            instruments=settings.provided.instruments,
            message_expiration=settings.provided.message_expiration,
            retry_delay=settings.provided.retry_delay,
        ),
        config=config,
        announcements=announcements,
        publisher=publisher,
        control=control,
        ledger=ledger,
        clock=clock,
        metrics=metrics,
    )
