"""The producing end of the queue on Redis: one script per visit."""

import itertools
import json
import uuid
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from adapters.redis.connection import RedisAdapter, RedisConnection, lua
from adapters.redis.names import StreamKeys
from adapters.redis.queue.contents import digest
from adapters.redis.queue.fanned_out_visit import to_fields, visit_from_fields, visit_to_fields
from domain.visit import Visit, VisitDetector
from ports.work_publisher import NoQueueError, Novelty, Published
from ports.work_queue import QueueUnavailableError

__all__ = ["RedisWorkPublisher"]

_PUBLISH: Final = lua("publish")
_RESTORE: Final = lua("restore")
_REMEMBER: Final = lua("remember")


class RedisWorkPublisher(RedisAdapter):
    """`ports.work_publisher.WorkPublisher` on one stream per instrument.

    Parameters
    ----------
    url
        As for `RedisConnection`.
    streams
        From instrument to stream.
    mark_seconds
        How long a visit is remembered as published.
    note_seconds
        MESSAGE_EXPIRATION: how long control notes are kept at least.
    timeout
        Seconds for one command.
    """

    def __init__(
        self,
        url: str,
        *,
        streams: Mapping[str, str],
        mark_seconds: float = 3 * 86_400.0,
        note_seconds: float = 3600.0,
        timeout: float = 5.0,
    ) -> None:
        self._streams = dict(streams)
        self._mark_seconds = mark_seconds
        self._note_seconds = note_seconds
        self._redis = RedisConnection(url, unavailable=QueueUnavailableError, timeout=timeout)
        super().__init__(self._redis)

    async def publish(self, visit: Visit, detectors: Iterable[int]) -> Published:
        """Add the copies of a visit and its mark in one script."""
        keys = self._keys(visit.instrument)
        copies = [str(detector) for detector in detectors]
        fields = list(itertools.chain.from_iterable(visit_to_fields(visit).items()))
        arguments: list[str | int] = [digest(visit), repr(float(visit.sent))]
        arguments += [round(self._mark_seconds * 1000), visit.instrument, visit.group]
        arguments += [f"[{','.join(copies)}]", round(self._note_seconds * 1000)]
        arguments += [len(fields), *fields, *copies]
        mark = keys.mark(visit.instrument, visit.group)
        names = [keys.stream, mark, keys.control, keys.steps]
        answer = await self._redis.run(_PUBLISH, names, arguments)
        novelty, revision, added = answer
        return Published(novelty=Novelty(novelty), revision=revision, copies=added)

    async def restore(self, visit: Visit, detectors: Collection[int]) -> int:
        """Add copies that the stream has lost, and the mark if that is lost, in one script."""
        keys = self._keys(visit.instrument)
        fields = list(itertools.chain.from_iterable(visit_to_fields(visit).items()))
        arguments: list[str | int] = [
            digest(visit),
            repr(float(visit.sent)),
            round(self._mark_seconds * 1000),
        ]
        arguments += [uuid.uuid4().hex, len(fields), *fields, *map(str, detectors)]
        names = [keys.stream, keys.mark(visit.instrument, visit.group), keys.steps]
        return int(await self._redis.run(_RESTORE, names, arguments))

    async def put_again(self, work: VisitDetector) -> None:
        """Add one entry, whatever was published before."""
        words = itertools.chain.from_iterable(to_fields(work).items())
        await self._redis.call("XADD", self._keys(work.visit.instrument).stream, "*", *words)

    async def remember(self, visit: Visit) -> None:
        """Note a visit where its mark would be, without what makes it one."""
        mark = self._keys(visit.instrument).mark(visit.instrument, visit.group)
        words = json.dumps(list(itertools.chain.from_iterable(visit_to_fields(visit).items())))
        await self._redis.run(_REMEMBER, [mark], [words, round(self._mark_seconds * 1000)])

    async def announced(self, instrument: str, group: str) -> Visit | None:
        """Find the newest revision of a visit in its mark."""
        mark = self._keys(instrument).mark(instrument, group)
        found = await self._redis.call("HGET", mark, "visit")
        if found is None:
            return None
        words = json.loads(found)
        return visit_from_fields(dict(zip(words[::2], words[1::2], strict=True)))

    def _keys(self, instrument: str) -> StreamKeys:
        if instrument not in self._streams:
            raise NoQueueError(f"no stream is configured for instrument {instrument}")
        return StreamKeys(self._streams[instrument])
