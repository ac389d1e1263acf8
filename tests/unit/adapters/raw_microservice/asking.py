"""Questions to the application, of any bytes, without a connection."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from attrs import frozen

from adapters.files.cameras import load_camera
from adapters.host.clock import SystemClock
from adapters.memory.metrics import MemoryMetrics
from adapters.memory.raws.raw_index import MemoryRawIndex
from adapters.raw_microservice.server.app import PresenceApp
from adapters.raw_microservice.server.requests import Request
from ports.metrics import Counter
from ports.raw_index import RawIndex, RawIndexUnavailableError, RawSlot

GROUP = "2026-03-14T02:15:07.310#2"
CAMERAS = tuple(load_camera(name) for name in ("lsstcam", "simulated", "hsc"))


@frozen
class Answered:
    status: int
    headers: Mapping[bytes, bytes]
    body: bytes

    @property
    def json(self) -> Any:
        assert self.headers[b"content-type"] == b"application/json"
        return json.loads(self.body)


class Asked:
    """The application on an index in memory."""

    def __init__(self, index: RawIndex | None = None, *, patience: float = 0.9) -> None:
        self.index = index or MemoryRawIndex(SystemClock())
        self.metrics = MemoryMetrics()
        self.app = PresenceApp(
            index=self.index,
            cameras=CAMERAS,
            metrics=self.metrics,
            metrics_text=lambda: b"written metrics\n",
            patience=patience,
        )

    async def put(self, *places: tuple[str, str, int, str]) -> None:
        await self.index.put({RawSlot(*place): uri_of(*place) for place in places})

    async def get(self, *parts: str | int, query: str = "") -> Answered:
        path = "".join(f"/{quote(str(part), safe='')}" for part in parts)
        return await self.send("GET", path.encode(), query.encode())

    async def send(self, method: str, path: bytes, query: bytes = b"") -> Answered:
        head, _, body = (await self.app.answer(Request(method, path, query))).written().partition(b"\r\n\r\n")
        line, *fields = head.split(b"\r\n")
        answered = Answered(int(line.split()[1]), dict(field.split(b": ", 1) for field in fields), body)
        assert int(answered.headers[b"content-length"]) == len(answered.body)
        assert self.metrics.total(Counter.PRESENCE_REQUESTS, status=str(answered.status)) > 0
        return answered


class AbsentIndex:
    """An index that cannot be reached."""

    async def put(self, found: Mapping[RawSlot, str]) -> None:
        raise RawIndexUnavailableError(f"cannot put {len(found)}")

    async def find(self, slots: Sequence[RawSlot]) -> Sequence[str | None]:
        raise RawIndexUnavailableError(f"cannot find {len(slots)}")


def uri_of(instrument: str, group: str, snap: int, sensor: str) -> str:
    return f"s3://images/{instrument}/{group}/{snap}/{sensor}.fits"
