import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.raws.exposure_ids import (
    CONTROLLERS,
    InvalidExposureIdError,
    exposure_id,
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


@given(days, seqnums, controllers)
def test_an_id_ends_in_the_number_and_its_day(day_obs: int, seqnum: int, controller: str) -> None:
    thousands, rest = divmod(exposure_id(day_obs, seqnum, controller), 10**12)
    assert rest == day_obs % 10**7 * 10**5 + seqnum
    assert thousands in {2, 2 + CONTROLLERS.index(controller)}


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
