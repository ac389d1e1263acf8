"""Visits of LSSTCam to announce, and announcements as the observatory writes them."""

import io
import struct
import time
from collections.abc import Mapping
from typing import Any

import fastavro

from adapters.common.visit_record import record_of_visit
from domain.times import TaiSeconds, UtcSeconds, tai_from_utc, utc_from_tai
from domain.visit import Cancellation, CoordinateSystem, Dome, RotationSystem, Visit

__all__ = ["encode_cancellation", "encode_next_visit", "visit_at"]


def visit_at(number: int, ra: float, dec: float, *, survey: str = "BLOCK-407") -> Visit:
    """Make a visit that is announced now; its group is its number's alone."""
    now = tai_from_utc(UtcSeconds(time.time()))
    return Visit(
        instrument="LSSTCam",
        group=f"2026-03-14T02:15:07.310#{number}",
        sal_index=1,
        script_sal_index=number,
        coordinate_system=CoordinateSystem.ICRS,
        position=(ra, dec),
        start_time=TaiSeconds(now + 20.0),
        rotation_system=RotationSystem.SKY,
        camera_angle=41.5,
        filters="i_39",
        dome=Dome.OPEN,
        duration=32.0,
        nimages=1,
        survey=survey,
        total_checkpoints=2,
        sent=now,
    )


def encode_next_visit(visit: Visit, schema: Mapping[str, Any], number: int) -> bytes:
    """Write a nextVisit, as the observatory would.

    Parameters
    ----------
    visit
        What is announced.
    schema
        The Avro schema.
    number
        The schema's id in the registry.
    """
    private = {"private_efdStamp": utc_from_tai(visit.sent), "private_identity": "ScriptQueue"}
    return _encoded(record_of_visit(visit) | private, schema, number)


def encode_cancellation(cancellation: Cancellation, schema: Mapping[str, Any], number: int) -> bytes:
    """Write a nextVisitCanceled, as the observatory would.

    Parameters
    ----------
    cancellation
        Which visit will not happen.
    schema
        The Avro schema.
    number
        The schema's id in the registry.
    """
    record = {
        "salIndex": cancellation.sal_index,
        "scriptSalIndex": cancellation.script_sal_index,
        "groupId": cancellation.group,
    }
    return _encoded(record, schema, number)


def _encoded(record: Mapping[str, Any], schema: Mapping[str, Any], number: int) -> bytes:
    body = io.BytesIO()
    body.write(struct.pack(">bI", 0, number))
    fastavro.schemaless_writer(body, dict(schema), record)
    return body.getvalue()
