from attrs import evolve
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.raws.raws import RawImage, RawKey
from domain.times import UtcSeconds, tai_from_utc
from domain.visit import Identity
from domain.work.attempts import Attempt, AttemptRecord
from domain.work.outcomes import (
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
    PermanentFailure,
    SnapResult,
    SnapStatus,
    UnknownStatus,
)
from domain.work.reconciliation import (
    LONGEST_REQUEUE,
    Evidence,
    LandedRaw,
    Why,
    unprocessed_images,
    why_not_requeued,
)
from tests.contract_suites.samples import a_visit

NOW = UtcSeconds(1_773_490_000.0)
NIGHT = UtcSeconds(NOW - 40_000.0)
IDENTITY = Identity("Lowell", "g", 4)
VISIT = a_visit(group="g", sent=tai_from_utc(UtcSeconds(NOW - 30_000.0)))
EXPOSURES = range(101, 106)
RESULTS = (*SnapStatus, UnknownStatus("overexposed"))

snaps = st.lists(
    st.builds(SnapResult, exposure=st.sampled_from(EXPOSURES), result=st.sampled_from(RESULTS)),
    unique_by=lambda snap: snap.exposure,
    max_size=4,
).map(tuple)
repairable: st.SearchStrategy[Outcome] = st.one_of(
    st.builds(Expired, age=st.floats(0, 1e5)),
    st.builds(NoImages, waited=st.floats(0, 900)),
    st.builds(FailedBeforeChange, reason=st.just("disk full"), snaps=snaps),
)
hopeless: st.SearchStrategy[Outcome] = st.one_of(
    st.builds(Completed, pipeline=st.just("ApPipe"), snaps=snaps),
    st.builds(Ignored, reason=st.just("nothing to run")),
    st.builds(Duplicate, reason=st.just("attempt 1 completed")),
    st.builds(Cancelled),
    st.builds(FailedBeforeChange, reason=st.just("no"), never=st.sampled_from(PermanentFailure), snaps=snaps),
)
outcomes = st.one_of(
    repairable,
    hopeless,
    st.builds(ImagesRejected, snaps=snaps),
    st.builds(FailedAfterChange, reason=st.just("killed"), snaps=snaps),
)


@st.composite
def records(draw: st.DrawFn, outcome: st.SearchStrategy[Outcome] = outcomes) -> AttemptRecord:
    """A final record."""
    ended = UtcSeconds(NOW - draw(st.integers(0, 30_000)))
    return AttemptRecord(
        attempt=Attempt(IDENTITY, draw(st.integers(0, 3))),
        worker="w",
        begun=UtcSeconds(ended - 60),
        ended=ended,
        outcome=draw(outcome),
        final=True,
    )


@st.composite
def landed(draw: st.DrawFn) -> tuple[LandedRaw, ...]:
    exposures = draw(st.lists(st.sampled_from(EXPOSURES), unique=True, min_size=1))
    times = st.none() | st.integers(0, 30_000).map(lambda ago: UtcSeconds(NOW - ago))
    return tuple(
        LandedRaw(
            raw=RawImage(
                key=RawKey(key=f"k{exposure}", instrument="Lowell", detector=4),
                uri=f"s3://images/k{exposure}",
                exposure=exposure,
                group="g",
                snap=0,
            ),
            landed=draw(times),
        )
        for exposure in exposures
    )


def any_record() -> st.SearchStrategy[AttemptRecord | None]:
    """No record, a final one, one that is not, or that of an attempt under way."""
    unfinished = records().map(lambda one: evolve(one, final=False))
    under_way = records().map(lambda one: evolve(one, final=False, outcome=None, ended=None))
    return st.one_of(st.none(), records(), unfinished, under_way)


def evidences(record: st.SearchStrategy[AttemptRecord | None]) -> st.SearchStrategy[Evidence]:
    """Evidence of any kind, but for what a test chooses."""
    return st.builds(
        Evidence,
        identity=st.just(IDENTITY),
        images=landed(),
        record=record,
        is_queued=st.booleans(),
        visit=st.sampled_from([VISIT, None]),
    )


def hindered(evidence: Evidence, *, is_claimed: bool = False, night: UtcSeconds = NIGHT) -> str:
    images = unprocessed_images(evidence, NOW)
    return why_not_requeued(evidence, images, is_claimed=is_claimed, night_began=night, now=NOW)


@given(evidences(any_record()))
def test_each_image_is_listed_once_at_most(evidence: Evidence) -> None:
    listed = [one.image for one in unprocessed_images(evidence, NOW)]
    assert len(set(listed)) == len(listed)
    assert set(listed) <= set(evidence.images)


@given(evidences(any_record()))
def test_what_is_in_the_queue_is_left_alone(evidence: Evidence) -> None:
    evidence = evolve(evidence, is_queued=True)
    assert unprocessed_images(evidence, NOW) == ()
    assert hindered(evidence)


@given(evidences(any_record()), st.booleans())
def test_nothing_is_put_back_that_may_have_changed_something(evidence: Evidence, is_claimed: bool) -> None:
    completed = evidence.record is not None and isinstance(evidence.record.outcome, Completed)
    assume(is_claimed or completed)
    assert hindered(evidence, is_claimed=is_claimed)


@given(evidences(any_record()), st.integers(1, 10**7))
def test_nothing_is_put_back_that_claims_may_have_forgotten(evidence: Evidence, more: int) -> None:
    assert hindered(evidence, night=UtcSeconds(NOW - LONGEST_REQUEUE - more))


@given(evidences(any_record()))
def test_nothing_is_put_back_that_was_never_announced(evidence: Evidence) -> None:
    evidence = evolve(evidence, visit=None)
    assert hindered(evidence)
    if evidence.record is None:
        whys = {one.why for one in unprocessed_images(evidence, NOW)}
        assert whys == (set() if evidence.is_queued else {Why.NEVER_ANNOUNCED})


@given(evidences(records(st.builds(Completed, pipeline=st.just("ApPipe"), snaps=snaps))))
def test_of_a_completed_visit_all_but_the_completed_images_are_listed(evidence: Evidence) -> None:
    evidence = evolve(evidence, is_queued=False)
    assert evidence.record is not None
    assert isinstance(evidence.record.outcome, Completed)
    results = {snap.exposure: snap.result for snap in evidence.record.outcome.snaps}
    listed = {one.image.raw.exposure: one.why for one in unprocessed_images(evidence, NOW)}
    for image in evidence.images:
        exposure = image.raw.exposure
        match results.get(exposure, SnapStatus.LATE):
            case SnapStatus.COMPLETED:
                assert exposure not in listed
            case SnapStatus.FAILED:
                assert listed[exposure] is Why.FAILED
            case SnapStatus.LATE:
                assert listed[exposure] is Why.LATE
            case _:
                assert listed[exposure] is Why.REJECTED


@given(evidences(records(repairable)))
def test_what_another_attempt_can_mend_may_be_put_back(evidence: Evidence) -> None:
    evidence = evolve(evidence, is_queued=False, visit=VISIT)
    listed = unprocessed_images(evidence, NOW)
    assert [one.image for one in listed] == list(evidence.images)
    assert hindered(evidence) == ""


@given(evidences(records(hopeless)))
def test_what_another_attempt_cannot_mend_is_not_put_back(evidence: Evidence) -> None:
    images = unprocessed_images(evidence, NOW)
    late = [one for one in images if one.why is Why.LATE]
    assume(not late)
    assert hindered(evidence)


@given(evidences(records(st.builds(ImagesRejected, snaps=snaps))))
def test_after_rejected_images_only_others_are_reason_enough(evidence: Evidence) -> None:
    evidence = evolve(evidence, is_queued=False, visit=VISIT)
    images = unprocessed_images(evidence, NOW)
    assert (not hindered(evidence)) == any(one.why is not Why.REJECTED for one in images)


@given(evidences(records(st.just(NoImages(waited=100.0)))))
def test_an_image_is_late_if_it_landed_after_the_wait(evidence: Evidence) -> None:
    evidence = evolve(evidence, is_queued=False)
    assert evidence.record is not None
    assert evidence.record.ended is not None
    for one in unprocessed_images(evidence, NOW):
        came = one.image.landed
        assert (one.why is Why.LATE) == (came is not None and came > evidence.record.ended)


@given(landed(), st.sampled_from(["none", "open", "retry"]))
def test_what_is_in_nobody_s_hands_is_lost_and_may_be_put_back(
    images: tuple[LandedRaw, ...], kind: str
) -> None:
    opened = AttemptRecord(attempt=Attempt(IDENTITY, 1), worker="w", begun=UtcSeconds(NOW - 900))
    failed = evolve(opened, outcome=FailedBeforeChange(reason="killed"), ended=UtcSeconds(NOW - 800))
    record = {"none": None, "open": opened, "retry": failed}[kind]
    evidence = Evidence(identity=IDENTITY, images=images, record=record, is_queued=False, visit=VISIT)
    assert {one.why for one in unprocessed_images(evidence, NOW)} == {Why.LOST}
    assert hindered(evidence) == ""
    fresh = evolve(VISIT, sent=tai_from_utc(UtcSeconds(NOW - 10)))
    assert bool(unprocessed_images(evolve(evidence, visit=fresh), NOW)) == (record is not None)
