"""Asking the raw microservice for one raw (docs/contracts/raw-microservice.md)."""

import asyncio
import json
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

import requests

from adapters.common.converters import UnfitError
from adapters.common.own_threads import OwnThreads
from adapters.raw_microservice.presence import Presence
from domain.addresses import without_users
from ports.raw_arrivals import RawLookupUnavailableError

__all__ = ["HttpRawLookup"]

_LARGEST_ANSWER: Final = 64 * 1024  # Bytes; real ones have a few hundred.
_CHUNK: Final = 4096


class HttpRawLookup:
    """The client's side of ``GET {base}/{instrument}/{group}/{snap}/{sensor}``.

    Parameters
    ----------
    base
        Base URI; ends in ``/presence``.
    timeout
        Seconds that one question may take, a stalling server included.
    threads
        Questions that may go on at once.
    clock
        Monotonic seconds.
    """

    def __init__(
        self,
        *,
        base: str,
        timeout: float = 1.0,
        threads: int = 2,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._base = base.rstrip("/")
        self._shown = without_users(self._base)
        self._timeout = timeout
        self._threads = OwnThreads("raw-lookup", RawLookupUnavailableError, count=threads)
        self._clock = clock
        self._session: requests.Session | None = None

    async def open(self) -> None:
        """Get ready; the microservice may still be unreachable."""
        self._threads.open()
        self._session = requests.Session()

    async def close(self) -> None:
        """Wait for what goes on, and let go of the connections."""
        await self._threads.close()
        if self._session is not None:
            self._session.close()
            self._session = None

    async def find(self, instrument: str, group: str, snap: int, detector_name: str) -> str | None:
        """See `ports.raw_arrivals.RawLookup.find`."""
        parts = [instrument, group, str(snap), detector_name]
        if self._session is None:
            raise RawLookupUnavailableError(f"{self._shown}: is not open")
        if {".", ".."} & set(parts):
            raise RawLookupUnavailableError(f"{self._shown}: no path can hold {parts}")
        url = "/".join([self._base, *(quote(part, safe="") for part in parts)])
        try:
            # The thread may wait for a byte once more when its time is over.
            async with asyncio.timeout(2 * self._timeout):
                status, body = await self._threads.run(self._ask, self._session, url)
        except (requests.RequestException, TimeoutError) as error:
            raise RawLookupUnavailableError(without_users(f"{url}: no answer: {error}")) from error
        return _answer(without_users(url), status, body)

    def _ask(self, session: requests.Session, url: str) -> tuple[int, bytes]:
        end = self._clock() + self._timeout
        body = b""
        with session.get(url, timeout=self._timeout, stream=True, allow_redirects=False) as answer:
            # Each read waits at most once, so that a trickle of bytes is no way to stay.
            while chunk := answer.raw.read1(_CHUNK):
                body += chunk
                if len(body) > _LARGEST_ANSWER:
                    raise requests.exceptions.ContentDecodingError(f"more than {_LARGEST_ANSWER} bytes")
                if self._clock() > end:
                    raise requests.exceptions.ReadTimeout(f"not complete after {self._timeout:g} s")
            return answer.status_code, body


def _answer(url: str, status: int, body: bytes) -> str | None:
    try:
        answer = Presence.from_data(json.loads(body))
    except (ValueError, RecursionError) as error:
        raise RawLookupUnavailableError(f"{url}: status {status} without JSON") from error
    except UnfitError as error:
        raise RawLookupUnavailableError(
            f"{url}: status {status} with an answer that nobody promised: {error}"
        ) from error
    match answer:
        case Presence(error=False, present=True, uri=str(uri)) if status == HTTPStatus.OK:
            return uri
        case Presence(error=False, present=False) if status == HTTPStatus.OK:
            return None
        case Presence(error=True, message=str(message)):
            raise RawLookupUnavailableError(f"{url}: status {status}: {message}")
    raise RawLookupUnavailableError(f"{url}: status {status} with an answer that nobody promised")
