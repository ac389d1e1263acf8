"""HTTP/1.1 connections that strangers may open."""

import asyncio
from http import HTTPStatus
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from adapters.presence_http.answers import failure
from adapters.presence_http.app import PresenceApp

__all__ = ["LARGEST_REQUEST", "BoundedProtocol"]

LARGEST_REQUEST: Final = 16 * 1024
"""Bytes of a request, its line, headers and body together."""

_MOST_CONNECTIONS: Final = 4096
_SLOWEST_REQUEST: Final = 10.0  # Seconds.


class BoundedProtocol(HttpToolsProtocol):
    """Uvicorn's protocol, with bounds that it does not have.

    The size of a request, the time to send it in and the number of connections
    are bounded, and what the parser refuses is answered as contract 4 answers.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Begin, unless there are too many."""
        super().connection_made(transport)
        self._unfinished = 0  # Bytes since the last request.
        self._is_reading = False
        self._finished = 0  # Requests.
        self._awaited: int | None = None
        self._checking = self.loop.call_later(_SLOWEST_REQUEST, self._check_progress)
        if len(self.connections) > _MOST_CONNECTIONS:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "too many connections")

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._checking.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; one request may be of `LARGEST_REQUEST` bytes and the rest of one packet."""
        if self.transport.is_closing():
            return
        self._unfinished += len(data)
        super().data_received(data)
        if self._unfinished > LARGEST_REQUEST and not self.transport.is_closing():
            self._refuse(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"a request has {LARGEST_REQUEST} bytes at most"
            )

    def on_message_begin(self) -> None:
        """Expect the rest of a request."""
        self._is_reading = True
        super().on_message_begin()

    def on_message_complete(self) -> None:
        """Count a request as read."""
        self._unfinished = 0
        self._is_reading = False
        self._finished += 1
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer bytes that are no HTTP."""
        self._refuse(HTTPStatus.BAD_REQUEST, msg)

    def _check_progress(self) -> None:
        """Close a connection that keeps its place without finishing a request."""
        awaited = self._finished if self._is_reading else None
        if awaited is None and self._finished == 0:
            self.transport.close()
        elif awaited is not None and awaited == self._awaited:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, "the request does not come to an end")
        else:
            self._awaited = awaited
            self._checking = self.loop.call_later(_SLOWEST_REQUEST, self._check_progress)

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        """Answer instead of the application, and close."""
        app = self.config.app
        if isinstance(app, PresenceApp):
            app.count(status)
        # An answer that is under way must not be cut in two.
        if self.cycle is None or self.cycle.response_complete:
            answer = failure(status, message, (b"connection", b"close"))
            headers = b"".join(b"%s: %s\r\n" % header for header in answer.headers)
            line = b"HTTP/1.1 %d %s\r\n" % (status, status.phrase.encode())
            self.transport.write(b"%s%s\r\n%s" % (line, headers, answer.body))
        self.transport.close()
