"""HTTP over a plain socket: what is sent is what is written here."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

from attrs import frozen

_PATIENCE = 10.0


@frozen
class Heard:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        assert self.headers["content-type"] == "application/json"
        return json.loads(self.body)


@frozen
class Peer:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def hear(self) -> Heard | None:
        """Read one answer; None if the connection was closed instead."""
        async with asyncio.timeout(_PATIENCE):
            try:
                head = await self.reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionError):
                return None
            line, *fields = head.decode("latin-1").rstrip().split("\r\n")
            headers = {
                name.lower(): value.strip() for name, _, value in (one.partition(":") for one in fields)
            }
            body = await self.reader.readexactly(int(headers["content-length"]))
            return Heard(int(line.split()[1]), headers, body)

    async def is_closed(self) -> bool:
        """Wait for the other side to close; what it still sends is dropped."""
        async with asyncio.timeout(_PATIENCE):
            with contextlib.suppress(ConnectionError):
                while await self.reader.read(65_536):
                    pass
            return True


@contextlib.asynccontextmanager
async def connected(port: int) -> AsyncIterator[Peer]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Peer(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


def request(path: str, *headers: str, method: str = "GET") -> bytes:
    lines = (f"{method} {path} HTTP/1.1", "Host: here", *headers, "", "")
    return "\r\n".join(lines).encode("latin-1")
