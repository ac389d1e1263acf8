"""Whether visit-detectors were done within the minute."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.times import TaiSeconds, UtcSeconds, tai_from_utc
from domain.work.outcomes import (
    RULES,
    Cancelled,
    Completed,
    Duplicate,
    Expired,
    FailedAfterChange,
    FailedBeforeChange,
    Ignored,
    ImagesRejected,
    NoImages,
    Outcome,
    Poisoned,
)
from domain.work.promptness import (
    BUDGET,
    GOALS,
    MINUTE,
    Goal,
    InvalidGoalError,
    Promptness,
    promptness,
    seconds_since,
)

_OUTCOMES: dict[Outcome, Promptness | None] = {
    Ignored(reason="no pipeline"): None,
    Duplicate(reason="done"): None,
    Cancelled(): None,
    NoImages(waited=60.0): None,
    Expired(age=4000.0): Promptness.FAILED,
    ImagesRejected(snaps=()): Promptness.FAILED,
    FailedBeforeChange(reason="no stars"): Promptness.FAILED,
    FailedAfterChange(reason="APDB gone"): Promptness.FAILED,
    Poisoned(reason="unreadable"): Promptness.FAILED,
}


def test_the_parts_of_the_budget_fill_the_minute() -> None:
    assert sum(BUDGET.values()) == MINUTE


def test_there_is_a_goal_for_each_way_to_fare() -> None:
    assert set(GOALS) == set(Promptness)


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_goal_is_a_share(share: float) -> None:
    with pytest.raises(InvalidGoalError, match="between 0 and 1"):
        Goal(share, is_floor=True)


@given(st.floats(0.0, 10_000.0))
def test_what_is_completed_is_in_time_or_late_by_the_minute(seconds: float) -> None:
    expected = Promptness.IN_TIME if seconds <= 60 else Promptness.LATE
    assert promptness(Completed(pipeline="ApPipe"), seconds) is expected


def test_what_is_completed_nobody_knows_when_is_not_claimed_to_be_in_time() -> None:
    assert promptness(Completed(pipeline="ApPipe"), None) is Promptness.LATE


def test_a_night_that_is_observed_again_is_neither_in_time_nor_late() -> None:
    assert promptness(Completed(pipeline="ApPipe"), 242_485_413.2) is None


@pytest.mark.parametrize("outcome", _OUTCOMES, ids=lambda outcome: type(outcome).__name__)
@pytest.mark.parametrize("seconds", [None, 10.0, 100.0])
def test_other_outcomes_fare_the_same_at_any_time(outcome: Outcome, seconds: float | None) -> None:
    assert promptness(outcome, seconds) is _OUTCOMES[outcome]


def test_every_outcome_is_judged() -> None:
    assert {Completed, *map(type, _OUTCOMES)} == set(RULES)


@given(st.floats(0.0, 4e9), st.floats(-100.0, 1e6))
def test_the_time_since_the_shutter_is_reckoned_across_scales(closed: float, seconds: float) -> None:
    now = UtcSeconds(closed + seconds)
    since = seconds_since(tai_from_utc(UtcSeconds(closed)), now)
    assert since == pytest.approx(max(seconds, 0.0), abs=1e-5)


@pytest.mark.parametrize("closed", [float("nan"), -1e12, 1e12])
def test_a_header_without_a_time_tells_nothing(closed: float) -> None:
    assert seconds_since(TaiSeconds(closed), UtcSeconds(1.77e9)) is None
