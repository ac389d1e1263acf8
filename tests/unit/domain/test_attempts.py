"""The rules by which the history of a visit-detector grows."""

import datetime

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from domain.times import UtcSeconds, day_obs_of
from domain.visit import Identity
from domain.work.attempts import LeaseKey
from domain.work.history import WorkHistory
from domain.work.outcomes import Cancelled, Completed, Expired, FailedAfterChange, FailedBeforeChange, Outcome

_IDENTITY = Identity("Lowell", "g", 4)
_NOW = UtcSeconds(1.8e9)
_OUTCOMES: tuple[Outcome, ...] = (
    Completed(pipeline="p"),
    FailedBeforeChange(reason="r"),
    FailedAfterChange(reason="r"),
)
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("begin"), st.integers(0, 3), st.sampled_from("ab")),
        st.tuples(st.just("end"), st.integers(0, 4), st.sampled_from(_OUTCOMES), st.booleans()),
        st.tuples(st.just("claim"), st.integers(1, 4), st.sets(st.integers(0, 3))),
        st.tuples(st.just("requeue")),
        st.tuples(st.just("undelivered")),
        st.tuples(st.just("give up")),
    ),
    max_size=15,
)


def _after(history: WorkHistory, step: tuple[object, ...], now: UtcSeconds) -> WorkHistory:
    grown: WorkHistory | None = None
    match step:
        case ("begin", lease, origin):
            begun = history.begin("w", LeaseKey(f"{origin} {lease}", str(origin)), now)
            grown = None if begun is None else begun[0]
        case ("end", int(number), outcome, final) if isinstance(outcome, _KINDS):
            grown = history.end(number, outcome, final=bool(final), now=now)
        case ("claim", int(number), set(exposures)):
            grown = history.take_claim(number, exposures)
        case ("requeue",):
            grown = history.requeue(now)
        case ("undelivered",):
            grown = history.end_undelivered(Expired(age=1.0), now)
        case ("give up",):
            grown = history.give_up(FailedBeforeChange(reason="lost"), now)
            assert grown.last is not None
            assert grown.last.final
    return history if grown is None else grown


_KINDS = (Completed, FailedBeforeChange, FailedAfterChange)


@given(_STEPS)
def test_whatever_happens_the_history_makes_sense(steps: list[tuple[object, ...]]) -> None:
    history = WorkHistory(_IDENTITY)
    for count, step in enumerate(steps):
        before, history = history, _after(history, step, UtcSeconds(_NOW + count))
        numbers = [record.attempt.number for record in history.records]
        assert numbers == sorted(set(numbers))
        for record in history.records[:-1]:
            assert record.outcome is not None
            assert not record.final
        assert all((record.outcome is None) == (record.ended is None) for record in history.records)
        # What has ended is never rewritten, but for whether it is final.
        for old, new in zip(before.records, history.records, strict=False):
            assert old.outcome is None or (old.outcome, old.ended) == (new.outcome, new.ended)
        # A claim stays with its attempt, and only grows.
        if before.claim is not None:
            assert history.claim is not None
            assert history.claim.number == before.claim.number
            assert history.claim.exposures >= before.claim.exposures


@given(_STEPS)
def test_after_a_final_outcome_only_a_requeue_changes_anything(steps: list[tuple[object, ...]]) -> None:
    history = WorkHistory(_IDENTITY)
    for count, step in enumerate(steps):
        before, history = history, _after(history, step, UtcSeconds(_NOW + count))
        if before.last is not None and before.last.final and step[0] != "requeue":
            assert history == before


@given(_STEPS, st.integers(0, 3), st.sampled_from("ab"))
def test_to_begin_twice_is_to_begin_once(steps: list[tuple[object, ...]], lease: int, origin: str) -> None:
    history = WorkHistory(_IDENTITY)
    for count, step in enumerate(steps):
        history = _after(history, step, UtcSeconds(_NOW + count))
    held = LeaseKey(f"{origin} {lease}", origin)
    once = history.begin("w", held, _NOW)
    if once is not None:
        again = once[0].begin("w", held, _NOW)
        assert again is not None
        assert again[0] == once[0]
        assert again[1].attempt == once[1].attempt


def test_turns_count_from_one_again_after_a_requeue() -> None:
    history = WorkHistory(_IDENTITY)
    turns = []
    for number in range(1, 5):
        begun = history.begin("w", LeaseKey(str(number), "a"), _NOW)
        assert begun is not None
        turns.append((begun[1].attempt.number, begun[1].turn))
        ended = begun[0].end(number, FailedBeforeChange(reason="r"), final=False, now=_NOW)
        assert ended is not None
        history = ended.requeue(UtcSeconds(_NOW + 1)) if number == 2 else ended
    assert turns == [(1, 1), (2, 2), (3, 1), (4, 2)]


def test_a_superseded_attempt_spends_no_turn() -> None:
    history = WorkHistory(_IDENTITY)
    turns = []
    for number in range(1, 6):
        begun = history.begin("w", LeaseKey(f"lease {number}", f"origin {number}"), _NOW)
        assert begun is not None
        history, record = begun
        turns.append(record.turn)
        outcome: Outcome = FailedBeforeChange(reason="r") if number == 3 else Cancelled(superseded=True)
        ended = history.end(number, outcome, final=False, now=_NOW)
        assert ended is not None
        history = ended
    assert turns == [1, 1, 1, 2, 2]


def test_the_day_of_exposures_is_told_if_they_were_observed_again() -> None:
    _, record = WorkHistory(_IDENTITY).begin("w", LeaseKey("a 1", "a"), _NOW) or (None, None)
    assert record is not None
    ended = evolve(record, ended=UtcSeconds(_NOW + 60.0), since_shutter=40.0)
    assert (record.observed_on, ended.observed_on) == (None, None)
    again = evolve(ended, since_shutter=10 * 86_400.0)
    assert again.observed_on == day_obs_of(_NOW) - datetime.timedelta(days=10)
