import io
import json
import struct
from pathlib import Path
from typing import Any

import fastavro
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

import adapters.kafka
from adapters.kafka.announcements.next_visit import NextVisitCodec, UndecodableVisitError
from adapters.redis.queue.fanned_out_visit import visit_from_fields, visit_to_fields
from benchmarks.services.announcements import encode_cancellation, encode_next_visit
from domain.errors import PromptProcessingError
from domain.times import TaiSeconds, UtcSeconds, utc_from_tai
from domain.visit import Cancellation, Visit
from ports.announcements import NotForUs
from tests.contract_files import contract_json
from tests.strategies.visits import cancellations, instants, visits
from tests.value_or_error import value_or_error

SCHEMA: dict[str, Any] = contract_json("next_visit.avsc")
CANCELED: dict[str, Any] = json.loads(
    (Path(adapters.kafka.__path__[0]) / "schemas" / "next_visit_canceled.avsc").read_text()
)
REGISTRY = {7: json.dumps(SCHEMA), 8: json.dumps(CANCELED), 9: "no schema", 10: '"long"'}
RECORD: dict[str, Any] = {
    "instrument": "LSSTCam",
    "groupId": "2026-03-14T02:15:07.310#2",
    "coordinateSystem": 2,
    "rotationSystem": 2,
    "dome": 2,
    "startTime": 1773454540.0,
    "private_sndStamp": 1773454519.4,
}


def look_up(number: int) -> str:
    if number not in REGISTRY:
        raise UndecodableVisitError(f"the registry has no schema {number}")
    return REGISTRY[number]


CODEC = NextVisitCodec(look_up)


@pytest.fixture
def codec() -> NextVisitCodec:
    return NextVisitCodec(look_up)


def encoded(record: dict[str, Any], schema: dict[str, Any] = SCHEMA, number: int = 7) -> bytes:
    body = io.BytesIO()
    fastavro.schemaless_writer(body, schema, record)
    return struct.pack(">bI", 0, number) + body.getvalue()


@given(visits())
def test_a_visit_survives_the_wire(visit: Visit) -> None:
    assert CODEC.decode(encode_next_visit(visit, SCHEMA, 7)) == visit


@given(cancellations())
def test_a_cancellation_survives_the_wire(cancellation: Cancellation) -> None:
    assert CODEC.decode_cancellation(encode_cancellation(cancellation, CANCELED, 8)) == cancellation


@given(instants(), instants())
def test_either_stamp_of_a_visit_gives_the_same_age(sent: TaiSeconds, received: TaiSeconds) -> None:
    both = RECORD | {"private_sndStamp": sent, "private_efdStamp": utc_from_tai(sent)}
    now = utc_from_tai(received)
    by_tai = CODEC.decode(encoded(both))
    by_utc = CODEC.decode(encoded(both | {"private_sndStamp": 0.0}))
    assert isinstance(by_tai, Visit)
    assert isinstance(by_utc, Visit)
    assert by_tai.age(now) == pytest.approx(received - sent, abs=30)
    assert by_utc.age(now) == pytest.approx(by_tai.age(now), abs=1e-5)


def test_the_age_of_a_visit_of_today_leaves_out_the_37_seconds(codec: NextVisitCodec) -> None:
    visit = codec.decode(encoded(RECORD | {"private_efdStamp": RECORD["private_sndStamp"] - 37.0}))
    assert isinstance(visit, Visit)
    assert visit.age(UtcSeconds(RECORD["private_sndStamp"] - 37.0)) == 0.0


@pytest.mark.parametrize("efd", [0.0, -5.0, 1e12, float("nan")])
def test_a_visit_without_any_usable_stamp_is_refused(codec: NextVisitCodec, efd: float) -> None:
    with pytest.raises(UndecodableVisitError, match="Stamp: "):
        codec.decode(encoded(RECORD | {"private_sndStamp": 0.0, "private_efdStamp": efd}))


@pytest.mark.parametrize("instrument", ["", "  "])
def test_a_blank_instrument_is_no_observation_whatever_else_it_says(
    codec: NextVisitCodec, instrument: str
) -> None:
    assert isinstance(codec.decode(encoded({"instrument": instrument})), NotForUs)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("groupId", ""),
        ("coordinateSystem", 0),
        ("position", [1.0]),
        ("startTime", -1.0),
        ("rotationSystem", 9),
        ("cameraAngle", float("nan")),
        ("dome", 0),
        ("duration", -1.0),
        ("nimages", -1),
    ],
)
def test_a_malformed_field_is_named(codec: NextVisitCodec, field: str, value: object) -> None:
    with pytest.raises(UndecodableVisitError, match=f"^{field}: "):
        codec.decode(encoded(RECORD | {field: value}))


@pytest.mark.parametrize(
    "odd",
    [
        {"coordinateSystem": 3, "position": [10.0, 90.2]},
        {"coordinateSystem": 2, "position": [10.0, 90.00001]},
        {"coordinateSystem": 1, "position": [float("nan"), float("inf")]},
        {"rotationSystem": 1, "cameraAngle": float("nan")},
    ],
)
def test_a_field_is_judged_by_those_who_use_it(codec: NextVisitCodec, odd: dict[str, Any]) -> None:
    visit = codec.decode(encoded(RECORD | odd))
    assert isinstance(visit, Visit)
    assert visit_from_fields(visit_to_fields(visit)) == visit


def test_a_schema_may_lack_what_is_only_carried_on(visit: Visit) -> None:
    lacking = SCHEMA | {"fields": [one for one in SCHEMA["fields"] if one["name"] != "totalCheckpoints"]}
    older = NextVisitCodec({13: json.dumps(lacking)}.__getitem__)
    assert older.decode(encode_next_visit(visit, lacking, 13)) == evolve(visit, total_checkpoints=0)


def test_fields_that_the_observatory_adds_are_passed_over(visit: Visit) -> None:
    wider = SCHEMA | {"fields": [{"name": "added", "type": "string", "default": "x"}, *SCHEMA["fields"]]}
    newer = NextVisitCodec({11: json.dumps(wider)}.__getitem__)
    assert newer.decode(encode_next_visit(visit, wider, 11)) == visit


def test_a_field_that_the_schema_lacks_is_named(visit: Visit) -> None:
    fields = [field for field in SCHEMA["fields"] if field["name"] != "groupId"]
    older = NextVisitCodec({12: json.dumps(SCHEMA | {"fields": fields})}.__getitem__)
    with pytest.raises(UndecodableVisitError, match="groupId: is missing"):
        older.decode(encode_next_visit(visit, SCHEMA | {"fields": fields}, 12))


@pytest.mark.parametrize("number", [9, 10])
def test_a_schema_that_is_no_record_is_refused(codec: NextVisitCodec, number: int) -> None:
    with pytest.raises(UndecodableVisitError, match=f"schema {number}"):
        codec.decode(struct.pack(">bI", 0, number) + b"\x02")


def test_a_registry_out_of_reach_is_not_the_messages_fault(visit: Visit) -> None:
    def unreachable(_: int) -> str:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        NextVisitCodec(unreachable).decode(encode_next_visit(visit, SCHEMA, 7))


def test_a_schema_is_looked_up_once(visit: Visit) -> None:
    asked: list[int] = []

    def noting(number: int) -> str:
        asked.append(number)
        return look_up(number)

    codec = NextVisitCodec(noting)
    for group in ("a", "b"):
        codec.decode(encode_next_visit(evolve(visit, group=group), SCHEMA, 7))
    assert asked == [7]


@given(st.binary())
def test_arbitrary_bytes_raise_the_projects_error(body: bytes) -> None:
    # A few hundred zeros are a legal record, of no instrument.
    for message in (body, struct.pack(">bI", 0, 7) + body):
        decoded = value_or_error(CODEC.decode, message)
        assert isinstance(decoded, Visit | NotForUs) or str(decoded)


@given(visits(), st.data())
def test_a_cut_or_lengthened_message_raises_the_projects_error(visit: Visit, data: st.DataObject) -> None:
    message = encode_next_visit(visit, SCHEMA, 7)
    length = data.draw(st.integers(0, len(message) - 1))
    with pytest.raises(PromptProcessingError):
        CODEC.decode(message[:length])
    with pytest.raises(PromptProcessingError):
        CODEC.decode(message + b"\0")


avro_doubles = st.floats()
avro_longs = st.integers(-(2**63), 2**63 - 1)
avro_strings = st.text(st.characters(exclude_categories=["Cs"]))
of_type = {"double": avro_doubles, "long": avro_longs, "string": avro_strings}


@st.composite
def records(draw: st.DrawFn) -> dict[str, Any]:
    return {
        field["name"]: draw(
            of_type[field["type"]] if isinstance(field["type"], str) else st.lists(avro_doubles, max_size=4)
        )
        for field in SCHEMA["fields"]
    }


@given(records())
def test_an_arbitrary_record_raises_the_projects_error_or_none(record: dict[str, Any]) -> None:
    match value_or_error(CODEC.decode, encoded(record)):
        case PromptProcessingError() as error:
            assert str(error).partition(":")[0] in record
        case NotForUs():
            assert not record["instrument"].strip()
        case Visit() as visit:
            assert visit.group == record["groupId"]


@pytest.fixture
def visit(codec: NextVisitCodec) -> Visit:
    decoded = codec.decode(encoded(RECORD))
    assert isinstance(decoded, Visit)
    return decoded
