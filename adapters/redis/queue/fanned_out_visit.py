"""The fanned-out visit, as a stream entry (docs/contracts/fanned-out-visit.md).

Rubin's fan-out calls it ``NextVisitModelKeda`` in the stream.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from adapters.common.visit_record import (
    UndecodableVisitError,
    record_of_visit,
    record_of_work,
    visit_from_record,
    work_from_record,
)
from domain.visit import Visit, VisitDetector

__all__ = ["from_fields", "to_fields", "visit_from_fields", "visit_to_fields"]

_TEXTS: Final = frozenset({"groupId", "filters", "instrument", "survey"})
"""Fields that are strings in JSON too; the others are JSON, written out."""

_OTHERS: Final = (
    "salIndex",
    "scriptSalIndex",
    "coordinateSystem",
    "position",
    "startTime",
    "rotationSystem",
    "cameraAngle",
    "dome",
    "duration",
    "nimages",
    "totalCheckpoints",
    "private_sndStamp",
    "detector",
)


def to_fields(work: VisitDetector) -> dict[str, str]:
    """Write a stream entry."""
    return _strings(record_of_work(work))


def visit_to_fields(visit: Visit) -> dict[str, str]:
    """Write what the entries of all detectors of a visit have in common."""
    return _strings(record_of_visit(visit))


def from_fields(entry: Mapping[bytes, bytes] | Mapping[str, str]) -> VisitDetector:
    """Read a stream entry; fields beyond the contract's are passed over.

    Raises
    ------
    UndecodableVisitError
        Raised if a field is missing or holds what no visit can have.
    """
    return work_from_record(_record(entry))


def visit_from_fields(entry: Mapping[str, str]) -> Visit:
    """Read what the entries of all detectors of a visit have in common.

    Raises
    ------
    UndecodableVisitError
        Raised if a field is missing or holds what no visit can have.
    """
    return visit_from_record(_record(entry))


def _record(entry: Mapping[bytes, bytes] | Mapping[str, str]) -> Mapping[str, object]:
    texts = dict(_decoded(entry))
    record: dict[str, object] = {name: text for name, text in texts.items() if name in _TEXTS}
    for name in _OTHERS:
        if name in texts:
            record[name] = _parsed(name, texts[name])
    return record


def _strings(record: Mapping[str, Any]) -> dict[str, str]:
    return {name: value if name in _TEXTS else json.dumps(value) for name, value in record.items()}


def _decoded(entry: Mapping[bytes, bytes] | Mapping[str, str]) -> Iterable[tuple[str, str]]:
    for key, value in entry.items():
        name = key.decode(errors="replace") if isinstance(key, bytes) else key
        try:
            yield name, value.decode() if isinstance(value, bytes) else value
        except UnicodeDecodeError as error:
            raise UndecodableVisitError(f"{name}: is not UTF-8") from error


def _parsed(name: str, text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UndecodableVisitError(f"{name}: {text[:80]!r} is not a number or a list of numbers") from error
