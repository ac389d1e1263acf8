"""nextVisit and nextVisitCanceled: Avro in the Confluent wire format (docs/contracts/next-visit.md)."""

import io
import json
import math
import struct
from collections.abc import Callable, Mapping
from typing import Any, Final

import fastavro
from fastavro.schema import SchemaParseException, UnknownType
from fastavro.types import Schema

from adapters.common.visit_record import (
    UndecodableVisitError,
    cancellation_from_record,
    visit_from_record,
)
from adapters.kafka.announcements.flat_schema import flat
from domain.times import InvalidInstantError, UtcSeconds, tai_from_utc
from domain.visit import Cancellation, CoordinateSystem, RotationSystem, Visit
from ports.announcements import NotForUs

__all__ = ["NextVisitCodec", "UndecodableVisitError"]

_HEADER: Final = struct.Struct(">bI")
_MAGIC: Final = 0
_LONGEST: Final = 1 << 20
"""Bytes; a nextVisit has a few hundred."""

# What fastavro raises on bytes that do not fit the schema is whatever its
# readers stumble over.
_MISFITS: Final = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
)


class NextVisitCodec:
    """Reads announcements.

    Parameters
    ----------
    schema_by_id
        Looks up the text of a schema by its id; called once for each id. What
        it raises passes through: that the registry cannot be reached is not the
        message's fault.
    """

    def __init__(self, schema_by_id: Callable[[int], str]) -> None:
        self._schema_by_id = schema_by_id
        self._schemas: dict[int, Schema] = {}

    def decode(self, message: bytes) -> Visit | NotForUs:
        """Read a nextVisit.

        Raises
        ------
        UndecodableVisitError
            Raised if the message is not what its schema says, or a field is
            missing or holds what no visit can have.
        """
        record = self._record(message)
        instrument = record.get("instrument")
        if isinstance(instrument, str) and not instrument.strip():
            return NotForUs("no instrument: not an observation")
        return visit_from_record(_with_what_nobody_reads(_with_stamp(record)))

    def decode_cancellation(self, message: bytes) -> Cancellation:
        """Read a nextVisitCanceled.

        Raises
        ------
        UndecodableVisitError
            Raised if the message is not what its schema says, or a field is
            missing or holds what no cancellation can have.
        """
        return cancellation_from_record(self._record(message))

    def _record(self, message: bytes) -> Mapping[str, Any]:
        if len(message) > _LONGEST:
            raise UndecodableVisitError(f"message has {len(message)} bytes; no announcement has {_LONGEST}")
        if len(message) < _HEADER.size or message[0] != _MAGIC:
            raise UndecodableVisitError("message does not begin with a 0 byte and the id of a schema")
        _, number = _HEADER.unpack_from(message)
        schema = self._schema(number)
        body = io.BytesIO(message)
        body.seek(_HEADER.size)
        try:
            record = fastavro.schemaless_reader(body, schema, None)
        except _MISFITS as error:
            raise UndecodableVisitError(f"message is no record of schema {number}: {error!r}") from error
        if not isinstance(record, dict):
            raise UndecodableVisitError(f"schema {number} is not of a record")
        if body.tell() != len(message):
            raise UndecodableVisitError(f"message is longer than a record of schema {number}")
        return record

    def _schema(self, number: int) -> Schema:
        if number not in self._schemas:
            text = self._schema_by_id(number)
            try:
                self._schemas[number] = fastavro.parse_schema(flat(json.loads(text), number))
            except UndecodableVisitError:
                raise
            except (SchemaParseException, UnknownType, *_MISFITS) as error:
                raise UndecodableVisitError(f"schema {number} is not Avro: {error}") from error
        return self._schemas[number]


def _with_what_nobody_reads(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Fill in what may hold anything: fields that a frame declares unused, and what is only carried on."""
    unread: dict[str, Any] = {}
    match record:
        case {"coordinateSystem": CoordinateSystem.NONE, "position": [*numbers]}:
            unread["position"] = [_finite(number) for number in numbers]
    match record:
        case {"rotationSystem": RotationSystem.NONE, "cameraAngle": angle}:
            unread["cameraAngle"] = _finite(angle)
    return {"totalCheckpoints": 0, **record, **unread}


def _finite(number: object) -> object:
    return 0.0 if isinstance(number, float) and not math.isfinite(number) else number


def _with_stamp(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give a record that was only stamped in UTC the same stamp in TAI."""
    if record.get("private_sndStamp") != 0.0:
        return record
    known = record.get("private_efdStamp", 0.0)
    if not isinstance(known, int | float) or known == 0.0:
        raise UndecodableVisitError("private_sndStamp: is 0, and private_efdStamp does not help")
    try:
        return {**record, "private_sndStamp": tai_from_utc(UtcSeconds(known))}
    except InvalidInstantError as error:
        raise UndecodableVisitError(f"private_efdStamp: {error}") from error
