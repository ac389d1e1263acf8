"""Notifications of raws, kept in memory."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from domain.cameras.camera import Camera
from domain.raws.raws import parse_raw_key
from domain.raws.stored_object import StoredObject

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
        self._kept: list[tuple[float, int, StoredObject]] = []
        self._followers: list[tuple[int, asyncio.Queue[StoredObject]]] = []

    def notify(self, stored: StoredObject) -> None:
        """Tell of a new object, as the bucket does; what is no raw is passed over."""
        key = parse_raw_key(self._camera, stored.key)
        if key is None:
            return
        self._expire()
        known = [kept for _, _, kept in self._kept if kept.key == stored.key and kept.version]
        if stored in known:
            return
        self._kept.append((asyncio.get_running_loop().time(), key.detector, stored))
        for detector, news in self._followers:
            if detector == key.detector:
                news.put_nowait(stored)

    def heard(self, detector: int) -> Sequence[StoredObject]:
        """See `ports.raw_arrivals.RawNotifications.heard`."""
        self._expire()
        return tuple(stored for _, number, stored in self._kept if number == detector)

    async def follow(self, detector: int) -> AsyncIterator[StoredObject]:
        """See `ports.raw_arrivals.RawNotifications.follow`."""
        news: asyncio.Queue[StoredObject] = asyncio.Queue()
        for stored in self.heard(detector):
            news.put_nowait(stored)
        self._followers.append((detector, news))
        try:
            while True:
                yield await news.get()
        finally:
            self._followers = [pair for pair in self._followers if pair[1] is not news]

    def _expire(self) -> None:
        oldest = asyncio.get_running_loop().time() - self._retention
        self._kept = [entry for entry in self._kept if entry[0] >= oldest]
