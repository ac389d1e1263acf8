"""Exposure ids and observation ids of the LSST cameras (docs/contracts/raws.md).

An exposure id is ``day_obs * 100000 + seqnum``, where day_obs gains 1000 years
for each step of the controller in the order OCHPQS, with exceptions by date.
"""

import datetime
import functools
import re

from attrs import frozen

from domain.errors import PromptProcessingError

__all__ = [
    "CONTROLLERS",
    "InvalidExposureIdError",
    "ObservationId",
    "exposure_id",
    "is_day_obs",
    "parse_observation_id",
]

CONTROLLERS = "OCHPQS"
"""Who commanded the exposure, in the order of their marks on an exposure id."""

_SEQNUMS = 100_000
_STEP = 1000_00_00  # A thousand years in YYYYMMDD.
_LAST_MARKED_DAY = {"C": 20231004, "P": 20250417, "Q": 20250417, "S": 20250417}
_OBSERVATION_ID = re.compile(r"([A-Z]+)_([OCHPQS])_([0-9]{8})_([0-9]{6})")


class InvalidExposureIdError(PromptProcessingError):
    """No exposure can have this id, or this day, number and controller."""


@frozen(kw_only=True)
class ObservationId:
    """An observation id such as ``MC_O_20260313_000217``."""

    abbreviation: str
    """Of the camera."""
    controller: str
    day_obs: int
    """YYYYMMDD."""
    seqnum: int

    def __str__(self) -> str:
        return f"{self.abbreviation}_{self.controller}_{self.day_obs}_{self.seqnum:06d}"


def parse_observation_id(text: str) -> ObservationId | None:
    """Read an observation id; None if the text is none."""
    match = _OBSERVATION_ID.fullmatch(text)
    if match is None:
        return None
    abbreviation, controller, day, number = match.groups()
    day_obs, seqnum = int(day), int(number)
    if seqnum >= _SEQNUMS or not is_day_obs(day_obs):
        return None
    return ObservationId(abbreviation=abbreviation, controller=controller, day_obs=day_obs, seqnum=seqnum)


def exposure_id(day_obs: int, seqnum: int, controller: str = "O") -> int:
    """Compute the exposure id.

    Raises
    ------
    InvalidExposureIdError
        Raised if there is no such day, number or controller.
    """
    if not is_day_obs(day_obs):
        raise InvalidExposureIdError(f"day_obs {day_obs} is not a day between 2000 and 2999")
    if not 0 <= seqnum < _SEQNUMS:
        raise InvalidExposureIdError(f"sequence number {seqnum} is not between 0 and {_SEQNUMS - 1}")
    return (day_obs + _mark(day_obs, controller) * _STEP) * _SEQNUMS + seqnum


@functools.lru_cache(maxsize=1024)
def is_day_obs(day_obs: int) -> bool:
    """Tell whether a number, as YYYYMMDD, is a day between 2000 and 2999."""
    year, month_and_day = divmod(day_obs, 10_000)
    if not 2000 <= year < 3000:
        return False
    try:
        datetime.date(year, *divmod(month_and_day, 100))
    except ValueError:
        return False
    return True


def _mark(day_obs: int, controller: str) -> int:
    """Find how many thousand years the controller adds on that day."""
    if len(controller) != 1 or controller not in CONTROLLERS:
        raise InvalidExposureIdError(f"controller {controller!r} is none of {CONTROLLERS}")
    last = _LAST_MARKED_DAY.get(controller)
    return 0 if last is not None and day_obs > last else CONTROLLERS.index(controller)
