"""The benches of the contract suites on a Redis server, each on a stream of its own."""

import contextlib
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from types import TracebackType
from typing import Any, Self

import redis.asyncio

from adapters.redis.ledger.claim_store import RedisClaimStore
from adapters.redis.ledger.history_store import RedisHistoryStore
from adapters.redis.names import LedgerKeys
from adapters.redis.queue.control import RedisControlNotes
from adapters.redis.queue.queue_upkeep import RedisQueueUpkeep
from adapters.redis.queue.work_publisher import RedisWorkPublisher
from adapters.redis.queue.work_queue import RedisWorkQueue
from application.ledger import StoredClaims, StoredLedger
from domain.visit import Identity
from ports.metrics import Metrics
from tests.contract_suites.ledger import LedgerBench
from tests.contract_suites.samples import INSTRUMENT
from tests.contract_suites.work_publisher import PublisherBench
from tests.contract_suites.work_queue import QueueBench

__all__ = [
    "GROUP",
    "RedisLedgerBench",
    "RedisPublisherBench",
    "RedisQueueBench",
    "a_stream",
    "redis_claims",
    "redis_ledger",
]

GROUP = "workers"


def a_stream() -> str:
    """Name a stream that no other test has."""
    return f"instrument:{uuid.uuid4()}"


@contextlib.asynccontextmanager
async def redis_ledger(
    url: str, *, prefix: str = "ledger", metrics: Metrics | None = None
) -> AsyncIterator[StoredLedger]:
    """Open a ledger on Redis."""
    async with RedisHistoryStore(url, prefix=prefix) as store:
        yield StoredLedger(store, metrics)


@contextlib.contextmanager
def redis_claims(
    url: str, *, prefix: str = "ledger", timeout: float = 5.0, seconds: float = 0.0
) -> Iterator[StoredClaims]:
    """Have claims on Redis, connected with the first."""
    with contextlib.closing(RedisClaimStore(url, prefix=prefix, timeout=timeout)) as store:
        yield StoredClaims(store, seconds)


class RedisQueueBench(QueueBench):
    lease_seconds = 0.4

    def __init__(self, url: str) -> None:
        self.url = url
        self.stream = a_stream()
        self.publisher: RedisWorkPublisher
        self._open = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        enter = self._open.enter_async_context
        self.publisher = await enter(RedisWorkPublisher(self.url, streams={INSTRUMENT: self.stream}))
        self.upkeep = await enter(
            RedisQueueUpkeep(self.url, stream=self.stream, group=GROUP, lease_seconds=self.lease_seconds)
        )
        self.raw = await enter(
            redis.asyncio.from_url(self.url, decode_responses=True, encoding_errors="replace")
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._open.aclose()

    async def consumer(self, name: str) -> RedisWorkQueue:
        queue = RedisWorkQueue(
            self.url, stream=self.stream, group=GROUP, consumer=name, lease_seconds=self.lease_seconds
        )
        return await self._open.enter_async_context(queue)

    async def add_unreadable(self) -> None:
        await self.raw.xadd(self.stream, {"instrument": b"\xff\xfe", "detector": "four"})

    async def dead(self) -> Sequence[tuple[str, str]]:
        entries: Any = await self.raw.xrange(f"{self.stream}:dead")
        return [(fields["dead_entry"], fields["dead_reason"]) for _, fields in entries]


class RedisPublisherBench(PublisherBench):
    def __init__(self, url: str) -> None:
        self._url = url
        self._open = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        stream = a_stream()
        enter = self._open.enter_async_context
        self.publisher = await enter(RedisWorkPublisher(self._url, streams={INSTRUMENT: stream}))
        self.queue = await enter(RedisWorkQueue(self._url, stream=stream, group=GROUP, consumer="eyes"))
        self.notes = await enter(RedisControlNotes(self._url, stream=stream))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._open.aclose()


class RedisLedgerBench(LedgerBench):
    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url
        self._prefix = f"ledger-{uuid.uuid4()}"
        self._open = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        self.ledger = await self.another()
        self.claims = self.lasting_claims(0.0)
        self._raw = await self._open.enter_async_context(
            redis.asyncio.from_url(self._url, decode_responses=True)
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._open.aclose()

    def lasting_claims(self, seconds: float) -> StoredClaims:
        return self._open.enter_context(redis_claims(self._url, prefix=self._prefix, seconds=seconds))

    async def another(self) -> StoredLedger:
        ledger = redis_ledger(self._url, prefix=self._prefix, metrics=self.metrics)
        return await self._open.enter_async_context(ledger)

    async def plant(self, identity: Identity, text: str) -> None:
        await self._raw.hset(self._key(identity), str(identity.detector), text)

    async def stored(self, identity: Identity) -> str | None:
        found: Any = await self._raw.hget(self._key(identity), str(identity.detector))
        return None if found is None else str(found)

    def _key(self, identity: Identity) -> str:
        return LedgerKeys(self._prefix).visit(identity.instrument, identity.group)
