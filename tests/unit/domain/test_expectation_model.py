"""Expectation against a simple model, under any order, duplication and loss."""

import math
from typing import Any

from attrs import define, field
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from domain.raws.expectation import Arrival, Expectation
from tests.unit.domain.expectations import exposure_of, raw_of, work_of

DEADLINE = 20.0
EXPOSURES = range(6)
VERSIONS = ["", "a", "b", "c"]


@define
class Known:
    """What the model remembers of an exposure."""

    snap: int
    arrival: float
    state: str
    versions: set[str] = field(factory=set)


class ExpectationMachine(RuleBasedStateMachine):
    """Raws come, are ingested or fail, and time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.model: dict[int, Known] = {}
        self.was_over = False

    @initialize(
        nimages=st.integers(0, 3),
        grace=st.sampled_from([0.0, 2.0, 50.0]),
        snaps=st.lists(st.integers(0, 3), min_size=len(EXPOSURES), max_size=len(EXPOSURES)),
    )
    def begin(self, nimages: int, grace: float, snaps: list[int]) -> None:
        self.nimages, self.grace, self.snaps = nimages, grace, snaps
        self.expectation = Expectation.of(work_of(nimages), DEADLINE, grace)

    @rule(seconds=st.sampled_from([0.0, 0.5, 2.0, 10.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(exposure=st.sampled_from(EXPOSURES), version=st.sampled_from(VERSIONS))
    def a_raw_arrives(self, exposure: int, version: str) -> None:
        expected = self.model_arrival(exposure, version)
        raw = raw_of(exposure, self.snaps[exposure], version=version)
        self.expectation, arrival = self.expectation.arrived(raw, self.now)
        assert arrival is expected

    @rule(exposure=st.sampled_from(EXPOSURES), other=st.sampled_from(["group", "instrument"]))
    def anothers_raw_arrives(self, exposure: int, other: str) -> None:
        foreign: dict[str, Any] = {other: "other"}
        same, arrival = self.expectation.arrived(raw_of(exposure, **foreign), self.now)
        assert arrival is Arrival.FOREIGN
        assert same == self.expectation

    @precondition(lambda self: self.expectation.pending)
    @rule(data=st.data(), off=st.sampled_from([0.0, 0.9, -0.9, 1.1, 180.0, 360.0, None]))
    def a_pending_raw_is_ingested(self, data: st.DataObject, off: float | None) -> None:
        raw = data.draw(st.sampled_from(self.expectation.pending))
        angle = None if off is None else self.expectation.work.visit.camera_angle + off
        self.expectation, verdict = self.expectation.ingested(exposure_of(raw, angle))
        fits = off in {0.0, 0.9, -0.9, 360.0}
        assert verdict.accepted == fits
        self.model[raw.exposure].state = "accepted" if fits else "rejected"

    @precondition(lambda self: self.expectation.pending)
    @rule(data=st.data())
    def a_pending_raw_cannot_be_read(self, data: st.DataObject) -> None:
        raw = data.draw(st.sampled_from(self.expectation.pending))
        self.expectation = self.expectation.unreadable(raw.exposure, "truncated")
        self.model[raw.exposure].state = "unreadable"

    @invariant()
    def every_exposure_is_reported_once_and_where_the_model_has_it(self) -> None:
        reported = {
            "pending": [raw.exposure for raw in self.expectation.pending],
            "accepted": [exposure.exposure for exposure in self.expectation.accepted],
            "rejected": [rejection.raw.exposure for rejection in self.expectation.rejected],
            "late": [raw.exposure for raw in self.expectation.late],
        }
        known = {
            state: sorted(number for number, one in self.model.items() if one.state in states)
            for state, states in {
                "pending": {"pending"},
                "accepted": {"accepted"},
                "rejected": {"rejected", "unreadable"},
                "late": {"late"},
            }.items()
        }
        assert {state: sorted(numbers) for state, numbers in reported.items()} == known

    @invariant()
    def the_wait_is_over_when_the_model_says_so_and_stays_so(self) -> None:
        assert self.expectation.is_over(self.now) == self.model_is_over()
        assert self.model_is_over() or not self.was_over
        self.was_over = self.model_is_over()

    @invariant()
    def the_caller_is_told_how_long_to_wait(self) -> None:
        until = self.expectation.wait_until
        assert until <= DEADLINE
        if not self.expectation.is_over(self.now):
            assert not self.expectation.is_over(math.nextafter(until, -math.inf))
            assert self.expectation.is_over(until)

    @invariant()
    def what_is_missing_has_not_come(self) -> None:
        here = {one.snap for one in self.model.values() if one.state in {"pending", "accepted", "rejected"}}
        missing = self.expectation.missing
        assert not here.intersection(missing)
        if self.nimages:
            assert here.union(missing).issuperset(range(self.nimages))
        else:
            assert here.issuperset(range(missing[0]))

    def model_is_over(self) -> bool:
        if self.now >= DEADLINE:
            return True
        ones = list(self.model.values())
        if any(one.state == "pending" for one in ones):
            return False
        come = [one for one in ones if one.state in {"accepted", "rejected"}]
        if self.nimages:
            return all(any(one.snap == snap for one in come) for snap in range(self.nimages))
        return any(self.now >= one.arrival + self.grace for one in come)

    def model_arrival(self, exposure: int, version: str) -> Arrival:
        known = self.model.get(exposure)
        if known is None:
            over = self.model_is_over()
            state = "late" if over else "pending"
            self.model[exposure] = Known(self.snaps[exposure], self.now, state, {version})
            return Arrival.LATE if over else Arrival.NEW
        if version == "" or version in known.versions:
            return Arrival.REPEATED
        only_unnamed = known.versions == {""}
        known.versions.add(version)
        if known.state == "unreadable":
            if self.model_is_over():
                return Arrival.LATE
            known.state = "pending"
            return Arrival.REWRITTEN_BEFORE_INGEST
        if only_unnamed:
            return Arrival.REPEATED
        return {
            "pending": Arrival.REWRITTEN_BEFORE_INGEST,
            "late": Arrival.LATE,
        }.get(known.state, Arrival.REWRITTEN_AFTER_INGEST)


TestExpectation = ExpectationMachine.TestCase
