"""The wiring of the look at a night."""

from dependency_injector import containers, providers

from adapters.host.clock import SystemClock
from adapters.redis.ledger import RedisLedger
from adapters.redis.queue_upkeep import RedisQueueUpkeep
from adapters.sqlite.ledger import SqliteLedger
from entrypoints.containers.addresses import group_of_workers, ledger_scheme, ledger_url, redis_url
from entrypoints.settings.status import StatusSettings

__all__ = ["StatusContainer"]


class StatusContainer(containers.DeclarativeContainer):
    """Wires what `night_status` looks at from `StatusSettings`."""

    settings = providers.Dependency(instance_of=StatusSettings)

    clock = providers.Singleton(SystemClock)
    redis = providers.Singleton(redis_url, settings.provided.redis_host, settings.provided.redis)
    queue = providers.Singleton(
        RedisQueueUpkeep,
        redis,
        stream=settings.provided.stream,
        group=providers.Callable(
            group_of_workers, settings.provided.workers_group, settings.provided.instrument
        ),
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
