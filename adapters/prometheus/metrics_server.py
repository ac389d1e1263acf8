"""Metrics and probes over HTTP, from a thread of their own."""

import asyncio
import contextlib
import logging
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Final, Protocol

from prometheus_client import CONTENT_TYPE_LATEST

from domain.errors import PromptProcessingError

__all__ = ["MetricsServer", "MetricsServerError"]

_LOG = logging.getLogger(__name__)
_CONNECTIONS: Final = 16  # At once.

type _Answer = tuple[HTTPStatus, str, bytes]
type _Request = socket.socket | tuple[bytes, socket.socket]  # The base class serves datagrams too.


class MetricsServerError(PromptProcessingError):
    """The metrics cannot be served where they were to be."""


class _Exposition(Protocol):
    def text(self) -> bytes: ...


class MetricsServer:
    """Serves ``/metrics``, ``/healthz`` and ``/readyz``.

    A thread of its own answers, so that metrics can be had however busy the
    process is. The probes are asked in the event loop: a loop that does not
    answer is not healthy, whatever else is said.

    Parameters
    ----------
    metrics
        What is served.
    host, port
        Where; port 0 is any free one.
    healthy
        False: the process should be replaced.
    ready
        False: the process does not do its work yet, or not any more.
    patience
        Seconds for the event loop to answer a probe, and for a peer to say
        something.
    longest
        Seconds for a connection from its first byte to the answer's last.
    """

    def __init__(
        self,
        metrics: _Exposition,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        healthy: Callable[[], bool] = lambda: True,
        ready: Callable[[], bool] = lambda: True,
        patience: float = 5.0,
        longest: float = 10.0,
    ) -> None:
        self._metrics = metrics
        self._host = host
        self._port = port
        self._healthy = healthy
        self._ready = ready
        self._patience = patience
        self._longest = longest
        self._serving: tuple[_Server, threading.Thread] | None = None

    @property
    def port(self) -> int:
        """The port that is served, once open; before, the one that was asked for."""
        return self._port if self._serving is None else int(self._serving[0].server_address[1])

    async def open(self) -> None:
        """Begin to serve.

        Raises
        ------
        MetricsServerError
            Raised if the address cannot be listened on; a port in use, for one.
        """
        loop = asyncio.get_running_loop()
        answers = self._answers(loop)
        try:
            server = await asyncio.to_thread(
                _Server, self._host, self._port, answers, self._patience, self._longest
            )
        except (OSError, OverflowError) as error:
            raise MetricsServerError(
                f"metrics cannot be served on {self._host} port {self._port} (METRICS_PORT): {error}"
            ) from error
        thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="metrics", daemon=True)
        thread.start()
        self._serving = server, thread
        _LOG.info("metrics on %s port %d", self._host, self.port, extra={"metrics_port": self.port})

    async def close(self) -> None:
        """Stop serving."""
        if self._serving is None:
            return
        (server, thread), self._serving = self._serving, None
        await asyncio.to_thread(server.shutdown)
        await asyncio.to_thread(thread.join)
        server.server_close()

    def _answers(self, loop: asyncio.AbstractEventLoop) -> Callable[[str], _Answer]:
        def answer(path: str) -> _Answer:
            match path.partition("?")[0]:
                case "/metrics":
                    return HTTPStatus.OK, CONTENT_TYPE_LATEST, self._metrics.text()
                case "/healthz":
                    return _probed(loop, self._healthy, "healthy", self._patience)
                case "/readyz":
                    return _probed(loop, self._ready, "ready", self._patience)
            return _plain(HTTPStatus.NOT_FOUND, "there are /metrics, /healthz and /readyz")

        return answer


def _probed(
    loop: asyncio.AbstractEventLoop, question: Callable[[], bool], word: str, patience: float
) -> _Answer:
    answer: Future[bool] = Future()

    def ask() -> None:
        try:
            answer.set_result(question())
        except Exception as error:  # noqa: BLE001 - whatever it is, the prober is to be told
            answer.set_exception(error)

    try:
        loop.call_soon_threadsafe(ask)
        if answer.result(patience):
            return _plain(HTTPStatus.OK, word)
        reason = f"not {word}"
    except TimeoutError:
        reason = f"not {word}: the event loop did not answer in {patience:g} s"
    except Exception as error:  # noqa: BLE001 - as above
        reason = f"not {word}: {error}"
    return _plain(HTTPStatus.SERVICE_UNAVAILABLE, reason)


def _plain(status: HTTPStatus, text: str) -> _Answer:
    return status, "text/plain; charset=utf-8", f"{text}\n".encode("utf-8", "replace")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(
        self, host: str, port: int, answer: Callable[[str], _Answer], patience: float, longest: float
    ) -> None:
        self.answer = answer
        self.patience = patience
        self._longest = longest
        self._began: dict[_Request, tuple[str, float]] = {}
        self._lock = threading.Lock()
        found = socket.getaddrinfo(host or None, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        self.address_family = found[0][0]
        super().__init__((str(found[0][4][0]), port), _Handler)

    def server_bind(self) -> None:
        # HTTPServer would ask the name service for this host's name, which may take seconds.
        TCPServer.server_bind(self)

    def process_request(self, request: _Request, client_address: object) -> None:
        with self._lock:
            # Of whom most connections are: a probe has one, however long its answer takes.
            if len(self._began) >= _CONNECTIONS:
                [(crowd, _)] = Counter(peer for peer, _ in self._began.values()).most_common(1)
                self._cut(next(one for one, (peer, _) in self._began.items() if peer == crowd))
            self._began[request] = _peer(client_address), time.monotonic()
        super().process_request(request, client_address)

    def process_request_thread(self, request: _Request, client_address: object) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                self._began.pop(request, None)

    def service_actions(self) -> None:
        """Cut those off that take too long, one byte at a time."""
        latest = time.monotonic() - self._longest
        with self._lock:
            for request in [request for request, (_, began) in self._began.items() if began < latest]:
                self._cut(request)

    def _cut(self, request: _Request) -> None:
        del self._began[request]
        if isinstance(request, socket.socket):
            with contextlib.suppress(OSError):  # It may have gone by itself.
                request.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: _Request, client_address: object) -> None:  # noqa: ARG002 - the base class's
        _LOG.debug("metrics client disconnected", exc_info=True)


def _peer(client_address: object) -> str:
    return str(client_address[0]) if isinstance(client_address, tuple) else ""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.connection.settimeout(self.server.patience)

    def do_GET(self) -> None:
        status, kind, body = self.server.answer(self.path)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        _LOG.debug(format, *args)
