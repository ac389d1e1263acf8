"""Answers, with the bodies of docs/contracts/raw-microservice.md."""

import json
import time
from collections.abc import Mapping, Sequence
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final

from attrs import frozen

from adapters.raw_microservice.presence import Presence

__all__ = ["Answer", "absence", "failure", "json_answer", "presence"]

_JSON: Final = b"application/json"


@frozen
class Answer:
    """An HTTP answer."""

    status: HTTPStatus
    body: bytes
    content_type: bytes = _JSON
    more_headers: tuple[tuple[bytes, bytes], ...] = ()

    def written(self, *, with_body: bool = True, closes: bool = False) -> bytes:
        """Write the answer as HTTP/1.1 has it.

        Parameters
        ----------
        with_body
            False: as the answer to HEAD.
        closes
            Whether it is the last one on its connection.
        """
        head = b"%s%sdate: %s\r\ncontent-length: %d\r\n\r\n" % (
            _head(self.status, self.content_type, self.more_headers),
            b"connection: close\r\n" if closes else b"",
            _date(int(time.time())),
            len(self.body),
        )
        return head + self.body if with_body else head


def json_answer(content: Mapping[str, Any]) -> Answer:
    """Answer with a JSON object."""
    return Answer(HTTPStatus.OK, json.dumps(content).encode())


def presence(uri: str) -> Answer:
    """Say that a raw has come, and where it is."""
    return Answer(HTTPStatus.OK, Presence(error=False, present=True, uri=uri).to_json())


def absence() -> Answer:
    """Say that a raw has not come yet."""
    return _ABSENCE


def failure(status: HTTPStatus, message: str, *headers: tuple[bytes, bytes]) -> Answer:
    """Say why there is no answer."""
    return Answer(status, Presence(error=True, message=message).to_json(), more_headers=headers)


_ABSENCE: Final = Answer(HTTPStatus.OK, Presence(error=False, present=False).to_json())


@lru_cache(maxsize=64)
def _head(status: HTTPStatus, content_type: bytes, headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    lines = [
        b"HTTP/1.1 %d %s" % (status, status.phrase.encode()),
        b"content-type: " + content_type,
        # What is absent now may be there in a second.
        b"cache-control: no-store",
        *(b"%s: %s" % header for header in headers),
        b"",
    ]
    return b"\r\n".join(lines)


@lru_cache(maxsize=2)
def _date(second: int) -> bytes:
    return formatdate(second, usegmt=True).encode()
