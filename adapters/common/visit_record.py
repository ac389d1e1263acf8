"""Visits as records: field names that all wires share which carry one (docs/contracts/next-visit.md)."""

import math
from collections.abc import Mapping
from typing import Any, Final

from attrs import evolve

from adapters.common.converters import UnfitError, lenient_converter, rename, structured
from domain.errors import PromptProcessingError
from domain.visit import Cancellation, CoordinateSystem, Visit, VisitDetector

__all__ = [
    "UndecodableVisitError",
    "cancellation_from_record",
    "record_of_visit",
    "record_of_work",
    "visit_from_record",
    "work_from_record",
]


class UndecodableVisitError(PromptProcessingError):
    """A message does not hold what its contract says; the text names each field at fault."""


_NAMES: Final = {
    "sal_index": "salIndex",
    "script_sal_index": "scriptSalIndex",
    "group": "groupId",
    "coordinate_system": "coordinateSystem",
    "start_time": "startTime",
    "rotation_system": "rotationSystem",
    "camera_angle": "cameraAngle",
    "total_checkpoints": "totalCheckpoints",
    "sent": "private_sndStamp",
    "visit": "",
}
"""From attribute to field, where the two differ."""

_BEYOND: Final = {CoordinateSystem.ICRS: 1e-3, CoordinateSystem.OBSERVED: 3.0}
"""Degrees by which a latitude may exceed 90: rounding, and mounts that go past their zenith."""


def visit_from_record(record: Mapping[str, object]) -> Visit:
    """Read a visit; fields that are not its own are passed over.

    Raises
    ------
    UndecodableVisitError
        Raised if a field is missing or holds what no visit can have.
    """
    return _placed(_read(Visit, record))


def work_from_record(record: Mapping[str, object]) -> VisitDetector:
    """Read a visit and its detector; other fields are passed over.

    Raises
    ------
    UndecodableVisitError
        Raised if a field is missing or holds what no visit-detector can have.
    """
    nested = {"visit": record} | {name: record[name] for name in ("detector",) if name in record}
    work = _read(VisitDetector, nested)
    return evolve(work, visit=_placed(work.visit))


def cancellation_from_record(record: Mapping[str, object]) -> Cancellation:
    """Read a cancellation; fields that are not its own are passed over.

    Raises
    ------
    UndecodableVisitError
        Raised if a field is missing or holds what no cancellation can have.
    """
    return _read(Cancellation, record)


def record_of_visit(visit: Visit) -> dict[str, Any]:
    """Write a visit as numbers, strings and a list of two."""
    record: dict[str, Any] = _CONVERTER.unstructure(visit)
    record["position"] = list(visit.position)
    return record


def record_of_work(work: VisitDetector) -> dict[str, Any]:
    """Write a visit and its detector as numbers, strings and a list of two."""
    return record_of_visit(work.visit) | {"detector": work.detector}


def _placed(visit: Visit) -> Visit:
    """Refuse what is no place on a sphere, and put right what rounding made of a pole."""
    longitude, latitude = visit.position
    beyond = abs(latitude) - 90
    if beyond > _BEYOND.get(visit.coordinate_system, math.inf):
        raise UndecodableVisitError(f"position: {latitude} is not between -90 and 90 degrees")
    if beyond > 0 and visit.coordinate_system is CoordinateSystem.ICRS:
        return evolve(visit, position=(longitude, math.copysign(90.0, latitude)))
    return visit


def _read[T: (Visit, VisitDetector, Cancellation)](kind: type[T], record: Mapping[str, object]) -> T:
    try:
        return structured(_CONVERTER, record, kind, _NAMES)
    except UnfitError as error:
        raise UndecodableVisitError(str(error)) from error


_CONVERTER: Final = lenient_converter()
for _kind in (Visit, Cancellation):
    rename(_CONVERTER, _kind, _NAMES)
