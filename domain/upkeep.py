"""What a site does by itself between images: which jobs are due, and which have been done."""

import datetime
import enum
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

from attrs import field, frozen

from domain.raws.frame_files import Ending, FrameRecord
from domain.times import UtcSeconds, begin_of_day_obs

__all__ = [
    "Job",
    "JobEnding",
    "JobKind",
    "JobRecord",
    "JobResult",
    "TakenFrames",
    "begin_of_night",
    "due",
    "is_idle",
    "mastered_nights",
]


class JobKind(enum.Enum):
    """What a job does."""

    CALIBRATIONS = "calibrations"
    """Makes masters of a night's bias, dark and flat frames, and certifies those that pass their checks."""
    TRACKLETS = "tracklets"
    """Writes what moved in the last night before the one that goes on."""
    TEMPLATES = "templates"
    """Builds templates of all nights before the one that goes on."""
    RETENTION = "retention"
    """Removes raws and images of nights that are no longer kept."""


class JobEnding(enum.Enum):
    """How a job ended."""

    DONE = "done"
    INCOMPLETE = "incomplete"
    """Something of it was left out, which the record names."""
    FAILED = "failed"


@frozen(kw_only=True)
class Job:
    """Something to be done."""

    kind: JobKind
    night: int
    """Day_obs (YYYYMMDD) of the frames; for templates, the last one whose frames may be used; for
    retention, the first one of which everything is kept."""
    inputs: str
    """Digest of the frames, by which a job is told from an earlier one of the same kind and night."""


@frozen(kw_only=True)
class JobResult:
    """What came of a job."""

    ending: JobEnding
    said: str
    """For people; on one line."""
    removed: Mapping[str, int] = field(factory=dict)
    """How much was removed, by what it was."""
    freed: int = 0
    """Bytes that were removed."""


@frozen(kw_only=True)
class JobRecord:
    """How a job ended."""

    job: Job
    ending: JobEnding
    said: str
    """What came of it, for people; on one line."""
    ended: UtcSeconds


@frozen
class TakenFrames:
    """Keys of the frames that were taken in, by their day_obs (YYYYMMDD)."""

    science: Mapping[int, frozenset[str]] = field(factory=dict)
    """Those that were published to be processed."""
    calibrations: Mapping[int, frozenset[str]] = field(factory=dict)

    def with_records(self, records: Iterable[FrameRecord]) -> "TakenFrames":
        """Add what a journal says."""
        found = {Ending.TAKEN: dict(self.science), Ending.CALIBRATION: dict(self.calibrations)}
        for record in records:
            nights = found.get(record.ending, {})
            for frame in record.frames:
                night = frame.exposure.day_obs
                nights[night] = nights.get(night, frozenset()) | {frame.key}
        return TakenFrames(found[Ending.TAKEN], found[Ending.CALIBRATION])


def due(
    frames: TakenFrames,
    done: Sequence[JobRecord],
    *,
    tonight: int,
    kinds: frozenset[JobKind],
    first_kept: Sequence[int] = (),
) -> tuple[Job, ...]:
    """List the jobs that are due, in the order in which they should be done.

    A job that was done, or failed, is due again once there are other frames to do it
    with, and never before.

    Parameters
    ----------
    frames
        All that were taken in.
    done
        How jobs ended.
    tonight
        Day_obs that goes on, whose science frames make no templates yet.
    kinds
        Jobs that may be done.
    first_kept
        First night that is kept, of raws and of images, where not all are.
    """
    known = {record.job for record in done}

    def wanted() -> Iterator[Job]:
        # Calibrations first, from the oldest night on: flats are corrected by earlier nights' biases.
        for night in sorted(frames.calibrations):
            yield Job(kind=JobKind.CALIBRATIONS, night=night, inputs=_digest(frames.calibrations[night]))
        before = [night for night in sorted(frames.science) if night < tonight]
        if before:
            yield Job(kind=JobKind.TRACKLETS, night=before[-1], inputs=_digest(frames.science[before[-1]]))
            inputs = _digest(key for night in before for key in frames.science[night])
            yield Job(kind=JobKind.TEMPLATES, night=before[-1], inputs=inputs)
        # Last: what is old may have been waiting for any of the others.
        nights = frames.science.keys() | frames.calibrations.keys()
        if first_kept and any(night < max(first_kept) for night in nights):
            bounds = "-".join(map(str, first_kept))
            yield Job(
                kind=JobKind.RETENTION, night=max(first_kept), inputs=f"{bounds}-{_digest(map(str, nights))}"
            )

    return tuple(job for job in wanted() if job.kind in kinds and job not in known)


def mastered_nights(frames: TakenFrames, done: Iterable[JobRecord]) -> frozenset[int]:
    """List the nights whose bias, dark and flat frames all have a part in masters that are used."""
    return frozenset(
        record.job.night
        for record in done
        if record.job.kind is JobKind.CALIBRATIONS
        and record.ending is JobEnding.DONE
        and record.job.inputs == _digest(frames.calibrations.get(record.job.night, ()))
    )


def is_idle(now: UtcSeconds, last_frame: UtcSeconds, unfinished: int, idle_after: float) -> bool:
    """Say whether a site has time for jobs.

    Parameters
    ----------
    now
        The time.
    last_frame
        When a frame came last, or when the site was started if none has come since.
    unfinished
        Visit-detectors that wait, or are being processed.
    idle_after
        Seconds without a frame.
    """
    return unfinished == 0 and now - last_frame >= idle_after


def begin_of_night(night: int, begins: float) -> UtcSeconds:
    """Find when a night begins of a camera whose days begin at that hour (TAI)."""
    day = datetime.date(night // 10_000, night // 100 % 100, night % 100)
    return UtcSeconds(begin_of_day_obs(day) + (begins - 12.0) * 3600.0)


def _digest(keys: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for key in sorted(keys):
        digest.update(key.encode("utf-8", "surrogatepass") + b"\n")
    return digest.hexdigest()[:16]
