"""Answers, with the bodies of contract 4."""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from attrs import frozen

__all__ = ["Answer", "absence", "failure", "json_answer", "presence"]

_JSON: Final = b"application/json"


@frozen
class Answer:
    """An HTTP answer."""

    status: int
    body: bytes
    content_type: bytes = _JSON
    more_headers: Sequence[tuple[bytes, bytes]] = ()

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """All headers; what is absent now may be there in a second, so nothing is to be cached."""
        return [
            (b"content-type", self.content_type),
            (b"content-length", b"%d" % len(self.body)),
            (b"cache-control", b"no-store"),
            *self.more_headers,
        ]


def json_answer(content: Mapping[str, Any]) -> Answer:
    """Answer with a JSON object."""
    return Answer(HTTPStatus.OK, json.dumps(content).encode())


def presence(uri: str) -> Answer:
    """Say that a raw has come, and where it is."""
    return json_answer({"error": False, "present": True, "uri": uri})


def absence() -> Answer:
    """Say that a raw has not come yet."""
    return _ABSENCE


def failure(status: int, message: str, *headers: tuple[bytes, bytes]) -> Answer:
    """Say why there is no answer."""
    return Answer(status, json.dumps({"error": True, "message": message}).encode(), more_headers=headers)


_ABSENCE: Final = json_answer({"error": False, "present": False})
