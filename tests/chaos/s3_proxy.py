"""An HTTP proxy before an S3 server that answers badly when it is told to."""

import http.client
import random
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self, override
from urllib.parse import urlsplit

__all__ = ["FAULTS", "S3Proxy"]

FAULTS = ("500", "503", "slow", "truncated")
_DROPPED = frozenset({"connection", "transfer-encoding", "keep-alive", "content-length"})
_SLOW = 1.5  # seconds


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    @override
    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that were killed."""


class S3Proxy:
    """Stands before the server at a URL.

    `share` of the requests meet a fault: an error before the server hears of
    them (500, 503), an answer that is late, or one that ends half-way. While it `is_away` all are
    answered 503.
    """

    def __init__(self, target: str, seed: int) -> None:
        self.share = 0.0
        self.is_away = False
        self.delay = 0.0
        """Seconds for which each answer is held back."""
        self.met: Counter[str] = Counter()
        self._random = random.Random(seed)  # noqa: S311 - chance, not secrecy
        self._target = urlsplit(target).netloc
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _any(self) -> None:
                proxy.answer(self)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _any  # noqa: N815 - http.server's names

            @override
            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Answer one request, well or badly."""
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        fault = self._random.choice(FAULTS) if self._random.random() < self.share else ""
        if self.is_away:
            fault = "503"
        if fault:
            self.met[fault] += 1
        if fault in {"500", "503"}:
            _refuse(request, int(fault))
            return
        time.sleep(_SLOW if fault == "slow" else self.delay)
        status, headers, content = self._ask(request, body)
        request.send_response(status)
        for name, value in headers:
            if name.lower() not in _DROPPED:
                request.send_header(name, value)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        if request.command == "HEAD":
            return
        if fault == "truncated" and content:
            content = content[: len(content) // 2]
            request.close_connection = True
        request.wfile.write(content)

    def _ask(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(self._target, timeout=30)
        try:
            connection.request(request.command, request.path, body, dict(request.headers.items()))
            answer = connection.getresponse()
            if request.command == "HEAD":
                # The length of what is not sent, which the caller would write as 0.
                length = int(answer.getheader("Content-Length") or 0)
                return answer.status, answer.getheaders(), bytes(length)
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()


def _refuse(request: BaseHTTPRequestHandler, status: int) -> None:
    code = "SlowDown" if status == 503 else "InternalError"
    content = f"<Error><Code>{code}</Code><Message>chaos</Message></Error>".encode()
    request.send_response(status)
    request.send_header("Content-Type", "application/xml")
    request.send_header("Content-Length", str(len(content)))
    request.end_headers()
    if request.command != "HEAD":
        request.wfile.write(content)
