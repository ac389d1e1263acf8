"""Single rules; `test_expectation_model` tries them in any order."""

from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from domain.raws.expectation import (
    Arrival,
    Expectation,
    NotAwaitingIngestError,
    image_deadline,
)
from domain.raws.raws import RawImage
from domain.times import UtcSeconds, tai_from_utc
from domain.visit import InvalidVisitError, Visit
from tests.strategies.visits import instants, visits
from tests.unit.domain.expectations import exposure_of, raw_of, work_of


def given_and_ingested(expectation: Expectation, raw: RawImage, now: float) -> Expectation:
    expectation, arrival = expectation.arrived(raw, now)
    assert arrival is Arrival.NEW
    return expectation.ingested(exposure_of(raw))[0]


@st.composite
def shuffled_snaps(draw: st.DrawFn) -> tuple[int, list[RawImage]]:
    """Announced snaps in any order, each at least once."""
    nimages = draw(st.integers(1, 5))
    snaps = [raw_of(100 + snap, snap) for snap in range(nimages)]
    return nimages, draw(st.permutations(snaps + draw(st.lists(st.sampled_from(snaps)))))


@given(shuffled_snaps())
def test_all_announced_snaps_end_the_wait_in_any_order_and_however_often(
    heard: tuple[int, list[RawImage]],
) -> None:
    nimages, raws = heard
    expectation = Expectation.of(work_of(nimages), deadline=100.0, grace=2.0)
    seen: set[int] = set()
    for raw in raws:
        assert expectation.is_over(1.0) == (len(seen) == nimages)
        expectation, arrival = expectation.arrived(raw, 1.0)
        assert arrival is (Arrival.REPEATED if raw.exposure in seen else Arrival.NEW)
        if arrival is Arrival.NEW:
            expectation, _ = expectation.ingested(exposure_of(raw))
        seen.add(raw.exposure)
        assert set(expectation.missing) == {snap for snap in range(nimages) if 100 + snap not in seen}
    assert expectation.is_over(1.0)
    assert [exposure.snap for exposure in expectation.accepted] == list(range(nimages))


def test_a_partial_set_waits_for_the_deadline_and_is_kept() -> None:
    expectation = given_and_ingested(Expectation.of(work_of(2), 100.0, 2.0), raw_of(7, snap=1), now=1.0)
    assert not expectation.is_over(99.9)
    assert expectation.is_over(100.0)
    assert [exposure.exposure for exposure in expectation.accepted] == [7]
    assert expectation.missing == (0,)


def test_two_exposures_of_one_snap_stand_in_for_no_other() -> None:
    expectation = Expectation.of(work_of(2), 100.0, 2.0)
    for number in (7, 8):
        expectation = given_and_ingested(expectation, raw_of(number, snap=0), now=1.0)
    assert not expectation.is_over(1.0)
    expectation = given_and_ingested(expectation, raw_of(9, snap=1), now=1.0)
    assert expectation.is_over(1.0)
    assert [exposure.exposure for exposure in expectation.accepted] == [7, 8, 9]


def test_a_snap_beyond_the_announced_is_processed_and_ends_nothing() -> None:
    expectation = given_and_ingested(Expectation.of(work_of(1), 100.0, 2.0), raw_of(7, snap=1), now=1.0)
    assert not expectation.is_over(1.0)
    assert len(expectation.accepted) == 1


def test_with_an_unknown_number_the_first_snap_ends_the_wait_after_a_grace() -> None:
    expectation = Expectation.of(work_of(0), 100.0, grace=2.0)
    assert expectation.wait_until == 100.0
    expectation = given_and_ingested(expectation, raw_of(7), now=10.0)
    expectation = given_and_ingested(expectation, raw_of(8, snap=1), now=11.0)
    assert expectation.wait_until == 12.0
    assert expectation.missing == (2,)
    expectation, arrival = expectation.arrived(raw_of(9, snap=2), 12.0)
    assert arrival is Arrival.LATE


@pytest.mark.parametrize("nimages", [0, 1])
def test_while_a_snap_is_being_ingested_the_wait_stays_open(nimages: int) -> None:
    first, second = raw_of(7), raw_of(8, snap=1)
    expectation, _ = Expectation.of(work_of(nimages), 100.0, grace=2.0).arrived(first, 1.0)
    expectation, _ = expectation.arrived(second, 2.0)
    expectation, _ = expectation.ingested(exposure_of(first))
    assert not expectation.is_over(50.0)
    assert expectation.is_over(100.0)
    expectation, _ = expectation.ingested(exposure_of(second))
    assert expectation.is_over(50.0)


def test_accepted_exposures_stand_in_the_order_of_their_snaps() -> None:
    expectation = Expectation.of(work_of(2), 100.0, 2.0)
    for number, snap in ((7, 1), (8, 0)):
        expectation = given_and_ingested(expectation, raw_of(number, snap), now=1.0)
    assert [exposure.exposure for exposure in expectation.accepted] == [8, 7]


def test_the_grace_never_outlasts_the_deadline() -> None:
    expectation = given_and_ingested(Expectation.of(work_of(0), 100.0, 50.0), raw_of(7), now=99.0)
    assert expectation.wait_until == 100.0


def test_an_unreadable_first_snap_does_not_start_the_grace() -> None:
    expectation, _ = Expectation.of(work_of(0), 100.0, grace=2.0).arrived(raw_of(7), 10.0)
    expectation = expectation.unreadable(7, "truncated")
    assert expectation.wait_until == 100.0
    assert expectation.missing == (0,)


def test_a_newer_version_gives_an_unreadable_raw_another_chance() -> None:
    expectation, _ = Expectation.of(work_of(1), 100.0, 2.0).arrived(raw_of(7, version="a"), 1.0)
    expectation = expectation.unreadable(7, "truncated")
    assert [rejection.reason for rejection in expectation.rejected] == ["truncated"]
    assert not expectation.is_over(1.0)
    expectation, arrival = expectation.arrived(raw_of(7, version="a"), 2.0)
    assert arrival is Arrival.REPEATED
    newest = raw_of(7, version="b")
    expectation, arrival = expectation.arrived(newest, 3.0)
    assert arrival is Arrival.REWRITTEN_BEFORE_INGEST
    assert expectation.pending == (newest,)
    expectation, verdict = expectation.ingested(exposure_of(newest))
    assert verdict.accepted
    assert expectation.is_over(3.0)
    assert expectation.rejected == ()


def test_after_ingest_a_newer_version_changes_nothing() -> None:
    before = given_and_ingested(Expectation.of(work_of(2), 100.0, 2.0), raw_of(7, version="a"), now=1.0)
    after, arrival = before.arrived(raw_of(7, version="b"), 2.0)
    assert arrival is Arrival.REWRITTEN_AFTER_INGEST
    assert (after.accepted, after.pending) == (before.accepted, before.pending)
    assert after.arrived(raw_of(7, version="b"), 2.0)[1] is Arrival.REPEATED


@pytest.mark.parametrize(("first", "second"), [("", "a"), ("a", "")])
def test_a_find_without_a_version_is_no_rewrite(first: str, second: str) -> None:
    expectation, _ = Expectation.of(work_of(1), 100.0, 2.0).arrived(raw_of(7, version=first), 1.0)
    assert expectation.arrived(raw_of(7, version=second), 1.0)[1] is Arrival.REPEATED


@pytest.mark.parametrize("foreign", [{"group": "other"}, {"detector": 5}, {"instrument": "other"}])
def test_raws_of_others_are_foreign(foreign: dict[str, Any]) -> None:
    expectation = Expectation.of(work_of(1), 100.0, 2.0)
    assert expectation.arrived(raw_of(7, **foreign), 1.0) == (expectation, Arrival.FOREIGN)


@pytest.mark.parametrize("wrong", [{"group": "other"}, {"detector": 5}, {"instrument": "other"}])
def test_an_exposure_whose_header_names_another_visit_is_rejected(wrong: dict[str, Any]) -> None:
    expectation, _ = Expectation.of(work_of(1), 100.0, 2.0).arrived(raw_of(7), 1.0)
    expectation, verdict = expectation.ingested(evolve(exposure_of(raw_of(7)), **wrong))
    assert not verdict.accepted
    assert [rejection.reason for rejection in expectation.rejected] == [verdict.reason]
    assert expectation.is_over(1.0)


def test_an_exposure_may_have_another_number_in_its_header_than_in_its_key() -> None:
    expectation, _ = Expectation.of(work_of(1), 100.0, 2.0).arrived(raw_of(7), 1.0)
    stamped = evolve(exposure_of(raw_of(7)), exposure=20230301121314)
    with pytest.raises(NotAwaitingIngestError, match="20230301121314"):
        expectation.ingested(stamped)
    expectation, _ = expectation.ingested(stamped, known_as=7)
    assert expectation.accepted == (stamped,)


def test_what_is_not_pending_cannot_be_judged() -> None:
    expectation = given_and_ingested(Expectation.of(work_of(2), 100.0, 2.0), raw_of(7), now=1.0)
    with pytest.raises(NotAwaitingIngestError, match="it is accepted"):
        expectation.unreadable(7, "truncated")
    with pytest.raises(NotAwaitingIngestError, match="never came"):
        expectation.ingested(exposure_of(raw_of(8)))


def test_many_snaps_are_looked_for_in_portions_and_no_more_than_a_thousand() -> None:
    assert Expectation.of(work_of(1000), 100.0, 2.0).missing == tuple(range(100))
    with pytest.raises(InvalidVisitError, match="nimages: 1001 is more than 1000"):
        work_of(1001)


@pytest.mark.parametrize("name", ["instrument", "group", "filters", "survey"])
def test_no_name_is_endless(name: str) -> None:
    changed: Any = {name: "x" * 1001}
    with pytest.raises(InvalidVisitError, match=f"{name}: has 1001 characters"):
        evolve(work_of(1).visit, **changed)


seconds = st.floats(0, 1e5)


@given(visits(), instants(), seconds, seconds, seconds)
def test_the_deadline_leaves_time_for_the_script_and_never_outlasts_the_worker(
    visit: Visit, received: float, duration: float, image_timeout: float, worker_timeout: float
) -> None:
    receipt = UtcSeconds(received)
    visit = evolve(visit, duration=duration)
    ends = image_deadline(visit, receipt, image_timeout, worker_timeout)
    assert receipt <= ends <= receipt + worker_timeout
    if ends < receipt + worker_timeout:
        assert ends >= receipt + 2 * duration + image_timeout - 1e-3
        script_ends = visit.start_time + duration + image_timeout
        assert tai_from_utc(ends) >= script_ends - 1e-3


def test_the_deadline_counts_from_the_start_in_tai_if_that_is_later() -> None:
    visit = evolve(work_of(1).visit, duration=30.0)
    start = tai_from_utc(UtcSeconds(1_773_454_600.0))
    visit = evolve(visit, start_time=start)
    assert image_deadline(visit, UtcSeconds(1_773_454_500.0), 20.0, 900.0) == 1_773_454_650.0
    assert image_deadline(visit, UtcSeconds(1_773_454_599.0), 20.0, 900.0) == 1_773_454_679.0
    assert image_deadline(visit, UtcSeconds(1_773_454_599.0), 20.0, 60.0) == 1_773_454_659.0


def test_a_raw_that_could_not_be_fetched_is_new_again_and_never_late() -> None:
    expectation, first = Expectation.of(work_of(1), 100.0, 2.0), raw_of(7, snap=0)
    expectation, arrival = expectation.arrived(first, 1.0)
    assert arrival is Arrival.NEW
    expectation = expectation.unavailable(first.exposure)
    assert not expectation.pending
    again, arrival = expectation.arrived(first, 2.0)
    assert arrival is Arrival.NEW
    assert again.pending == (first,)
    expectation, arrival = expectation.arrived(first, expectation.deadline + 1)
    assert arrival is Arrival.REPEATED
    assert not expectation.late
    with pytest.raises(NotAwaitingIngestError):
        expectation.unavailable(first.exposure)


def test_the_deadline_is_only_ever_put_off() -> None:
    expectation = Expectation.of(work_of(1), 100.0, 2.0)
    assert expectation.lasting_until(expectation.deadline - 1) == expectation
    assert expectation.lasting_until(expectation.deadline + 1).deadline == expectation.deadline + 1
