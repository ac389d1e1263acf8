"""Notifications of raws, kept in memory."""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Sequence

from domain.cameras.camera import Camera
from domain.raws.stored_object import StoredObject
from domain.raws.stored_raw import StoredRaw, stored_raws

__all__ = ["MemoryRawNotifications"]


class MemoryRawNotifications:
    """What one worker hears of one camera's raws.

    Parameters
    ----------
    camera
        Whose raws count.
    retention
        Seconds of the event loop that a notification is kept.
    """

    def __init__(self, camera: Camera, *, retention: float = 3600.0) -> None:
        self._camera = camera
        self._retention = retention
        self._kept: deque[tuple[float, StoredRaw]] = deque()
        self._heard: defaultdict[int, dict[StoredRaw, None]] = defaultdict(dict)
        self._followers: defaultdict[int, list[asyncio.Queue[StoredRaw]]] = defaultdict(list)

    async def open(self) -> None:
        """Do nothing; those of a broker connect."""

    async def close(self) -> None:
        """Do nothing; those of a broker disconnect."""

    def notify(self, stored: StoredObject) -> None:
        """Tell of a new object, as the bucket does; what is no raw is passed over."""
        raws = stored_raws(self._camera, stored)
        self._expire()
        if stored.version and any(raw in self._heard[raw.key.detector] for raw in raws):
            return
        now = asyncio.get_running_loop().time()
        for raw in raws:
            self._kept.append((now, raw))
            self._heard[raw.key.detector][raw] = None
            for news in self._followers[raw.key.detector]:
                news.put_nowait(raw)

    def heard(self, detector: int) -> Sequence[StoredRaw]:
        """See `ports.raw_arrivals.RawNotifications.heard`."""
        self._expire()
        return tuple(self._heard[detector])

    async def follow(self, detector: int) -> AsyncIterator[StoredRaw]:
        """See `ports.raw_arrivals.RawNotifications.follow`."""
        news: asyncio.Queue[StoredRaw] = asyncio.Queue()
        for raw in self.heard(detector):
            news.put_nowait(raw)
        followers = self._followers[detector]
        followers.append(news)
        try:
            while True:
                yield await news.get()
        finally:
            followers.remove(news)

    def _expire(self) -> None:
        oldest = asyncio.get_running_loop().time() - self._retention
        while self._kept and self._kept[0][0] < oldest:
            _, raw = self._kept.popleft()
            self._heard[raw.key.detector].pop(raw, None)
