import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from adapters.common.visit_record import UndecodableVisitError
from adapters.redis.fanned_out_visit import copies, from_fields, from_json, to_fields, to_json
from domain.errors import PromptProcessingError
from domain.visit import Visit, VisitDetector
from tests.contract_files import contract_json
from tests.strategies.visits import visit_detectors, visits
from tests.value_or_error import value_or_error

SCHEMA: dict[str, Any] = contract_json("fanned_out_visit.schema.json")
EXAMPLE: dict[str, Any] = SCHEMA["examples"][0]
ENTRY: dict[str, str] = SCHEMA["x-redis-stream-example"]
CONTRACT = Draft202012Validator(SCHEMA)
TEXTS = {"groupId", "filters", "instrument", "survey"}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def test_the_examples_of_the_contract_are_read_alike_and_written_as_they_are() -> None:
    work = from_json(json.dumps(EXAMPLE))
    assert from_fields(ENTRY) == work
    assert to_fields(work) == ENTRY
    assert json.loads(to_json(work)) == EXAMPLE


@given(visit_detectors())
def test_json_survives_and_obeys_the_schema(work: VisitDetector) -> None:
    message = to_json(work)
    CONTRACT.validate(json.loads(message))
    assert from_json(message) == work


@given(visit_detectors())
def test_a_stream_entry_survives_as_text_and_as_bytes(work: VisitDetector) -> None:
    entry = to_fields(work)
    assert sorted(entry) == sorted(ENTRY)
    assert from_fields(entry) == work
    assert from_fields({name.encode(): value.encode() for name, value in entry.items()}) == work


@given(visits(), st.lists(st.integers(0, 300), unique=True))
def test_copies_differ_in_nothing_but_the_detector(visit: Visit, detectors: list[int]) -> None:
    entries = copies(visit, detectors)
    assert [from_fields(entry) for entry in entries] == [VisitDetector(visit, each) for each in detectors]


@given(
    st.sampled_from(sorted(ENTRY)), st.sampled_from(["", "x", "[", "true", "null", "NaN", "[1]", "[" * 9999])
)
def test_a_malformed_text_names_its_field(field: str, text: str) -> None:
    match value_or_error(from_fields, ENTRY | {field: text}):
        case PromptProcessingError() as error:
            assert str(error).startswith(f"{field}: ")
        case work:
            assert field in TEXTS
            assert to_fields(work)[field] == text


def test_bytes_that_are_no_text_name_their_field() -> None:
    entry = {name.encode(): value.encode() for name, value in ENTRY.items()}
    with pytest.raises(UndecodableVisitError, match=r"^survey: is not UTF-8"):
        from_fields(entry | {b"survey": b"\xff"})


@given(st.dictionaries(st.sampled_from(sorted(EXAMPLE)), json_values))
def test_arbitrary_json_raises_the_projects_error_or_none(changes: dict[str, Any]) -> None:
    message = json.dumps(EXAMPLE | changes)
    try:
        work = from_json(message)
    except PromptProcessingError:
        return
    assert CONTRACT.is_valid(json.loads(message))
    assert from_json(to_json(work)) == work


@given(st.binary() | json_values.map(lambda value: json.dumps(value).encode()) | st.just(b"[" * 100_000))
def test_what_is_no_visit_raises_the_projects_error(message: bytes) -> None:
    with pytest.raises(PromptProcessingError):
        from_json(message)


@given(st.dictionaries(st.binary(), st.binary()))
def test_an_arbitrary_entry_raises_the_projects_error(entry: dict[bytes, bytes]) -> None:
    with pytest.raises(PromptProcessingError):
        from_fields(entry)
