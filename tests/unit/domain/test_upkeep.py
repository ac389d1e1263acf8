"""Jobs come due with new frames, and no more than once for the same ones."""

from hypothesis import given
from hypothesis import strategies as st

from domain.times import UtcSeconds
from domain.upkeep import (
    Job,
    JobEnding,
    JobKind,
    JobRecord,
    TakenFrames,
    begin_of_night,
    due,
    is_idle,
)

ALL = frozenset(JobKind)
NIGHTS = st.sampled_from([20261128, 20261129, 20261130, 20261201])
FRAMES = st.dictionaries(NIGHTS, st.frozensets(st.sampled_from("abcdef"), min_size=1))


@st.composite
def night_frames(draw: st.DrawFn) -> TakenFrames:
    return TakenFrames(draw(FRAMES), draw(FRAMES))


def ended(job: Job, ending: JobEnding = JobEnding.DONE) -> JobRecord:
    return JobRecord(job=job, ending=ending, said="", ended=UtcSeconds(0.0))


def do_all(frames: TakenFrames, done: list[JobRecord], tonight: int, ending: JobEnding) -> list[Job]:
    """Do jobs until none is due; a record takes the place of the one of its kind and night."""
    did: list[Job] = []
    while jobs := due(frames, done, tonight=tonight, kinds=ALL):
        did.append(jobs[0])
        done[:] = [one for one in done if (one.job.kind, one.job.night) != (jobs[0].kind, jobs[0].night)]
        done.append(ended(jobs[0], ending))
        assert len(did) < 20
    return did


@given(night_frames(), NIGHTS, st.sampled_from(JobEnding))
def test_every_night_is_done_once_whatever_comes_of_it(
    frames: TakenFrames, tonight: int, ending: JobEnding
) -> None:
    done: list[JobRecord] = []
    did = do_all(frames, done, tonight, ending)
    masters = [job.night for job in did if job.kind is JobKind.CALIBRATIONS]
    assert masters == sorted(frames.calibrations)
    before = [night for night in frames.science if night < tonight]
    for kind in (JobKind.TRACKLETS, JobKind.TEMPLATES):
        assert [job.night for job in did if job.kind is kind] == ([max(before)] if before else [])
    assert due(frames, done, tonight=tonight, kinds=ALL) == ()


@given(night_frames(), NIGHTS, NIGHTS, st.booleans())
def test_a_new_frame_makes_what_it_has_a_part_in_due_again_and_nothing_else(
    frames: TakenFrames, tonight: int, night: int, is_science: bool
) -> None:
    done: list[JobRecord] = []
    do_all(frames, done, tonight, JobEnding.FAILED)
    nights = dict(frames.science if is_science else frames.calibrations)
    nights[night] = nights.get(night, frozenset()) | {"new"}
    grown = TakenFrames(nights, frames.calibrations) if is_science else TakenFrames(frames.science, nights)
    again = due(grown, done, tonight=tonight, kinds=ALL)
    if is_science:
        is_last = night < tonight and night == max(one for one in nights if one < tonight)
        expected = [JobKind.TRACKLETS] * is_last + [JobKind.TEMPLATES] * (night < tonight)
        assert [job.kind for job in again] == expected
    else:
        assert [(job.kind, job.night) for job in again] == [(JobKind.CALIBRATIONS, night)]


@given(night_frames(), NIGHTS, st.frozensets(st.sampled_from(JobKind)))
def test_only_wanted_jobs_are_due(frames: TakenFrames, tonight: int, kinds: frozenset[JobKind]) -> None:
    assert {job.kind for job in due(frames, [], tonight=tonight, kinds=kinds)} <= kinds


def test_a_site_is_idle_when_nothing_waits_and_no_frame_came_for_a_while() -> None:
    now = UtcSeconds(1000.0)
    assert is_idle(now, UtcSeconds(400.0), 0, 600.0)
    assert not is_idle(now, UtcSeconds(401.0), 0, 600.0)
    assert not is_idle(now, UtcSeconds(0.0), 1, 600.0)


def test_a_night_begins_at_the_hour_of_the_camera() -> None:
    noon = begin_of_night(20261130, 12.0)
    assert begin_of_night(20261201, 12.0) - noon == 86_400.0
    assert begin_of_night(20261130, 20.0) - noon == 8 * 3600.0
