"""Instants on the two scales in use, and the days that they fall on.

The observatory's software layer stamps in TAI, everybody else in UTC. Both
are kept as seconds since 1970-01-01 in their own scale, as types that do not
mix, so that an age is never reckoned across the 37 s between them.
"""

import datetime
import functools
import math
import warnings
from typing import NewType

import erfa

from domain.errors import PromptProcessingError

__all__ = [
    "InvalidInstantError",
    "TaiSeconds",
    "UtcSeconds",
    "begin_of_day_obs",
    "day_obs_of",
    "tai_from_utc",
    "utc_from_tai",
    "utc_from_text",
    "utc_isoformat",
]

TaiSeconds = NewType("TaiSeconds", float)
"""Seconds since 1970-01-01T00:00:00 TAI."""

UtcSeconds = NewType("UtcSeconds", float)
"""Seconds since 1970-01-01T00:00:00 UTC, leap seconds not counted (POSIX)."""

_SECONDS_A_DAY = 86_400
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_LATEST_DAY = 47_482  # 2099-12-31; leap seconds beyond are anybody's guess.


class InvalidInstantError(PromptProcessingError):
    """A time stamp is not a number, or outside 1970 to 2099."""


def utc_from_tai(instant: TaiSeconds) -> UtcSeconds:
    """Convert an instant to UTC.

    Raises
    ------
    InvalidInstantError
        Raised if the stamp is not finite or outside 1970 to 2099.
    """
    # The offset changes at UTC midnights; two rounds settle the day.
    guess = instant - _tai_minus_utc(_day(instant))
    return UtcSeconds(instant - _tai_minus_utc(_day(max(guess, 0.0))))


def tai_from_utc(instant: UtcSeconds) -> TaiSeconds:
    """Convert an instant to TAI.

    Raises
    ------
    InvalidInstantError
        Raised if the stamp is not finite or outside 1970 to 2099.
    """
    return TaiSeconds(instant + _tai_minus_utc(_day(instant)))


def utc_from_text(text: str) -> UtcSeconds:
    """Read a time that people wrote in ISO 8601; without an offset it is UTC.

    Raises
    ------
    ValueError
        Raised if it is none.
    """
    moment = datetime.datetime.fromisoformat(text)
    return UtcSeconds((moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)).timestamp())


def day_obs_of(instant: UtcSeconds, begins: float = 12.0) -> datetime.date:
    """Find the observing day: the TAI date so many hours earlier."""
    shifted = tai_from_utc(instant) - begins * 3600
    return (_EPOCH + datetime.timedelta(seconds=shifted)).date()


def begin_of_day_obs(day: datetime.date) -> UtcSeconds:
    """Find the instant at which an observing day begins: noon, TAI.

    Raises
    ------
    InvalidInstantError
        Raised if the day is outside 1970 to 2099.
    """
    days = (day - _EPOCH.date()).days
    return utc_from_tai(TaiSeconds(float(days * _SECONDS_A_DAY + _SECONDS_A_DAY // 2)))


def utc_isoformat(instant: UtcSeconds) -> str:
    """Write an instant as ISO 8601 with milliseconds and a trailing Z."""
    _day(instant)
    text = (_EPOCH + datetime.timedelta(milliseconds=round(instant * 1000))).isoformat(
        timespec="milliseconds"
    )
    return text.removesuffix("+00:00") + "Z"


def _day(instant: float) -> int:
    if not math.isfinite(instant) or not 0 <= instant < (_LATEST_DAY + 1) * _SECONDS_A_DAY:
        raise InvalidInstantError(f"time stamp {instant!r} is not an instant between 1970 and 2099")
    return int(instant // _SECONDS_A_DAY)


@functools.lru_cache(maxsize=64)
def _tai_minus_utc(day: int) -> float:
    """Seconds by which TAI is ahead on a UTC day counted from 1970-01-01.

    Leap seconds are those of ERFA's own table (its function ``dat``); after its
    end the last offset is taken to hold.
    """
    date = _EPOCH + datetime.timedelta(days=day)
    with warnings.catch_warnings():
        # ERFA calls years dubious that are far beyond its table.
        warnings.simplefilter("ignore")
        return round(float(erfa.dat(date.year, date.month, date.day, 0.0)), 6)
