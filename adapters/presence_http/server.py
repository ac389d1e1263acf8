"""The raw microservice's server, inside a running event loop."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterator
from typing import Final

import uvicorn

from adapters.presence_http.app import PresenceApp
from adapters.presence_http.protocol import BoundedProtocol
from domain.errors import PromptProcessingError

__all__ = ["PresenceServer", "PresenceServerError"]

_LOG = logging.getLogger(__name__)
_KEEP_ALIVE: Final = 75  # Seconds; longer than a worker's pauses between questions.
_GRACE: Final = 2  # Seconds, for answers that are under way when the server closes.
_BACKLOG: Final = 2048


class PresenceServerError(PromptProcessingError):
    """The microservice cannot be served where it was to be."""


class PresenceServer:
    """Serves an application over HTTP/1.1 until it is closed; signals are left to the process.

    Parameters
    ----------
    app
        The application.
    host, port
        Where; port 0 is any free one.
    """

    def __init__(self, app: PresenceApp, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self._app = app
        self._host = host
        self._port = port
        self._serving: tuple[_Server, socket.socket, asyncio.Task[None]] | None = None

    @property
    def port(self) -> int:
        """The port that is served, once open; before, the one that was asked for."""
        return self._port if self._serving is None else int(self._serving[1].getsockname()[1])

    def serving(self) -> bool:
        """Tell whether it is open."""
        return self._serving is not None and self._serving[0].started

    async def open(self) -> None:
        """Begin to serve.

        Raises
        ------
        PresenceServerError
            Raised if the address cannot be listened on; a port in use, for one.
        """
        try:
            listener = await asyncio.to_thread(_listen, self._host, self._port)
        except (OSError, OverflowError) as error:
            raise PresenceServerError(
                f"the microservice cannot be served on {self._host} port {self._port} (HOST, PORT): {error}"
            ) from error
        server = _Server(
            uvicorn.Config(
                self._app,
                http=BoundedProtocol,
                ws="none",
                lifespan="off",
                interface="asgi3",
                log_config=None,
                log_level="error",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=_KEEP_ALIVE,
                timeout_graceful_shutdown=_GRACE,
                backlog=_BACKLOG,
            )
        )
        task = asyncio.create_task(server.serve(sockets=[listener]), name="presence server")
        self._serving = server, listener, task
        while not server.started and not task.done():  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        if task.done():
            await task
        _LOG.info("serving on %s port %d", self._host, self.port)

    async def close(self) -> None:
        """Refuse new connections, finish what is under way, and stop."""
        if self._serving is None:
            return
        (server, listener, task), self._serving = self._serving, None
        server.should_exit = True
        try:
            await task
        finally:
            listener.close()


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the process."""
        yield


def _listen(host: str, port: int) -> socket.socket:
    found = socket.getaddrinfo(host or None, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, _, _, _, address = found[0]
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address[0], port))
        listener.listen(_BACKLOG)
    except BaseException:
        listener.close()
        raise
    listener.setblocking(False)
    return listener
