"""Frames of one exposure: copies among them, and different exposures of one number."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from attrs import evolve

from domain.cameras.camera import Camera
from domain.errors import PromptProcessingError
from domain.headers.renumbered import renumbered
from domain.raws.same_exposure import overlap
from raw_files.cards import is_floating
from raw_files.contents import digest
from workbench.recorded_frames import RecordedFrame, RecordedFrames, read_cards

__all__ = ["told_apart", "without_copies"]

_log = logging.getLogger(__name__)

_NUMBERS_A_DAY = 100_000


def without_copies(recorded: RecordedFrames, camera: Camera) -> RecordedFrames:
    """Leave out copies of raws, each named in the log with the reason.

    Frames of one detector that overlap in time are of one exposure. Of these
    those with floating-point pixels were made of those with whole numbers, if
    there are such; of files with the same bytes the first counts.
    """
    kept, copies = [], []
    for same in _overlapping(recorded.frames):
        if len(same) > 1:
            recorded.pace.step("comparing frames of one time")
        for frame, reason in _copies(same, camera).items():
            if reason is None:
                kept.append(frame)
            else:
                _log.warning("%s is left out: %s", frame.path, reason)
                copies.append(frame.path)
    unreadable = (*recorded.unreadable, *copies)
    return evolve(recorded, frames=tuple(sorted(kept, key=_order)), unreadable=unreadable)


def told_apart(frames: Sequence[RecordedFrame], camera: Camera) -> list[RecordedFrame]:
    """Give an exposure that has the number of an earlier one a number of its own, and name it in the log.

    Where keys or headers of the camera allow it no other, it is left out.
    """
    told = set(frames)
    for frame, (first, number) in _numbered_twice(frames).items():
        was = f"exposure id {frame.exposure.exposure} of {first.path}, which is another frame"
        told.remove(frame)
        try:
            told.add(_with_number(frame, number, camera))
            _log.warning("%s has the %s: it is played as %d", frame.path, was, number)
        except (PromptProcessingError, OSError) as error:
            _log.warning("%s is left out: it has the %s: %s", frame.path, was, error)
    return sorted(told, key=_order)


def _order(frame: RecordedFrame) -> tuple[float, int, Path]:
    return frame.exposure.begin, frame.exposure.detector, frame.path


def _overlapping(frames: Iterable[RecordedFrame]) -> Iterator[list[RecordedFrame]]:
    """Gather the frames of each detector that are of one exposure, from frames in time order."""
    by_detector: dict[int, list[RecordedFrame]] = defaultdict(list)
    for frame in frames:
        by_detector[frame.exposure.detector].append(frame)
    for its in by_detector.values():
        same = its[:1]
        for frame in its[1:]:
            if not overlap(same[0].exposure, frame.exposure):
                yield same
                same = []
            same.append(frame)
        yield same


def _copies(same: Sequence[RecordedFrame], camera: Camera) -> dict[RecordedFrame, str | None]:
    """Say of each frame of an exposure and detector what it is a copy of; None: it is the raw, or may be."""
    if len(same) == 1:
        return {same[0]: None}
    floating = {frame: is_floating(read_cards(frame, camera)) for frame in same}
    raw = next((frame for frame in same if not floating[frame]), None)
    first: dict[bytes, RecordedFrame] = {}
    found: dict[RecordedFrame, str | None] = {}
    for frame in same:
        original = first.setdefault(digest(frame.path), frame)
        if raw is not None and floating[frame]:
            found[frame] = f"it is a processed copy of {raw.path}: its pixels are floating-point numbers"
        else:
            found[frame] = None if original is frame else f"it is the same as {original.path}"
    return found


def _numbered_twice(frames: Iterable[RecordedFrame]) -> dict[RecordedFrame, tuple[RecordedFrame, int]]:
    """Find frames whose number an earlier exposure has: the first frame of that, and a free number."""
    exposures: dict[int, list[list[RecordedFrame]]] = defaultdict(list)
    for frame in frames:
        of_its_number = exposures[frame.exposure.exposure]
        same = next((one for one in of_its_number if _is_another_detector(frame, one)), None)
        if same is None:
            of_its_number.append([frame])
        else:
            same.append(frame)
    taken = set(exposures)
    twice: dict[RecordedFrame, tuple[RecordedFrame, int]] = {}
    for of_one_number in exposures.values():
        for exposure in of_one_number[1:]:
            number = _free_number(exposure[0].exposure.exposure, taken)
            twice |= dict.fromkeys(exposure, (of_one_number[0][0], number))
    return twice


def _is_another_detector(frame: RecordedFrame, exposure: Sequence[RecordedFrame]) -> bool:
    detectors = {one.exposure.detector for one in exposure}
    return frame.exposure.detector not in detectors and overlap(exposure[0].exposure, frame.exposure)


def _free_number(number: int, taken: set[int]) -> int:
    day = number // _NUMBERS_A_DAY
    free = max(other for other in taken if other // _NUMBERS_A_DAY == day) + 1
    taken.add(free)
    return free


def _with_number(frame: RecordedFrame, number: int, camera: Camera) -> RecordedFrame:
    cards = read_cards(frame, camera)
    return evolve(frame, exposure=renumbered(camera, frame.exposure, cards, number, frame.path.name))
