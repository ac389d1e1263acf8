"""Dead letters on Redis, to be looked at, replayed and discarded."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from adapters.redis.connection import RedisAdapter, RedisConnection, lua, text
from adapters.redis.names import StreamKeys
from adapters.redis.queue.fanned_out_visit import from_fields
from domain.errors import PromptProcessingError
from domain.times import UtcSeconds
from ports.dead_letters import DeadLetter, DeadLettersUnavailableError

__all__ = ["RedisAnnouncementLetters", "RedisWorkLetters"]

_REPLAY: Final = lua("queue/replay", "queue/common")
_PAGE: Final = 1000  # Entries read at once.

type _Fields = Mapping[bytes, bytes]


class _Letters(RedisAdapter):
    """A stream of dead letters."""

    def __init__(self, url: str, key: str, timeout: float) -> None:
        self._key = key
        self._redis = RedisConnection(
            url, unavailable=DeadLettersUnavailableError, timeout=timeout, decode=False
        )
        super().__init__(self._redis)

    async def discard(self, letter: DeadLetter, reason: str) -> bool:  # noqa: ARG002 - the caller logs it
        """See `ports.dead_letters.DeadLetters.discard`."""
        return bool(await self._redis.call("XDEL", self._key, letter.id))

    async def _entries(self) -> Sequence[tuple[str, _Fields]]:
        found: list[tuple[str, _Fields]] = []
        begin = "-"
        while True:
            page: Sequence[Any] = await self._redis.call("XRANGE", self._key, begin, "+", "COUNT", _PAGE)
            found += [(text(entry), fields) for entry, fields in page]
            if len(page) < _PAGE:
                return found
            begin = f"({found[-1][0]}"


class RedisWorkLetters(_Letters):
    """`ports.dead_letters.ReplayableLetters` of a stream of work.

    Parameters
    ----------
    url
        As for `RedisConnection`.
    stream
        Of work, as configured.
    timeout
        Seconds for one command.
    """

    def __init__(self, url: str, *, stream: str, timeout: float = 5.0) -> None:
        self._keys = StreamKeys(stream)
        super().__init__(url, self._keys.dead, timeout)

    async def letters(self) -> Sequence[DeadLetter]:
        """See `ports.dead_letters.DeadLetters.letters`."""
        return [_of_work(entry, fields) for entry, fields in await self._entries()]

    async def replay(self, letter: DeadLetter) -> str:
        """See `ports.dead_letters.ReplayableLetters.replay`."""
        added = await self._redis.run(_REPLAY, [*self._keys.queue, self._keys.dead], [letter.id])
        return text(added) if added else ""


class RedisAnnouncementLetters(_Letters):
    """`ports.dead_letters.DeadLetters` of a fan-out.

    Parameters
    ----------
    url
        As for `RedisConnection`.
    name
        The fan-out's Kafka consumer group.
    timeout
        Seconds for one command.
    """

    def __init__(self, url: str, *, name: str, timeout: float = 5.0) -> None:
        super().__init__(url, f"fan-out:{name}:dead", timeout)

    async def letters(self) -> Sequence[DeadLetter]:
        """See `ports.dead_letters.DeadLetters.letters`."""
        return [
            DeadLetter(
                id=entry,
                origin=_said(fields, b"position"),
                reason=_said(fields, b"reason"),
                since=_time_of(entry),
                body=fields.get(b"body", b""),
                is_whole=_said(fields, b"bytes") == str(len(fields.get(b"body", b""))),
            )
            for entry, fields in await self._entries()
        ]


def _of_work(entry: str, fields: _Fields) -> DeadLetter:
    came = {name: value for name, value in fields.items() if not name.startswith(b"dead_")}
    instrument = group = ""
    detector = None
    try:
        work = from_fields(came)
        instrument, group, detector = work.visit.instrument, work.visit.group, work.detector
    except PromptProcessingError:
        group = _said(came, b"groupId")
    shown = {name.decode(errors="replace"): value.decode(errors="replace") for name, value in came.items()}
    return DeadLetter(
        id=entry,
        origin=_said(fields, b"dead_origin") or _said(fields, b"dead_entry"),
        reason=_said(fields, b"dead_reason"),
        since=_time_of(entry),
        instrument=instrument,
        group=group,
        detector=detector,
        body=json.dumps(shown).encode(),
        is_whole=bool(came),
    )


def _said(fields: _Fields, name: bytes) -> str:
    return fields.get(name, b"").decode(errors="replace")


def _time_of(entry: str) -> UtcSeconds:
    return UtcSeconds(int(entry.partition("-")[0]) / 1000)
