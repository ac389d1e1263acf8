"""Schemas by their ids, from a registry that may go away."""

import contextlib
import hashlib
import json
import logging
import os
import tempfile
import time
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError

from adapters.kafka.announcements.next_visit import UndecodableVisitError
from domain.addresses import without_users
from ports.neighbours import NeighbourUnavailableError

__all__ = ["SchemaRegistry", "SchemaRegistryUnavailableError"]

_LOG: Final = logging.getLogger(__name__)
_LONGEST: Final = 1 << 20
"""Bytes of an answer, decompressed; that for nextVisit has some thousand."""
_PIECE: Final = 1 << 14
_TIMES: Final = 3
"""Time-outs in which an answer comes to its end, however steadily its bytes come."""


class SchemaRegistryUnavailableError(NeighbourUnavailableError):
    """The registry did not answer, and the schema was never asked for before."""


class SchemaRegistry:
    """Looks schemas up and never forgets one: what an id means does not change.

    Parameters
    ----------
    url
        Address of the registry; may hold a user name and password.
    cache
        Folder that keeps schemas across restarts; None keeps them in memory only.
    timeout
        Seconds that the registry is waited for, to connect and for each byte.
    ca_file
        Certificates to trust, PEM; blank: the system's.
    """

    def __init__(self, url: str, *, cache: Path | None, timeout: float = 3.0, ca_file: str = "") -> None:
        self._url = url.rstrip("/")
        parts = urlsplit(self._url)
        # Ids mean something within one registry only.
        host = parts.netloc.rpartition("@")[2]
        place = hashlib.sha256(f"{host}{parts.path}".encode()).hexdigest()[:16]
        self._folder = cache / place if cache else None
        self._timeout = timeout
        self._verify: str | bool = ca_file or True
        self._known: dict[int, str] = {}

    def schema(self, number: int) -> str:
        """Look up the text of a schema; blocks.

        Raises
        ------
        SchemaRegistryUnavailableError
            Raised if the registry cannot be reached.
        UndecodableVisitError
            Raised if the registry has no such schema.
        """
        if number not in self._known:
            text = self._stored(number)
            if text is None:
                text = self._fetch(number)
                self._store(number, text)
            self._known[number] = text
        return self._known[number]

    def _fetch(self, number: int) -> str:
        url = f"{self._url}/schemas/ids/{number}"
        try:
            with requests.get(url, timeout=self._timeout, verify=self._verify, stream=True) as answer:
                if answer.status_code == HTTPStatus.NOT_FOUND:
                    raise UndecodableVisitError(f"the registry has no schema {number}")
                answer.raise_for_status()
                content = json.loads(self._body(answer, number))
        # Those of requests are OSErrors, and certificates that are not there; the last are json's.
        except (OSError, HTTPError, ValueError, RecursionError) as error:
            reason = without_users(f"no schema {number} from the registry at {self._url}: {error}")
            raise SchemaRegistryUnavailableError(reason) from error
        match content:
            # Avro is what a registry does not name.
            case {"schema": str(text), "schemaType": "AVRO"}:
                return text
            case {"schema": str(text)} if "schemaType" not in content:
                return text
        raise UndecodableVisitError(f"schema {number} of the registry is not Avro")

    def _body(self, answer: requests.Response, number: int) -> bytes:
        """Read an answer as far as one may be long, and as long as one may take."""
        body, begin = bytearray(), time.monotonic()
        # What has come, and not as much as was asked for: that may take for ever.
        while piece := answer.raw.read1(_PIECE, decode_content=True):
            body += piece
            if len(body) > _LONGEST:
                raise UndecodableVisitError(f"schema {number} of the registry has more than {_LONGEST} bytes")
            if time.monotonic() - begin > _TIMES * self._timeout:
                raise TimeoutError("the answer does not come to its end")
        return bytes(body)

    def _stored(self, number: int) -> str | None:
        if self._folder is None:
            return None
        try:
            text = (self._folder / f"{number}.avsc").read_text()
            json.loads(text)
        except (OSError, ValueError):
            # Not there, or damaged: the registry has it.
            return None
        return text

    def _store(self, number: int, text: str) -> None:
        if self._folder is None:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            # Whole or not at all: several processes may share the folder.
            handle, name = tempfile.mkstemp(dir=self._folder)
            try:
                with os.fdopen(handle, "w") as file:
                    file.write(text)
                Path(name).replace(self._folder / f"{number}.avsc")
            except OSError:
                with contextlib.suppress(OSError):
                    Path(name).unlink()
                raise
        except OSError as error:
            _LOG.warning("schema %d cached in memory only: %s", number, error)
