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
        ((20260314, 131072, 0), "seq_num 131072"),
        ((20260314, 1, 512), "detector 512"),
        ((20260314, -1, 0), "seq_num -1"),
    ],
)
def test_what_does_not_fit_is_named(parts: tuple[int, int, int], message: str) -> None:
    with pytest.raises(PromptPipelinesError, match=message):
        IdFactory(*parts)


def test_more_sources_than_the_counter_holds_are_refused() -> None:
    with pytest.raises(PromptPipelinesError, match="do not fit"):
        IdFactory(20260314, 1, 0).make(4194304)
