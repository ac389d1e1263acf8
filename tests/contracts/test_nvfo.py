import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from adapters.common.visit_record import UndecodableVisitError
from adapters.redis.queue.fanned_out_visit import from_fields, to_fields
from domain.errors import PromptProcessingError
from domain.visit import VisitDetector
from tests.contract_files import contract_json
from tests.strategies.visits import visit_detectors
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


def decoded(entry: dict[str, str]) -> dict[str, Any]:
    """Give the JSON object that a stream entry is the other form of."""
    return {name: text if name in TEXTS else json.loads(text) for name, text in entry.items()}


def encoded(record: dict[str, Any]) -> dict[str, str]:
    return {
        name: value if name in TEXTS and isinstance(value, str) else json.dumps(value)
        for name, value in record.items()
    }


def test_the_examples_of_the_contract_agree_and_are_written_as_they_are() -> None:
    assert to_fields(from_fields(ENTRY)) == ENTRY
    assert decoded(ENTRY) == EXAMPLE


@given(visit_detectors())
def test_a_stream_entry_survives_as_text_and_as_bytes(work: VisitDetector) -> None:
    entry = to_fields(work)
    CONTRACT.validate(decoded(entry))
    assert sorted(entry) == sorted(ENTRY)
    assert from_fields(entry) == work
    assert from_fields({name.encode(): value.encode() for name, value in entry.items()}) == work


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
def test_arbitrary_values_raise_the_projects_error_or_none(changes: dict[str, Any]) -> None:
    entry = encoded(EXAMPLE | changes)
    try:
        work = from_fields(entry)
    except PromptProcessingError:
        return
    assert CONTRACT.is_valid(decoded(entry))
    assert from_fields(to_fields(work)) == work


@given(st.dictionaries(st.binary(), st.binary()))
def test_an_arbitrary_entry_raises_the_projects_error(entry: dict[bytes, bytes]) -> None:
    with pytest.raises(PromptProcessingError):
        from_fields(entry)
