"""A TCP proxy before a Kafka broker that can be cut; clients are sent back through it."""

import contextlib
import socket
import sys
import threading
import time
from typing import Self

__all__ = ["KafkaProxy"]

_HOST = "127.0.0.1"


class KafkaProxy:
    """Passes requests on as they are, and in answers puts its own address for the broker's.

    Parameters
    ----------
    broker
        ``host:port`` as the broker itself calls it.
    """

    def __init__(self, broker: str) -> None:
        host, _, port = broker.rpartition(":")
        self._broker = (host, int(port))
        self._server = socket.create_server((_HOST, 0))
        own = int(self._server.getsockname()[1])
        self.address = f"{_HOST}:{own}"
        name = host.encode()
        # A string's length, then a port of four bytes: of equal length, so that no count goes wrong.
        self._theirs = name + int(port).to_bytes(4, "big")
        self._ours = name + own.to_bytes(4, "big")
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
            with socket.create_connection(self._broker, timeout=5) as broker:
                broker.settimeout(None)
                for each in (client, broker):
                    each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with self._lock:
                    self._open |= {client, broker}
                asking = threading.Thread(target=self._pass_requests, args=(client, broker), daemon=True)
                asking.start()
                self._pass_answers(broker, client)
                _shut(client, broker)
                asking.join()
                with self._lock:
                    self._open -= {client, broker}

    @staticmethod
    def _pass_requests(client: socket.socket, broker: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(1 << 16):
                broker.sendall(data)
        _shut(client, broker)

    def _pass_answers(self, broker: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError), broker.makefile("rb") as stream:
            while prefix := stream.read(4):
                body = stream.read(int.from_bytes(prefix, "big"))
                client.sendall(prefix + body.replace(self._theirs, self._ours))


def _shut(*sockets: socket.socket) -> None:
    for each in sockets:
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
