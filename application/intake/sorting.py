"""What a frame that came is to those that are kept: new, a copy, or another of the same exposure."""

from collections.abc import Sequence

from attrs import frozen

from application.intake.renumbering import renumbered_frames
from domain.cameras.camera import Camera
from domain.raws.frame_files import Ending, FrameFile, TakenFrame
from domain.raws.same_exposure import overlap
from ports.incoming import FrameJournal, Keeping, RawKeeper, ReadFrame

__all__ = ["Settled", "sort_out"]


@frozen
class Settled:
    """What became of a file."""

    ending: Ending
    reason: str = ""
    frames: tuple[ReadFrame, ...] = ()
    """Those that are kept."""


async def sort_out(
    camera: Camera, file: FrameFile, frames: Sequence[ReadFrame], journal: FrameJournal, keeper: RawKeeper
) -> tuple[Sequence[ReadFrame], Sequence[Settled]]:
    """Compare a file's frames with those that are kept of the same exposure and detector.

    Frames that have the number of an exposure of another time get one of their own,
    where that is possible: a counter began again.

    Returns
    -------
    new, known
        The frames that are new; and what is to be said of them and of the others.
    """
    new, known, others = await _sorted(file, frames, journal, keeper)
    if others and (again := renumbered_frames(camera, frames)):
        new_again, known_again, _ = await _sorted(file, again, journal, keeper)
        if new_again and not any(settled.ending is Ending.DIFFERS for settled in known_again):
            told, number = others[0], new_again[0].exposure.exposure
            said = f"it has the exposure id {told.exposure.exposure} of {told.path}, which is another frame"
            return new_again, [*known_again, Settled(Ending.TAKEN, f"{said}: it is taken as {number}")]
    return new, known


async def _sorted(
    file: FrameFile, frames: Sequence[ReadFrame], journal: FrameJournal, keeper: RawKeeper
) -> tuple[Sequence[ReadFrame], Sequence[Settled], Sequence[TakenFrame]]:
    """Sort frames; at last, the exposures of other times whose numbers some have."""
    new, known, others = [], [], []
    keepings: dict[str, Keeping] = {}
    for frame in frames:
        near = await journal.near(frame.exposure)
        for other in near:
            if other.key not in keepings:
                keepings[other.key] = await keeper.compare(file, other.key)
        settled = _compared(file, frame, [(other, keepings[other.key]) for other in near])
        if settled is None:
            new.append(frame)
            continue
        known.append(settled)
        if settled.ending is Ending.DIFFERS and not any(
            overlap(frame.exposure, other.exposure) for other in near
        ):
            others.append(near[0])
    return new, known, others


def _compared(
    file: FrameFile, frame: ReadFrame, found: Sequence[tuple[TakenFrame, Keeping]]
) -> Settled | None:
    for other, keeping in found:
        if keeping is Keeping.SAME:
            same = "before" if other.path == file.path else other.path
            return Settled(Ending.COPY, f"it is the same as {same}")
    for other, keeping in found:
        if (settled := _told_apart(file, frame, other, keeping)) is not None:
            return settled
    return None


def _told_apart(file: FrameFile, frame: ReadFrame, other: TakenFrame, keeping: Keeping) -> Settled | None:
    """Judge a frame whose contents are not those of another."""
    if frame.is_floating and not other.is_floating:
        reason = f"it is a processed copy of {other.path}: its pixels are floating-point numbers"
        return Settled(Ending.COPY, reason)
    if frame.exposure.exposure != other.exposure.exposure:
        return None
    what = f"exposure {other.exposure.exposure} of detector {other.exposure.detector}"
    if other.path == file.path:
        reason = f"{what} was taken from it before, and its contents were others then"
    elif keeping is Keeping.NEW:
        reason = f"{what} was taken from {other.path}, which is kept no longer"
    else:
        reason = f"{what} was taken from {other.path}, which is another frame"
    return Settled(Ending.DIFFERS, reason)
