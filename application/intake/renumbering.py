"""Give an exposure that has the number of an earlier one a number of its own."""

from collections.abc import Sequence

from attrs import evolve

from domain.cameras.camera import Camera
from domain.errors import PromptProcessingError
from domain.headers.renumbered import number_by_time, renumbered
from domain.raws.raws import RAW_EXTENSIONS, make_raw_key
from ports.incoming import ReadFrame

__all__ = ["renumbered_frames"]


def renumbered_frames(camera: Camera, frames: Sequence[ReadFrame]) -> Sequence[ReadFrame]:
    """Give the frames of a file a number by the time at which the first began; none if that is not possible.

    Keys of the camera, or headers, may allow no other number.
    """
    try:
        number = number_by_time(camera, frames[0].exposure)
        found = [_renumbered(camera, frame, number) for frame in frames]
    except PromptProcessingError:
        return ()
    # One observation id must not be that of two exposures.
    is_told = any(
        one.exposure.obs_id == frame.exposure.obs_id for one, frame in zip(found, frames, strict=True)
    )
    return () if is_told else found


def _renumbered(camera: Camera, frame: ReadFrame, number: int) -> ReadFrame:
    name = frame.key.rpartition("/")[2]
    exposure = renumbered(camera, frame.exposure, frame.cards, number, name)
    at = name.rindex(RAW_EXTENSIONS[0])
    key = make_raw_key(camera, exposure, extension=name[at:], stem=name[:at])
    return evolve(frame, exposure=exposure, key=key)
