"""Announcements that were dead-lettered, in a stream on Redis."""

from typing import Final

from adapters.redis.connection import RedisAdapter, RedisConnection, lua
from domain.addresses import without_users
from ports.announcements import Announcement
from ports.dead_announcements import DeadAnnouncementsUnavailableError

__all__ = ["RedisDeadAnnouncements"]

_BURY: Final = lua("bury")
_LONGEST_BODY: Final = 65_536  # Bytes; a real one has less than a thousand.
_LONGEST_REASON: Final = 2000  # Characters.


class RedisDeadAnnouncements(RedisAdapter):
    """`ports.dead_announcements.DeadAnnouncements` of one fan-out.

    Parameters
    ----------
    url
        As for `RedisConnection`.
    name
        Tells fan-outs apart: the name of their Kafka consumer group.
    keep
        How many to keep, about.
    timeout
        Seconds for one command.
    """

    def __init__(self, url: str, *, name: str, keep: int = 10_000, timeout: float = 5.0) -> None:
        self._key = f"fan-out:{name}:dead"
        self._keep = keep
        self._redis = RedisConnection(url, unavailable=DeadAnnouncementsUnavailableError, timeout=timeout)
        super().__init__(self._redis)

    async def put(self, announcement: Announcement, reason: str) -> None:
        """Add an entry, unless the last one is of the same announcement."""
        body = announcement.body
        # Texts of the system may hold what no text has.
        kept = without_users(reason)[:_LONGEST_REASON].encode(errors="replace")
        arguments: list[bytes | str | int] = [self._keep, announcement.position, kept]
        arguments += [len(body), body[:_LONGEST_BODY]]
        await self._redis.run(_BURY, [self._key], arguments)
