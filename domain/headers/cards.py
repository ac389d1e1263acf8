"""Values of header cards: text, numbers, angles and instants, as real headers write them."""

import datetime
import math
import re
import reprlib
from collections.abc import Mapping, Sequence, Set
from typing import Final, SupportsFloat

from domain.cameras.camera import CardRule
from domain.errors import PromptProcessingError
from domain.times import InvalidInstantError, TaiSeconds, UtcSeconds, tai_from_utc, utc_from_tai

__all__ = ["InvalidHeaderError", "angle", "instant", "integer", "number", "text"]

_EPOCH_ORDINAL: Final = datetime.date(1970, 1, 1).toordinal()
_EPOCH_MJD: Final = 40_587.0
_EPOCH_JD: Final = 2_440_587.5
_SECONDS_A_DAY: Final = 86_400
_LARGEST_INTEGER: Final = 2**63 - 1  # What a registry can hold.
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
_SEXAGESIMAL = re.compile(r"([+-]?)\s*([0-9]{1,3})[:\s]+([0-9]{1,2})(?:[:\s]+([0-9]{1,2}(?:\.[0-9]*)?))?")
_ISOT = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[T ]\s*([0-9]{1,2}):([0-9]{1,2})(?::([0-9]{1,2}(?:\.[0-9]*)?))?)?(Z?)"
)


class InvalidHeaderError(PromptProcessingError):
    """A header lacks a fact, or holds what cannot be."""


def text(rule: CardRule, cards: Mapping[str, object]) -> str | None:
    """Read a rule's text without trailing blanks; None if a card is absent or blank.

    A card is absent too if its value is None, or neither text, number nor
    container: FITS readers mark undefined values with objects of their own.

    Raises
    ------
    InvalidHeaderError
        Raised if a card holds a list or a mapping, or the rule's pattern does
        not match.
    """
    if rule.value is not None:
        return str(rule.value)
    parts = [_card_text(card, cards.get(card)) for card in rule.cards]
    if None in parts:
        return None
    joined = rule.join.join(part for part in parts if part is not None)
    if rule.pattern is None:
        return joined
    match = re.search(rule.pattern, joined)
    if match is None or not match.group(1):
        raise _invalid(rule, joined, f"does not match {rule.pattern!r}")
    return match.group(1)


def number(rule: CardRule, cards: Mapping[str, object]) -> float | None:
    """Read a rule's number, scaled and shifted as it says; None if absent.

    Raises
    ------
    InvalidHeaderError
        Raised if it is no finite number.
    """
    written = text(rule, cards)
    if written is None:
        return None
    return _finite(rule, written, _float(rule, written) * rule.factor + rule.offset)


def integer(rule: CardRule, cards: Mapping[str, object]) -> int | None:
    """Read a rule's whole number, which may be written as ``3.0``; None if absent.

    Raises
    ------
    InvalidHeaderError
        Raised if it is no whole number between 0 and 2**63 - 1.
    """
    written = text(rule, cards)
    if written is None:
        return None
    if re.fullmatch("[0-9]{1,19}", written.strip()) and rule.factor == 1 and rule.offset.is_integer():
        value: int | float = int(written) + int(rule.offset)
    else:
        value = _finite(rule, written, _float(rule, written) * rule.factor + rule.offset)
    if value != int(value) or not 0 <= value <= _LARGEST_INTEGER:
        raise _invalid(rule, written, "is not a whole number that can stand here")
    return int(value)


def angle(rule: CardRule, cards: Mapping[str, object]) -> float | None:
    """Read a rule's angle in degrees, decimal or sexagesimal; None if absent.

    Raises
    ------
    InvalidHeaderError
        Raised if it is no angle.
    """
    written = text(rule, cards)
    if written is None:
        return None
    match = _SEXAGESIMAL.fullmatch(written.strip())
    value = _float(rule, written) if match is None else _sexagesimal(rule, written, match)
    degrees = value * 15 if rule.unit == "hourangle" else value
    return _finite(rule, written, degrees * rule.factor + rule.offset)


def instant(rule: CardRule, cards: Mapping[str, object]) -> TaiSeconds | None:
    """Read a rule's instant from its format and scale; None if absent.

    Raises
    ------
    InvalidHeaderError
        Raised if it is no instant between 1970 and 2099, or a date without
        a time.
    """
    written = text(rule, cards)
    if written is None:
        return None
    match rule.format:
        case "mjd":
            seconds = (_float(rule, written) - _EPOCH_MJD) * _SECONDS_A_DAY
        case "jd":
            seconds = (_float(rule, written) - _EPOCH_JD) * _SECONDS_A_DAY
        case _:
            seconds = _isot(rule, written)
    try:
        if rule.time_scale == "utc":
            return tai_from_utc(UtcSeconds(seconds))
        utc_from_tai(TaiSeconds(seconds))
    except InvalidInstantError as error:
        raise _invalid(rule, written, "is not an instant between 1970 and 2099") from error
    return TaiSeconds(seconds)


def _card_text(card: str, value: object) -> str | None:
    if isinstance(value, str):
        return value.rstrip() or None
    if isinstance(value, int) and abs(value) > _LARGEST_INTEGER:
        raise InvalidHeaderError(f"card {card}: holds a number of {value.bit_length()} bits")
    if isinstance(value, SupportsFloat):
        return str(value)
    if isinstance(value, (Mapping, Sequence, Set)):
        raise InvalidHeaderError(f"card {card}: {reprlib.repr(value)} is neither text nor a number")
    return None


def _float(rule: CardRule, written: str) -> float:
    # FITS allows the Fortran exponent letter D.
    plain = written.strip().replace("D", "E").replace("d", "e")
    if _NUMBER.fullmatch(plain) is None:
        raise _invalid(rule, written, "is not a number")
    return float(plain)


def _finite(rule: CardRule, written: str, value: float) -> float:
    if not math.isfinite(value):
        raise _invalid(rule, written, "is not a finite number")
    return value


def _sexagesimal(rule: CardRule, written: str, match: re.Match[str]) -> float:
    sign, whole, minutes, seconds = match.groups(default="0")
    if int(minutes) >= 60 or float(seconds) >= 60:
        raise _invalid(rule, written, "is not an angle: it has 60 minutes or seconds, or more")
    value = int(whole) + int(minutes) / 60 + float(seconds) / 3600
    return -value if sign == "-" else value


def _isot(rule: CardRule, written: str) -> float:
    match = _ISOT.fullmatch(written.strip())
    if match is None:
        raise _invalid(rule, written, "is not a date and time of the form 2026-03-14T02:15:07.3")
    year, month, day, hour, minute, second, zulu = match.groups()
    if hour is None:
        raise _invalid(rule, written, "is a date without a time")
    if zulu and rule.time_scale != "utc":
        raise _invalid(rule, written, f"ends in Z, yet its scale is {rule.time_scale}")
    try:
        days = datetime.date(int(year), int(month), int(day)).toordinal() - _EPOCH_ORDINAL
    except ValueError as error:
        raise _invalid(rule, written, f"is no date: {error}") from error
    seconds = float(second or 0)
    if int(hour) > 23 or int(minute) > 59 or seconds >= 61:
        raise _invalid(rule, written, "is no time of day")
    return days * _SECONDS_A_DAY + int(hour) * 3600 + int(minute) * 60 + seconds


def _invalid(rule: CardRule, written: str, reason: str) -> InvalidHeaderError:
    where = f"card {' and '.join(rule.cards)}" if rule.cards else "value of the camera's rule"
    return InvalidHeaderError(f"{where}: {reprlib.repr(written)} {reason}")
