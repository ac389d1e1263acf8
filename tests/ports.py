"""Ports for servers that come back to the port they had."""

import contextlib
import random
import socket
from typing import Final

__all__ = ["lasting_ports"]

_HOST: Final = "127.0.0.1"
_BELOW_THE_SYSTEMS: Final = range(20_000, 32_000)


def lasting_ports(count: int) -> list[int]:
    """Find free ports that nothing else takes while their server is away.

    They lie below those that the system gives to connections: while a server is
    away, a client that tries again and again may be given the very port that it
    is connecting to, connect to itself, and keep the server from coming back.
    """
    found: list[int] = []
    for port in random.SystemRandom().sample(_BELOW_THE_SYSTEMS, len(_BELOW_THE_SYSTEMS)):
        with contextlib.suppress(OSError), socket.create_server((_HOST, port)):
            found.append(port)
        if len(found) == count:
            return found
    raise OSError(f"no {count} free ports among {_BELOW_THE_SYSTEMS}")
