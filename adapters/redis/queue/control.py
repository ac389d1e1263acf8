"""The control stream on Redis."""

import itertools
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

from tenacity import retry_if_exception_type, wait_fixed

from adapters.common.retrying import Retries
from adapters.redis.connection import RedisAdapter, RedisConnection, lua
from adapters.redis.names import StreamKeys
from adapters.redis.queue.control_notes import note_as_fields, notes_from_fields
from domain.errors import PromptProcessingError
from domain.visit import Cancellation
from ports.control import ControlUnavailableError, Note

__all__ = ["RedisControlNotes", "RedisControlWriter"]

_LOG = logging.getLogger(__name__)

_PUT_NOTE: Final = lua("put_note")

_LONGEST_READ = 5.0
"""Seconds for which a read blocks; a server that hung is noticed not much later."""


class RedisControlWriter(RedisAdapter):
    """`ports.control.ControlWriter` on the control streams of all instruments served.

    A cancellation does not name an instrument, so it goes to every stream.

    Parameters
    ----------
    url
        As for `RedisConnection`.
    streams
        From instrument to stream of work.
    keep_seconds
        MESSAGE_EXPIRATION: how long notes (at least) and tombstones are kept.
    timeout
        Seconds for one command.
    """

    def __init__(
        self, url: str, *, streams: Mapping[str, str], keep_seconds: float = 3600.0, timeout: float = 5.0
    ) -> None:
        self._streams = dict(streams)
        self._keep_seconds = keep_seconds
        self._redis = RedisConnection(url, unavailable=ControlUnavailableError, timeout=timeout)
        super().__init__(self._redis)

    async def put(self, note: Note) -> None:
        """Write a note, with its tombstone."""
        words = itertools.chain.from_iterable(note_as_fields(note).items())
        arguments: list[str | int] = [round(self._keep_seconds * 1000), *words]
        if isinstance(note, Cancellation):
            for stream in sorted(set(self._streams.values())):
                keys = StreamKeys(stream)
                tombstone = keys.tombstone(note.sal_index, note.group)
                await self._redis.run(_PUT_NOTE, [keys.control, tombstone], arguments)
        elif note.identity.instrument in self._streams:
            keys = StreamKeys(self._streams[note.identity.instrument])
            await self._redis.run(_PUT_NOTE, [keys.control], arguments)


class RedisControlNotes(RedisAdapter):
    """`ports.control.ControlNotes` of one stream of work.

    Parameters
    ----------
    url
        As for `RedisConnection`.
    stream
        Of work, as configured.
    keep_seconds
        MESSAGE_EXPIRATION: how far back notes are read at first.
    retry_delay
        Seconds between two tries to reach the server again.
    timeout
        Seconds for one command.
    """

    def __init__(
        self,
        url: str,
        *,
        stream: str,
        keep_seconds: float = 3600.0,
        retry_delay: float = 1.0,
        timeout: float = 5.0,
    ) -> None:
        self._keys = StreamKeys(stream)
        self._keep_seconds = keep_seconds
        self._retry_delay = retry_delay
        self._commands = RedisConnection(url, unavailable=ControlUnavailableError, timeout=timeout)
        self._reader = RedisConnection(
            url, unavailable=ControlUnavailableError, timeout=timeout + _LONGEST_READ
        )
        super().__init__(self._reader, self._commands)

    async def is_cancelled(self, sal_index: int, group: str) -> bool:
        """Say whether a tombstone stands for the visit."""
        return bool(await self._commands.call("EXISTS", self._keys.tombstone(sal_index, group)))

    async def follow(self) -> AsyncIterator[Note]:
        """Iterate over the notes that are kept, then over what comes."""
        position = ""
        lost = False

        def failed(tries: int, error: BaseException) -> None:
            nonlocal lost
            lost = True
            if tries == 1:
                _LOG.error("control notes cannot be followed, retrying: %s", error)

        async def read() -> Sequence[tuple[str, Mapping[str, str]]]:
            nonlocal position
            position = position or await self._beginning()
            return await self._read(position)

        away = retry_if_exception_type(ControlUnavailableError)
        retries = Retries(away, wait=wait_fixed(self._retry_delay), failed=failed)
        while True:
            entries = await retries.run_async(read)
            if lost:
                _LOG.info("following control notes again from %s", position)
            lost = False
            for entry, fields in entries:
                position = entry
                for note in _notes(entry, fields):
                    yield note

    async def _beginning(self) -> str:
        """Find where the notes that are kept begin, by the server's clock."""
        seconds, _ = await self._reader.call("TIME")
        return f"{max(0, round((int(seconds) - self._keep_seconds) * 1000))}-0"

    async def _read(self, position: str) -> Sequence[tuple[str, Mapping[str, str]]]:
        block = round(_LONGEST_READ * 1000)
        answer: Sequence[Any] = (
            await self._reader.call(
                "XREAD", "COUNT", 1000, "BLOCK", block, "STREAMS", self._keys.control, position
            )
            or ()
        )
        return [entry for _, entries in answer for entry in entries]


def _notes(entry: str, fields: Mapping[str, str]) -> list[Note]:
    try:
        return list(notes_from_fields(fields))
    except PromptProcessingError as error:
        _LOG.error("control note %s skipped: %s", entry, error)
        return []
