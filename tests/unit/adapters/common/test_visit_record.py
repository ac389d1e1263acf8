from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.common.visit_record import (
    UndecodableVisitError,
    cancellation_from_record,
    record_of_visit,
    record_of_work,
    visit_from_record,
    work_from_record,
)
from domain.visit import Visit, VisitDetector
from tests.contract_files import contract_json
from tests.strategies.visits import visit_detectors, visits

EXAMPLE: dict[str, Any] = contract_json("fanned_out_visit.schema.json")["examples"][0]
FIELDS = sorted(EXAMPLE)
NOT_NUMBERS: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.text() | st.lists(st.text()) | st.just({})
)
NOT_INTEGERS = NOT_NUMBERS | st.floats(0.1, 0.9) | st.sampled_from([2**63, -(2**63) - 1])
NOT_FINITE = st.sampled_from([float("nan"), float("inf"), float("-inf"), 10**400])
NOT_TEXT = st.none() | st.booleans() | st.integers() | st.binary() | st.sampled_from(["\ud800", "a\0b"])
MALFORMED = {
    "salIndex": NOT_INTEGERS,
    "scriptSalIndex": NOT_INTEGERS,
    "groupId": NOT_TEXT | st.sampled_from(["", " "]),
    "coordinateSystem": NOT_INTEGERS | st.sampled_from([0, 5, -1]),
    "position": NOT_NUMBERS
    | st.sampled_from([[1.0], [1.0, 2.0, 3.0], [0.0, "1"], [0.0, 90.1], [0, 10**400]]),
    "startTime": NOT_NUMBERS | NOT_FINITE | st.sampled_from([-1.0, 1e11]),
    "rotationSystem": NOT_INTEGERS | st.sampled_from([0, 5]),
    "cameraAngle": NOT_NUMBERS | NOT_FINITE,
    "filters": NOT_TEXT,
    "dome": NOT_INTEGERS | st.sampled_from([0, 4]),
    "duration": NOT_NUMBERS | NOT_FINITE | st.just(-0.1),
    "nimages": NOT_INTEGERS | st.just(-1),
    "instrument": NOT_TEXT | st.sampled_from(["", "\t"]),
    "survey": NOT_TEXT,
    "totalCheckpoints": NOT_INTEGERS,
    "private_sndStamp": NOT_NUMBERS | NOT_FINITE | st.sampled_from([-1.0, 1e11]),
    "detector": NOT_INTEGERS | st.just(-1),
}


@given(visits())
def test_a_visit_survives_its_record(visit: Visit) -> None:
    assert visit_from_record(record_of_visit(visit)) == visit


@given(visit_detectors())
def test_work_survives_its_record(work: VisitDetector) -> None:
    assert work_from_record(record_of_work(work)) == work


def test_every_field_of_the_contract_has_malformed_values_here() -> None:
    assert sorted(MALFORMED) == FIELDS


@given(st.data(), st.sampled_from(FIELDS))
def test_a_malformed_field_is_one_error_that_names_it(data: st.DataObject, field: str) -> None:
    value = data.draw(MALFORMED[field])
    with pytest.raises(UndecodableVisitError) as caught:
        work_from_record(EXAMPLE | {field: value})
    assert str(caught.value).startswith(f"{field}: ")


@given(st.sets(st.sampled_from(FIELDS), min_size=1))
def test_all_missing_fields_are_named(fields: set[str]) -> None:
    record = {name: value for name, value in EXAMPLE.items() if name not in fields}
    with pytest.raises(UndecodableVisitError) as caught:
        work_from_record(record)
    assert sorted(str(caught.value).split("; ")) == sorted(f"{name}: is missing" for name in fields)


@given(st.dictionaries(st.text().filter(lambda name: name not in EXAMPLE), st.integers()))
def test_additional_fields_change_nothing(additions: dict[str, int]) -> None:
    assert work_from_record(additions | EXAMPLE) == work_from_record(EXAMPLE)


def test_an_integral_number_is_an_integer_as_in_json_schema() -> None:
    assert work_from_record(EXAMPLE | {"detector": 94.0, "dome": 2.0}) == work_from_record(EXAMPLE)


def test_an_altitude_beyond_the_zenith_is_refused_and_a_mount_position_is_not() -> None:
    with pytest.raises(UndecodableVisitError, match="position: 95"):
        visit_from_record(EXAMPLE | {"coordinateSystem": 3, "position": [0.0, 95.0]})
    assert visit_from_record(EXAMPLE | {"coordinateSystem": 4, "position": [0.0, 95.0]}).position == (
        0.0,
        95.0,
    )


@given(st.sampled_from(["salIndex", "scriptSalIndex", "groupId"]))
def test_a_cancellation_without_a_field_names_it(field: str) -> None:
    record: dict[str, object] = {"salIndex": 1, "scriptSalIndex": 2, "groupId": "g"}
    del record[field]
    with pytest.raises(UndecodableVisitError, match=f"{field}: is missing"):
        cancellation_from_record(record)
