"""HTTP/1.1 connections, which strangers may open and fill with anything.

A server of a few lines instead of a general one: it halves what a request
costs, and bounds what general ones leave open (the size of a request, the time
it may take to come).
"""

import asyncio
from collections import deque
from http import HTTPStatus
from typing import Final

import httptools
from attrs import frozen

from adapters.raw_microservice.server.answers import failure
from adapters.raw_microservice.server.app import PresenceApp
from adapters.raw_microservice.server.requests import Request

__all__ = ["LARGEST_REQUEST", "Connection", "ConnectionLimits"]

LARGEST_REQUEST: Final = 16 * 1024
"""Bytes of a request, its line, headers and body together."""

_QUEUE: Final = 64  # Requests of one connection, after which no more are read for a while.
_IDLE_CHECKS: Final = 7  # Looks without progress, after which an idle connection is closed.


@frozen(kw_only=True)
class ConnectionLimits:
    """What strangers may keep open."""

    connections: int = 4096
    """At once."""
    check: float = 10.0
    """Seconds between two looks at a connection, whether it makes progress."""


class Connection(asyncio.Protocol):
    """One connection.

    Requests that come in one packet are answered one after another.

    Parameters
    ----------
    app
        Has the answers.
    others
        All open connections, this one among them while it is open.
    limits
        What they may keep open.
    """

    def __init__(self, app: PresenceApp, others: set["Connection"], limits: ConnectionLimits) -> None:
        self._app = app
        self._others = others
        self._limits = limits
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._queue: deque[tuple[Request, bool]] = deque()
        self._answering: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._bytes = 0  # Of the request that is being read.
        self._is_reading = self._is_in_body = self._is_last = False
        self._progress = self._progress_before = self._idle_checks = 0

    # Called by the event loop.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # of a stream it is one
        """Begin, unless there are too many."""
        self._transport = transport
        self._others.add(self)
        self._checking = asyncio.get_running_loop().call_later(self._limits.check, self._check)
        if len(self._others) > self._limits.connections:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "too many connections")

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's form
        """End."""
        self._others.discard(self)
        self._checking.cancel()
        self._queue.clear()
        if self._answering is not None:
            self._answering.cancel()

    def data_received(self, data: bytes) -> None:
        """Read on; a request may have `LARGEST_REQUEST` bytes and the rest of one packet."""
        if self._transport.is_closing() or self._is_last:
            return
        self._bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._is_last = True  # What follows is not HTTP; the request itself is answered as any.
        except httptools.HttpParserError:
            self._refuse(HTTPStatus.BAD_REQUEST, "this is no HTTP request")
            return
        if self._bytes > LARGEST_REQUEST:
            what = (
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE
                if self._is_in_body
                else HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            )
            self._refuse(what, f"a request has {LARGEST_REQUEST} bytes at most")
        elif len(self._queue) > _QUEUE:
            self._transport.pause_reading()

    def pause_writing(self) -> None:
        """Wait for a client that does not read its answers."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Go on."""
        self._writable.set()

    # Called by the parser.

    def on_message_begin(self) -> None:
        """Expect a request."""
        self._url = b""
        self._is_reading = True
        self._progress += 1

    def on_url(self, url: bytes) -> None:
        """Read a part of the target."""
        self._url += url

    def on_headers_complete(self) -> None:
        """Expect a body, if anything."""
        self._is_in_body = True

    def on_message_complete(self) -> None:
        """Answer, or queue up."""
        self._bytes = 0
        self._is_reading = self._is_in_body = False
        self._progress += 1
        target = self._url
        if not target.startswith(b"/"):  # As a proxy is asked, with scheme and host.
            parts = httptools.parse_url(target)
            target = (parts.path or b"/") + b"?" + (parts.query or b"")
        path, _, query = target.partition(b"?")
        request = Request(self._parser.get_method().decode("ascii"), path, query)
        keeps = self._parser.should_keep_alive() and self._parser.get_http_version() == "1.1"
        self._queue.append((request, keeps))
        if self._answering is None:
            self._answering = asyncio.get_running_loop().create_task(self._answer())

    # The connection's own.

    def finish(self) -> None:
        """Answer what has been asked, and close."""
        self._is_last = True
        if self._answering is None:
            self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()

    async def _answer(self) -> None:
        try:
            while self._queue:
                request, keeps = self._queue.popleft()
                answer = await self._app.answer(request)
                closes = not keeps or (self._is_last and not self._queue)
                self._transport.write(answer.written(with_body=request.method != "HEAD", closes=closes))
                self._progress += 1
                if closes:
                    self._transport.close()
                    return
                await self._writable.wait()
                if self._queue:
                    await asyncio.sleep(0)  # Whoever sends a hundred at once does not come before all others.
        finally:
            self._answering = None
        self._transport.resume_reading()

    def _check(self) -> None:
        """Close a connection that keeps its place without making progress."""
        self._idle_checks = self._idle_checks + 1 if self._progress == self._progress_before else 0
        self._progress_before = self._progress
        if self._progress == 0 or (self._idle_checks and not self._writable.is_set()):
            self.abort()
        elif self._idle_checks and self._is_reading:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, "the request does not come to an end")
        elif self._idle_checks >= _IDLE_CHECKS:
            self._transport.close()
        else:
            self._checking = asyncio.get_running_loop().call_later(self._limits.check, self._check)

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        """Answer instead of the application, and close."""
        self._is_last = True
        self._app.count(status)
        # Answers that are due come first, and then it is not known what the client makes of this one.
        if self._answering is None:
            self._transport.write(failure(status, message).written(closes=True))
            self._transport.close()
