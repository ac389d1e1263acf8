"""The raw microservice's server, inside a running event loop."""

import asyncio
import logging
import socket
from typing import Final

from adapters.raw_microservice.server.app import PresenceApp
from adapters.raw_microservice.server.connection import Connection, ConnectionLimits
from domain.errors import PromptProcessingError

__all__ = ["PresenceServer", "PresenceServerError"]

_LOG = logging.getLogger(__name__)
_GRACE: Final = 2.0  # Seconds, for answers that are under way when the server closes.
_BACKLOG: Final = 2048


class PresenceServerError(PromptProcessingError):
    """The microservice cannot be served where it was to be."""


class PresenceServer:
    """Serves an application over HTTP/1.1 until it is closed; signals are left to the process.

    Parameters
    ----------
    app
        Has the answers.
    host, port
        Where; port 0 is any free one.
    limits
        What connections may keep open; by default as the class says.
    """

    def __init__(
        self,
        app: PresenceApp,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        limits: ConnectionLimits | None = None,
    ) -> None:
        self._app = app
        self._host = host
        self._port = port
        self._limits = limits or ConnectionLimits()
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The port that is served, once open; before, the one that was asked for."""
        return self._port if self._server is None else int(self._server.sockets[0].getsockname()[1])

    def serving(self) -> bool:
        """Tell whether it is open."""
        return self._server is not None

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
        self._server = await asyncio.get_running_loop().create_server(
            lambda: Connection(self._app, self._connections, self._limits), sock=listener, backlog=_BACKLOG
        )
        _LOG.info("serving on %s port %d", self._host, self.port)

    async def close(self) -> None:
        """Refuse new connections, finish what is under way, and stop."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for connection in list(self._connections):
            connection.finish()
        try:
            async with asyncio.timeout(_GRACE):
                await server.wait_closed()
        except TimeoutError:
            _LOG.warning("%d connections still open at shutdown", len(self._connections))
            for connection in list(self._connections):
                connection.abort()
            await server.wait_closed()


def _listen(host: str, port: int) -> socket.socket:
    found = socket.getaddrinfo(host or None, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    # With the protocol named: only then does asyncio send small packets without waiting for more.
    family, kind, protocol, _, address = found[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address[0], port))
        listener.listen(_BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener
