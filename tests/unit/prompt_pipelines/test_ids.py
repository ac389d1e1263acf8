"""Source ids."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompt_pipelines.errors import PromptPipelinesError
from prompt_pipelines.ids import IdFactory, UnpackedId, unpack

DATES = st.dates(datetime.date(2000, 1, 1), datetime.date(2089, 9, 18))


@given(DATES, st.integers(0, 131071), st.integers(0, 511), st.integers(0, 4194303))
def test_an_id_gives_its_parts_back(date: datetime.date, seq_num: int, detector: int, counter: int) -> None:
    day_obs = date.year * 10000 + date.month * 100 + date.day
    (made,) = IdFactory(day_obs, seq_num, detector).make(1, first=counter)
    assert 0 <= int(made) < 2**63
    assert unpack(int(made)) == UnpackedId(day_obs, seq_num, detector, counter)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ((20261332, 1, 0), "no such day_obs"),
        ((19991231, 1, 0), "day_obs"),
        ((20260314, 1, 512), "detector 512"),
        ((20260314, -1, 0), "seq_num -1"),
    ],
)
def test_what_does_not_fit_is_named(parts: tuple[int, int, int], message: str) -> None:
    with pytest.raises(PromptPipelinesError, match=message):
        IdFactory(*parts)


def test_exposures_of_a_day_differ_though_they_are_counted_over_a_cameras_life() -> None:
    made = {int(IdFactory(20260314, number, 3).make(1)[0]) for number in range(1_300_000, 1_302_000)}
    assert len(made) == 2000
    assert unpack(made.pop()).detector == 3


def test_visits_without_a_number_within_the_day_differ_by_their_id() -> None:
    made = {int(IdFactory.of_visit(20260314, 0, visit, 3).make(1)[0]) for visit in (4010003, 4010004)}
    assert len(made) == 2
    numbered = IdFactory.of_visit(20260314, 217, 4010003, 3).make(1)
    assert numbered == IdFactory(20260314, 217, 3).make(1)


def test_more_sources_than_the_counter_holds_are_refused() -> None:
    with pytest.raises(PromptPipelinesError, match="do not fit"):
        IdFactory(20260314, 1, 0).make(4194304)
