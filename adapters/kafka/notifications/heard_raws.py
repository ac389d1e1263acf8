"""What was heard of raws, by detector, for a while."""

import asyncio
import itertools
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Sequence

from attrs import frozen

from domain.raws.stored_raw import StoredRaw

__all__ = ["HeardRaws"]

type _Identity = tuple[str, str | int]


@frozen
class _Entry:
    heard: float
    detector: int
    identity: _Identity


class HeardRaws:
    """Keeps notifications and wakes those who follow a detector; lives in one event loop.

    A notification that repeats one that is kept changes nothing.

    Parameters
    ----------
    retention
        Seconds that a notification is kept.
    limit
        Notifications kept at most, all detectors together; the oldest go first.
    """

    def __init__(self, *, retention: float, limit: int) -> None:
        self._retention = retention
        self._limit = limit
        self._by_detector: dict[int, OrderedDict[_Identity, StoredRaw]] = {}
        self._order: deque[_Entry] = deque()
        self._followers: dict[int, set[asyncio.Queue[StoredRaw]]] = {}
        self._numbers = itertools.count()

    def add(self, raw: StoredRaw) -> None:
        """Take one notification in."""
        detector, stored = raw.key.detector, raw.stored
        now = asyncio.get_running_loop().time()
        self._expire(now)
        kept = self._by_detector.setdefault(detector, OrderedDict())
        # Without a version nobody knows whether the object was rewritten.
        identity = (stored.key, stored.version or next(self._numbers))
        if identity in kept:
            return
        kept[identity] = raw
        self._order.append(_Entry(now, detector, identity))
        if len(self._order) > self._limit:
            self._forget_oldest()
        for follower in self._followers.get(detector, ()):
            follower.put_nowait(raw)

    def heard(self, detector: int) -> Sequence[StoredRaw]:
        """List what is kept for a detector, oldest first."""
        self._expire(asyncio.get_running_loop().time())
        return tuple(self._by_detector.get(detector, {}).values())

    async def follow(self, detector: int) -> AsyncIterator[StoredRaw]:
        """Iterate over what is kept for a detector and then over what comes."""
        news: asyncio.Queue[StoredRaw] = asyncio.Queue()
        for raw in self.heard(detector):
            news.put_nowait(raw)
        followers = self._followers.setdefault(detector, set())
        followers.add(news)
        try:
            while True:
                yield await news.get()
        finally:
            followers.discard(news)

    def _expire(self, now: float) -> None:
        oldest = now - self._retention
        while self._order and self._order[0].heard < oldest:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        entry = self._order.popleft()
        del self._by_detector[entry.detector][entry.identity]
