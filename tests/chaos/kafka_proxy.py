"""A TCP proxy before a Kafka broker that can be cut; clients are sent back through it."""

import socket
import time
from typing import override

from tests.chaos.tcp_proxy import TcpProxy

__all__ = ["KafkaProxy"]


class KafkaProxy(TcpProxy):
    """Passes requests on as they are, and in answers puts its own address for the broker's.

    Parameters
    ----------
    broker
        ``host:port`` as the broker itself calls it.
    """

    def __init__(self, broker: str) -> None:
        host, _, port = broker.rpartition(":")
        super().__init__(host, int(port))
        name = host.encode()
        # A string's length, then a port of four bytes: of equal length, so that no count goes wrong.
        self._theirs = name + int(port).to_bytes(4, "big")
        self._ours = name + self.port.to_bytes(4, "big")

    @override
    def _pass_answers(self, server: socket.socket, client: socket.socket) -> None:
        with server.makefile("rb") as stream:
            while prefix := stream.read(4):
                body = stream.read(int.from_bytes(prefix, "big"))
                time.sleep(self.delay)
                client.sendall(prefix + body.replace(self._theirs, self._ours))
