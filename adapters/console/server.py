"""The console's HTTP server."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

from domain.errors import PromptProcessingError

__all__ = ["ConsoleServer", "ConsoleServerError"]

_LAST_ANSWERS = 1  # Seconds that answers under way get at the end; events would go on for ever.
_CONNECTIONS = 1024


class ConsoleServerError(PromptProcessingError):
    """The console cannot be served where it was to be."""


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the process."""
        yield


class ConsoleServer:
    """Serves the console.

    Parameters
    ----------
    app
        Has the answers.
    host, port
        Where; port 0 is any free one.
    root
        Path of its first page.
    """

    def __init__(self, app: ASGIApp, *, host: str, port: int, root: str = "") -> None:
        self._root = root
        self._host = host
        self._port = port
        self._server = _Server(
            uvicorn.Config(
                app,
                log_config=None,
                log_level="warning",
                access_log=False,
                lifespan="off",
                ws="none",
                proxy_headers=False,
                server_header=False,
                limit_concurrency=_CONNECTIONS,
                timeout_graceful_shutdown=_LAST_ANSWERS,
            )
        )
        self._serving: tuple[socket.socket, asyncio.Task[None]] | None = None

    @property
    def address(self) -> str:
        """What to open in a browser."""
        host, port = (self._host, self._port) if self._serving is None else self._serving[0].getsockname()[:2]
        return f"http://{f'[{host}]' if ':' in host else host}:{port}{self._root}/"

    async def open(self) -> None:
        """Begin to serve.

        Raises
        ------
        ConsoleServerError
            Raised if the address cannot be listened on; a port in use, for one.
        """
        try:
            bound = socket.create_server(
                (self._host, self._port), family=socket.AF_INET6 if ":" in self._host else socket.AF_INET
            )
        except (OSError, OverflowError) as error:
            raise ConsoleServerError(
                f"the console cannot be served on {self._host} port {self._port} (CONSOLE_PORT): {error}"
            ) from error
        task = asyncio.create_task(self._server.serve(sockets=[bound]))
        self._serving = bound, task

    async def close(self) -> None:
        """Stop serving."""
        if self._serving is None:
            return
        (bound, task), self._serving = self._serving, None
        self._server.should_exit = True
        await task
        bound.close()
