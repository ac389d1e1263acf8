"""A TCP proxy that can be cut, and that holds answers back."""

import contextlib
import socket
import sys
import threading
import time
from typing import Self

__all__ = ["TcpProxy"]

_HOST = "127.0.0.1"


class TcpProxy:
    """Passes on what clients and server say.

    Parameters
    ----------
    host, port
        Of the server.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._server = socket.create_server((_HOST, 0))
        self.port = int(self._server.getsockname()[1])
        self.address = f"{_HOST}:{self.port}"
        self.delay = 0.0
        """Seconds for which each piece of an answer is held back."""
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._is_cut = False
        self._is_over = False
        threading.Thread(target=self._serve, daemon=True).start()

    def cut(self) -> None:
        """Break all connections, and refuse new ones."""
        with self._lock:
            self._is_cut = True
            for each in self._open:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Take connections again."""
        self._is_cut = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over = True
        self.cut()
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _serve(self) -> None:
        while not self._is_over:
            try:
                client, _ = self._server.accept()
            except OSError as error:
                # A client that gave up before it was accepted must not end the proxy.
                if not self._is_over:
                    sys.stderr.write(f"the proxy could not take a connection: {error}\n")
                    time.sleep(0.1)
                continue
            threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            if self._is_cut:
                return
            with socket.create_connection(self._target, timeout=5) as server:
                server.settimeout(None)
                for each in (client, server):
                    each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with self._lock:
                    self._open |= {client, server}
                asking = threading.Thread(target=self._pass_requests, args=(client, server), daemon=True)
                asking.start()
                with contextlib.suppress(OSError):
                    self._pass_answers(server, client)
                _shut(client, server)
                asking.join()
                with self._lock:
                    self._open -= {client, server}

    @staticmethod
    def _pass_requests(client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(1 << 16):
                server.sendall(data)
        _shut(client, server)

    def _pass_answers(self, server: socket.socket, client: socket.socket) -> None:
        while data := server.recv(1 << 16):
            time.sleep(self.delay)
            client.sendall(data)


def _shut(*sockets: socket.socket) -> None:
    for each in sockets:
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
