"""Instants in header cards: ISO 8601 in its usual forms, Julian and modified Julian dates."""

import datetime
import re
import zoneinfo
from collections.abc import Mapping
from typing import Final

from domain.cameras.camera import CardRule
from domain.headers.cards import invalid, number, text
from domain.times import InvalidInstantError, TaiSeconds, UtcSeconds, tai_from_utc, utc_from_tai

__all__ = ["instant"]

_EPOCH: Final = datetime.datetime(1970, 1, 1)  # noqa: DTZ001 - of whatever scale
_EPOCH_MJD: Final = 40_587.0
_EPOCH_JD: Final = 2_440_587.5
_SECONDS_A_DAY: Final = 86_400
_DATE = r"([0-9]{4})(?:-([0-9]{1,2})-([0-9]{1,2})|([0-9]{2})([0-9]{2}))"
_TIME = r"([0-9]{1,2})(?::([0-9]{1,2})(?::([0-9]{1,2}(?:[.,][0-9]*)?))?|([0-9]{2})([0-9]{2}(?:[.,][0-9]*)?)?)"
_ZONE = r"([Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)"
_ISO = re.compile(rf"{_DATE}(?:[Tt ]\s*{_TIME}\s*{_ZONE}?|[Zz]?)")


def instant(rule: CardRule, cards: Mapping[str, object], file: str | None = None) -> TaiSeconds | None:
    """Read a rule's instant from its format and scale; None if it says nothing.

    Raises
    ------
    InvalidHeaderError
        Raised if it is no instant between 1970 and 2099, or a date without
        a time.
    """
    written = text(rule, cards, file)
    if written is None:
        return None
    if rule.format == "isot":
        seconds = _iso(rule, written)
    else:
        days = number(rule, cards, file)
        seconds = ((days or 0.0) - (_EPOCH_MJD if rule.format == "mjd" else _EPOCH_JD)) * _SECONDS_A_DAY
    try:
        if rule.time_scale == "utc":
            return tai_from_utc(UtcSeconds(seconds))
        utc_from_tai(TaiSeconds(seconds))
    except InvalidInstantError as error:
        raise invalid(rule, written, "is not an instant between 1970 and 2099") from error
    return TaiSeconds(seconds)


def _iso(rule: CardRule, written: str) -> float:
    match = _ISO.fullmatch(written.strip())
    if match is None:
        raise invalid(rule, written, "is not a date and time of the form 2026-03-14T02:15:07.3")
    year, month, day, plain_month, plain_day, hour, minute, second, plain_minute, plain_second, zone = (
        match.groups()
    )
    if hour is None:
        raise invalid(rule, written, "is a date without a time")
    try:
        date = datetime.datetime(int(year), int(month or plain_month), int(day or plain_day))  # noqa: DTZ001 - its offset is reckoned with apart
    except ValueError as error:
        raise invalid(rule, written, f"is no date: {error}") from error
    hours, minutes = int(hour), int(minute or plain_minute)
    seconds = float((second or plain_second or "0").replace(",", "."))
    end_of_day = (hours, minutes, seconds) == (24, 0, 0.0)
    if not end_of_day and (hours > 23 or minutes > 59 or seconds >= 61):
        raise invalid(rule, written, "is no time of day")
    local = (date - _EPOCH).total_seconds() + hours * 3600 + minutes * 60 + seconds
    return local - _ahead(rule, written, zone, date + datetime.timedelta(hours=hours, minutes=minutes))


def _ahead(rule: CardRule, written: str, zone: str | None, moment: datetime.datetime) -> float:
    """Seconds by which the clock that wrote a time is ahead of UTC."""
    if zone is not None and rule.time_scale != "utc":
        raise invalid(rule, written, f"ends in {zone}, yet its scale is {rule.time_scale}")
    zone = zone or rule.time_zone
    if zone is None or zone in {"Z", "z"}:
        return 0.0
    if zone[0] in "+-":
        minutes = int(zone[1:3]) * 60 + int(zone[3:].removeprefix(":") or 0)
        return float(minutes * (-60 if zone[0] == "-" else 60))
    offset = moment.replace(tzinfo=zoneinfo.ZoneInfo(zone)).utcoffset()
    return offset.total_seconds() if offset is not None else 0.0
