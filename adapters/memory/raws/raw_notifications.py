"""Notifications of raws, kept in memory."""

import asyncio
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
        self._kept: list[tuple[float, StoredRaw]] = []
        self._followers: list[tuple[int, asyncio.Queue[StoredRaw]]] = []

    async def open(self) -> None:
        """Do nothing; those of a broker connect."""

    async def close(self) -> None:
        """Do nothing; those of a broker disconnect."""

    def notify(self, stored: StoredObject) -> None:
        """Tell of a new object, as the bucket does; what is no raw is passed over."""
        raws = stored_raws(self._camera, stored)
        self._expire()
        if stored.version and not set(raws).isdisjoint(self._all()):
            return
        for raw in raws:
            self._kept.append((asyncio.get_running_loop().time(), raw))
            for detector, news in self._followers:
                if detector == raw.key.detector:
                    news.put_nowait(raw)

    def heard(self, detector: int) -> Sequence[StoredRaw]:
        """See `ports.raw_arrivals.RawNotifications.heard`."""
        self._expire()
        return tuple(raw for raw in self._all() if raw.key.detector == detector)

    async def follow(self, detector: int) -> AsyncIterator[StoredRaw]:
        """See `ports.raw_arrivals.RawNotifications.follow`."""
        news: asyncio.Queue[StoredRaw] = asyncio.Queue()
        for raw in self.heard(detector):
            news.put_nowait(raw)
        self._followers.append((detector, news))
        try:
            while True:
                yield await news.get()
        finally:
            self._followers = [pair for pair in self._followers if pair[1] is not news]

    def _all(self) -> Sequence[StoredRaw]:
        return [raw for _, raw in self._kept]

    def _expire(self) -> None:
        oldest = asyncio.get_running_loop().time() - self._retention
        self._kept = [entry for entry in self._kept if entry[0] >= oldest]
