"""Whether services are ready, by the probes and metrics that each of them serves."""

import asyncio
import http.client
import re
import time
from typing import Final
from urllib.parse import urlsplit

from ports.neighbours import NeighbourUnavailableError

__all__ = ["HttpProbe", "ProbeFailedError"]

_PATIENCE: Final = 4.0  # seconds
_LARGEST: Final = 1 << 22  # bytes of metrics
_OLDEST: Final = re.compile(rb"^prompt_processing_writer_oldest_timestamp_seconds (\S+)", re.MULTILINE)


class ProbeFailedError(NeighbourUnavailableError):
    """A service does not answer, or says that it is not ready."""


class HttpProbe:
    """Asks one service.

    Parameters
    ----------
    address
        Of its ``/readyz``; or of the Butler Writer's ``/metrics``, which tell how old the oldest message is.
    """

    def __init__(self, address: str) -> None:
        self._address = urlsplit(address)

    async def look(self) -> str:
        """Say what the service tells of itself; blank if that is nothing.

        Raises
        ------
        ProbeFailedError
            Raised if it is not ready, or does not answer.
        """
        return await asyncio.to_thread(self._look)

    def _look(self) -> str:
        host, port = self._address.hostname or "", self._address.port
        connection = http.client.HTTPConnection(host, port, timeout=_PATIENCE)
        try:
            connection.request("GET", self._address.path or "/")
            answer = connection.getresponse()
            content = answer.read(_LARGEST)
        except (OSError, http.client.HTTPException) as error:
            raise ProbeFailedError(f"{error or type(error).__name__}") from error
        finally:
            connection.close()
        if answer.status != http.client.OK:
            raise ProbeFailedError(f"{answer.status} {content[:200].decode(errors='replace').strip()}")
        return _lag(content)


def _lag(metrics: bytes) -> str:
    """Say how old the oldest message is that the Butler Writer is at; blank of any other service."""
    found = _OLDEST.search(metrics)
    if found is None:
        return ""
    oldest = float(found[1])
    return f"oldest message {max(time.time() - oldest, 0.0):.0f} s old" if oldest else "no message waits"
