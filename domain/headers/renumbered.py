"""Exposures of a counter that began again: another number than their headers tell."""

from collections.abc import Mapping
from typing import Final

from domain.cameras.camera import Camera
from domain.headers.header import read_exposure
from domain.raws.exposure import Exposure
from domain.raws.exposure_ids import exposure_id
from domain.raws.raws import RawKey, UnnameableRawError

__all__ = ["number_by_time", "renumbered"]

_DAY: Final = 86_400


def number_by_time(camera: Camera, exposure: Exposure) -> int:
    """Make an exposure id of the second of its day in which an exposure began.

    A night's own numbers are smaller as a rule; and it is the same whoever makes it.

    Raises
    ------
    domain.raws.exposure_ids.InvalidExposureIdError
        Raised if the exposure's day is none.
    """
    return exposure_id(exposure.day_obs, int((exposure.begin - camera.header.day_begins * 3600) % _DAY))


def renumbered(
    camera: Camera, exposure: Exposure, cards: Mapping[str, object], number: int, name: str
) -> Exposure:
    """Read a header again, as that of an exposure of another number.

    Parameters
    ----------
    camera
        Whose rules are followed.
    exposure, cards
        What was read, and of which cards.
    number
        The exposure id that it is to have.
    name
        Of its file.

    Raises
    ------
    UnnameableRawError
        Raised if keys of the camera do not tell the number, so that nobody would know it.
    domain.headers.cards.InvalidHeaderError
        Raised if the header itself tells the exposure id.
    """
    if camera.raw_keys.scheme.has_sidecars:
        raise UnnameableRawError(f"keys of {camera.instrument} allow it no other")
    key = RawKey(key=name, instrument=camera.instrument, detector=exposure.detector, exposure=number)
    return read_exposure(camera, cards, key)
