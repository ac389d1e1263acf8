"""Dead letters as machines and people read them."""

import datetime
from typing import Any

from domain.times import UtcSeconds
from ports.dead_letters import DeadLetter

__all__ = ["letter_record", "when"]


def letter_record(letter: DeadLetter, *, with_body: bool = False) -> dict[str, Any]:
    """Write a letter as what JSON can hold."""
    record: dict[str, Any] = {
        "id": letter.id,
        "origin": letter.origin,
        "reason": letter.reason,
        "since": when(letter.since),
        "instrument": letter.instrument,
        "group": letter.group,
        "visit": letter.visit,
        "detector": letter.detector,
        "bytes": len(letter.body),
        "whole": letter.is_whole,
    }
    return {**record, "body": _readable(letter.body)} if with_body else record


def when(instant: UtcSeconds) -> str:
    """Write an instant to the second."""
    return datetime.datetime.fromtimestamp(instant, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _readable(body: bytes) -> str:
    """Write a body as text, or in hexadecimal if it is none."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        return f"hex {body.hex()}"
