"""The wiring of the look at a night."""

from dependency_injector import containers, providers

from adapters.files.log_archive import FolderLogArchive
from adapters.host.clock import SystemClock
from adapters.redis.queue.queue_upkeep import RedisQueueUpkeep
from adapters.sqlite.work_queue import SqliteQueueUpkeep
from application.ledger import StoredLedger
from entrypoints.containers.parts.addresses import group_of_workers, is_sqlite, ledger_url, redis_url
from entrypoints.containers.parts.providing import singleton
from entrypoints.containers.parts.serving import make_history_store
from entrypoints.settings.status import StatusSettings

__all__ = ["StatusContainer"]


def _queue(settings: StatusSettings) -> RedisQueueUpkeep | SqliteQueueUpkeep:
    address = redis_url(settings.redis_host, settings.redis)
    if is_sqlite(address):
        return SqliteQueueUpkeep(address, queue=settings.stream, timeout=settings.redis.timeout)
    return RedisQueueUpkeep(
        address,
        stream=settings.stream,
        group=group_of_workers(settings.workers_group, settings.instrument),
        timeout=settings.redis.timeout,
    )


def _ledger_address(settings: StatusSettings) -> str:
    return ledger_url(settings.ledger, settings.redis_host, settings.redis)


class StatusContainer(containers.DeclarativeContainer):
    """Wires what `night_status` looks at from `StatusSettings`."""

    settings = providers.Dependency(instance_of=StatusSettings)

    clock = singleton(SystemClock)
    queue = singleton(_queue, settings)
    ledger_address = singleton(_ledger_address, settings)
    histories = singleton(
        make_history_store, ledger_address, singleton(lambda settings: settings.redis, settings)
    )
    ledger = singleton(StoredLedger, histories)
    logs = singleton(lambda: FolderLogArchive(None))
