import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.raws.exposure_ids import (
    CONTROLLERS,
    InvalidExposureIdError,
    exposure_id,
    exposure_id_parts,
    parse_observation_id,
)
from tests.strategies.cameras import controllers, days, observation_ids, seqnums


@pytest.mark.parametrize(
    ("day_obs", "seqnum", "controller", "expected"),
    [
        (20260313, 217, "O", 2026031300217),
        (20260313, 217, "C", 2026031300217),
        (20260313, 217, "H", 4026031300217),
        (20260313, 217, "S", 2026031300217),
        (20231004, 1, "C", 3023100400001),
        (20231005, 1, "C", 2023100500001),
        (20250417, 99_999, "P", 5025041799999),
        (20250418, 99_999, "P", 2025041899999),
        (20250417, 1, "Q", 6025041700001),
        (20250418, 1, "Q", 2025041800001),
        (20250417, 1, "S", 7025041700001),
        (20250418, 1, "S", 2025041800001),
    ],
)
def test_controllers_leave_their_marks_until_their_dates(
    day_obs: int, seqnum: int, controller: str, expected: int
) -> None:
    assert exposure_id(day_obs, seqnum, controller) == expected
    marked = expected // 10**12 != 2
    parts = exposure_id_parts(expected)
    assert (parts.day_obs, parts.seqnum) == (day_obs, seqnum)
    assert parts.controller == (controller if marked else None)


@given(days, seqnums, controllers)
def test_an_id_gives_back_day_and_number_and_any_marked_controller(
    day_obs: int, seqnum: int, controller: str
) -> None:
    exposure = exposure_id(day_obs, seqnum, controller)
    parts = exposure_id_parts(exposure)
    assert (parts.day_obs, parts.seqnum) == (day_obs, seqnum)
    assert parts.controller in {None, controller}
    assert exposure_id(parts.day_obs, parts.seqnum, parts.controller or "O") == exposure


@given(st.one_of(st.integers(), st.integers(2 * 10**12, 8 * 10**12), st.integers(-10, 10**20)))
def test_any_number_is_an_id_or_refused(number: int) -> None:
    try:
        parts = exposure_id_parts(number)
    except InvalidExposureIdError:
        return
    assert exposure_id(parts.day_obs, parts.seqnum, parts.controller or "O") == number


@pytest.mark.parametrize(
    "number", [3026031300217, 7025041800001, 2026133100000, 2026023000000, 8026031300217]
)
def test_ids_that_no_exposure_can_have(number: int) -> None:
    with pytest.raises(InvalidExposureIdError):
        exposure_id_parts(number)


@pytest.mark.parametrize(
    ("day_obs", "seqnum", "controller", "said"),
    [
        (20261313, 1, "O", "20261313"),
        (19991231, 1, "O", "19991231"),
        (20260313, 100_000, "O", "100000"),
        (20260313, -1, "O", "-1"),
        (20260313, 1, "X", "'X'"),
        (20260313, 1, "", "''"),
        (20260313, 1, "OC", "'OC'"),
    ],
)
def test_what_cannot_be_is_named(day_obs: int, seqnum: int, controller: str, said: str) -> None:
    with pytest.raises(InvalidExposureIdError, match=said):
        exposure_id(day_obs, seqnum, controller)


@given(st.sampled_from(["MC", "AT", "TS"]).flatmap(observation_ids))
def test_observation_ids_both_ways(observation: object) -> None:
    assert parse_observation_id(str(observation)) == observation


@given(st.text() | st.from_regex(r"[A-Z]{2}_[A-Z]_[0-9]{8}_[0-9]{6}", fullmatch=True))
def test_any_text_is_an_observation_id_or_none(text: str) -> None:
    observation = parse_observation_id(text)
    if observation is None:
        return
    assert str(observation) == text
    assert observation.controller in CONTROLLERS
    assert exposure_id(observation.day_obs, observation.seqnum, observation.controller) > 0


@pytest.mark.parametrize(
    "text",
    [
        "MC_O_20260313_100000",
        "MC_X_20260313_000217",
        "MC_O_20261313_000217",
        "MC_O_20260313_217",
        "MC_O_20260313_000217 ",
        "MC_O_2026-03-13_000217",
        "MC_O_２0260313_000217",  # noqa: RUF001 - a digit, but not one of ASCII
    ],
)
def test_texts_that_are_no_observation_ids(text: str) -> None:
    assert parse_observation_id(text) is None
