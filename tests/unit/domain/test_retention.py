"""Of old raws go those that nobody needs, and only those."""

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from domain.raws.frame_files import Ending, FrameFile, FrameRecord, TakenFrame
from domain.retention import first_kept, removable_raws
from domain.times import UtcSeconds
from domain.upkeep import JobEnding, JobKind, JobRecord, TakenFrames, due, mastered_nights
from domain.visit import Identity
from tests.contract_suites.samples import an_exposure

NIGHTS = (20261128, 20261129, 20261130, 20261201)


@st.composite
def records(draw: st.DrawFn) -> FrameRecord:
    """Draw a file, whose detectors have one key."""
    number = draw(st.integers(1, 9))
    night = draw(st.sampled_from(NIGHTS))
    detectors = draw(st.sets(st.integers(0, 3), min_size=1))
    path = f"/in/{night}-{number}.fits"
    frames = tuple(
        TakenFrame(
            path=path,
            key=f"{night}/{number}.fits",
            exposure=evolve(an_exposure(number, detector=detector), day_obs=night, group=f"{night}-{number}"),
        )
        for detector in sorted(detectors)
    )
    file = FrameFile(path=path, size=1, modified_ns=number)
    ending = draw(st.sampled_from([ending for ending in Ending if ending.is_kept]))
    return FrameRecord(file=file, ending=ending, frames=frames, noted=UtcSeconds(0.0))


@given(
    st.lists(records(), max_size=12, unique_by=lambda record: record.file.path),
    st.sampled_from(NIGHTS),
    st.frozensets(st.sampled_from(NIGHTS)),
    st.data(),
)
def test_what_is_young_or_needed_stays_and_all_else_goes(
    files: list[FrameRecord], before: int, mastered: frozenset[int], data: st.DataObject
) -> None:
    visits = {
        Identity(frame.exposure.instrument, frame.exposure.group, frame.exposure.detector)
        for record in files
        for frame in record.frames
    }
    processed = data.draw(st.frozensets(st.sampled_from(sorted(visits, key=str)))) if visits else frozenset()
    removal = removable_raws(files, before=before, processed=processed, mastered=mastered)
    gone = {key for keys in removal.keys.values() for key in keys}
    for record in files:
        (key,) = {frame.key for frame in record.frames}
        night = record.frames[0].exposure.day_obs
        done = all(
            Identity(frame.exposure.instrument, frame.exposure.group, frame.exposure.detector) in processed
            for frame in record.frames
        )
        needed = {
            Ending.TAKEN: not done,
            Ending.CALIBRATION: night not in mastered,
            Ending.KEPT: False,
        }[record.ending]
        assert (key in gone) == (night < before and not needed)
    old = sum(record.frames[0].exposure.day_obs < before for record in files)
    assert len(gone) + sum(removal.kept.values()) == old


def test_nights_are_counted_over_the_ends_of_months() -> None:
    assert first_kept(20261202, 3) == 20261129
    assert first_kept(20261202, 0) is None
    assert first_kept(20261202, 3_000_000) is None


@given(st.sampled_from(JobEnding), st.booleans())
def test_frames_count_as_mastered_once_all_of_the_night_are(ending: JobEnding, more: bool) -> None:
    frames = TakenFrames(calibrations={NIGHTS[0]: frozenset("ab")})
    (job,) = due(frames, [], tonight=NIGHTS[-1], kinds=frozenset(JobKind))
    record = JobRecord(job=job, ending=ending, said="", ended=UtcSeconds(0.0))
    if more:
        frames = TakenFrames(calibrations={NIGHTS[0]: frozenset("abc")})
    expected = {NIGHTS[0]} if ending is JobEnding.DONE and not more else set()
    assert mastered_nights(frames, [record]) == expected


def test_retention_is_due_once_for_a_day_and_after_all_else() -> None:
    frames = TakenFrames(science={NIGHTS[0]: frozenset("a"), NIGHTS[2]: frozenset("b")})
    done: list[JobRecord] = []
    kinds = []
    for tonight in NIGHTS[2:]:
        first = first_kept(tonight, 1)
        assert first is not None
        while jobs := due(frames, done, tonight=tonight, kinds=frozenset(JobKind), first_kept=[first]):
            kinds.append(jobs[0].kind)
            done.append(JobRecord(job=jobs[0], ending=JobEnding.FAILED, said="", ended=UtcSeconds(0.0)))
    assert kinds == [JobKind.TRACKLETS, JobKind.TEMPLATES, JobKind.RETENTION] * 2
