import contextlib
import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.common.visit_record import UndecodableVisitError
from adapters.kafka.announcements.flat_schema import flat
from adapters.kafka.announcements.next_visit import NextVisitCodec
from tests.contract_files import contract_json


def _of(kind: Any, name: str = "survey") -> dict[str, Any]:
    return {"type": "record", "name": "visit", "fields": [{"name": name, "type": kind}]}


@pytest.mark.parametrize(
    "schema",
    [
        _of(["null", "visit"]),
        _of({"type": "array", "items": "null"}),
        _of({"type": "array", "items": "null"}, "position"),
        _of({"type": "array", "items": "double"}),
        _of({"type": "map", "values": "null"}),
        _of({"type": "fixed", "name": "much", "size": 1 << 30}),
        _of({"type": "record", "name": "inner", "fields": []}),
        _of({"type": {"type": "array", "items": "null"}}),
        _of([["null", "string"]]),
        _of([{"type": "array", "items": "null"}]),
        {"type": "record", "name": "visit", "fields": [{"type": "string"}]},
        {"type": "array", "items": "visit"},
        "string",
        None,
    ],
)
def test_no_other_schema_is_decoded(schema: Any) -> None:
    codec = NextVisitCodec(lambda _: json.dumps(schema))
    for decode in (codec.decode, codec.decode_cancellation):
        with pytest.raises(UndecodableVisitError, match="schema 7"):
            decode(struct.pack(">bI", 0, 7) + b"\2" * 40)


@pytest.mark.parametrize(
    "kind",
    [
        "string",
        {"type": "long"},
        ["null", "double"],
        {"type": "enum", "name": "dome", "symbols": ["OPEN"]},
    ],
)
def test_scalars_and_enums_are_taken(kind: Any) -> None:
    flat(_of(kind), 7)


@pytest.mark.parametrize("kind", ["bytes", "long", "string"])
def test_logical_types_cost_nothing(kind: str) -> None:
    logical = {"type": kind, "logicalType": "decimal", "precision": 1 << 30, "scale": 1 << 20, "more": {}}
    schema = {**_of(logical), "aliases": ["x"], "__fastavro_parsed_schema": True}
    assert flat(schema, 7)["fields"] == [{"name": "survey", "type": kind}]


def test_the_observatorys_schema_is_taken() -> None:
    flat(contract_json("next_visit.avsc"), 7)


_JSON = st.recursive(
    st.none() | st.booleans() | st.text(max_size=8) | st.sampled_from(["record", "array", "null", "visit"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "fields", "items", "name", "symbols"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(_JSON)
def test_whatever_a_registry_holds_is_taken_or_refused(schema: Any) -> None:
    with contextlib.suppress(UndecodableVisitError):
        flat(schema, 7)


def test_a_message_of_megabytes_is_refused_unread() -> None:
    with pytest.raises(UndecodableVisitError, match="bytes"):
        NextVisitCodec(lambda _: pytest.fail("asked")).decode(b"\0" * (1 << 21))
