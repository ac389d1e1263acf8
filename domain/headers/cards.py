"""Values of header cards: text, numbers and angles, as real headers write them."""

import math
import re
import reprlib
from collections.abc import Mapping, Sequence, Set
from typing import Final, SupportsFloat

from domain.cameras.camera import CardRule
from domain.errors import PromptProcessingError

__all__ = ["InvalidHeaderError", "UnmatchedError", "angle", "card_text", "integer", "number", "text"]

type Limits = tuple[float, float]
"""The smallest and the largest number that can be true."""

ANY: Final[Limits] = (-math.inf, math.inf)
_LARGEST_INTEGER: Final = 2**63 - 1  # What a registry can hold.
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
_SEXAGESIMAL = re.compile(r"([+-]?)\s*([0-9]{1,3})[:\s]+([0-9]{1,2})(?:[:\s]+([0-9]{1,2}(?:\.[0-9]*)?))?")


class InvalidHeaderError(PromptProcessingError):
    """A header lacks a fact, or holds what cannot be."""


class UnmatchedError(InvalidHeaderError):
    """A card's text is not of the form that the rule expects."""


def text(
    rule: CardRule, cards: Mapping[str, object], file: str | None = None, *, lenient: bool = False
) -> str | None:
    """Read a rule's text without trailing blanks; None if it says nothing.

    A card is absent too if it is blank, or its value is None, or neither text,
    number nor container: FITS readers mark undefined values with objects of
    their own.

    Parameters
    ----------
    rule
        Its conditions on the text are looked at; `when`, `since` and `before` are not.
    cards
        Cards by name.
    file
        Name of the file, if there is one.
    lenient
        Whether of several cards those count that are there; else the rule says
        nothing unless all are.

    Raises
    ------
    InvalidHeaderError
        Raised if a card holds a list or a mapping, or the rule's pattern does
        not match.
    """
    joined = _whole(rule, cards, file, lenient=lenient)
    if joined is None or (rule.matches is not None and re.fullmatch(rule.matches, joined) is None):
        return None
    if rule.above is not None and _float(rule, joined) <= rule.above:
        return None
    if rule.pattern is None:
        return joined
    match = re.search(rule.pattern, joined)
    if match is None or not match.group(1):
        raise UnmatchedError(f"{_place(rule)}: {reprlib.repr(joined)} does not match {rule.pattern!r}")
    return match.group(1)


def number(
    rule: CardRule, cards: Mapping[str, object], file: str | None = None, limits: Limits = ANY
) -> float | None:
    """Read a rule's number, scaled and shifted as it says; None if it says nothing.

    Raises
    ------
    InvalidHeaderError
        Raised if it is no finite number, or outside the limits.
    """
    written = text(rule, cards, file)
    if written is None:
        return None
    value = _float(rule, written) * rule.factor + rule.offset
    return _possible(rule, written, value, limits)


def integer(rule: CardRule, cards: Mapping[str, object], file: str | None = None) -> int | None:
    """Read a rule's whole number, which may be written as ``3.0``; None if it says nothing.

    Raises
    ------
    InvalidHeaderError
        Raised if it is no whole number between 0 and 2**63 - 1.
    """
    written = text(rule, cards, file)
    if written is None:
        return None
    if re.fullmatch("[0-9]{1,19}", written.strip()) and rule.factor == 1 and rule.offset.is_integer():
        value: int | float = int(written) + int(rule.offset)
    else:
        value = _float(rule, written) * rule.factor + rule.offset
    if not math.isfinite(value) or value != int(value) or not 0 <= value <= _LARGEST_INTEGER:
        raise invalid(rule, written, "is not a whole number that can stand here")
    return int(value)


def angle(
    rule: CardRule,
    cards: Mapping[str, object],
    file: str | None = None,
    limits: Limits = ANY,
    *,
    longitude: bool = False,
) -> float | None:
    """Read a rule's angle in degrees, decimal or sexagesimal; None if it says nothing.

    The limits are those of the angle before the rule's offset is added.

    Parameters
    ----------
    rule, cards, file, limits
        As in `number`.
    longitude
        Whether sexagesimal text is in hours as a rule, so that in degrees it is
        not understood unless the rule's unit is ``dms``.

    Raises
    ------
    InvalidHeaderError
        Raised if it is no angle, or outside the limits.
    """
    written = text(rule, cards, file)
    if written is None:
        return None
    match = _SEXAGESIMAL.fullmatch(written.strip())
    if match is not None and longitude and rule.unit not in {"hourangle", "dms"}:
        raise invalid(rule, written, "may be hours or degrees, minutes and seconds: unit hourangle or dms")
    value = _float(rule, written) if match is None else _sexagesimal(rule, written, match)
    degrees = value * 15 if rule.unit == "hourangle" else value
    return _possible(rule, written, degrees * rule.factor, limits, "degrees") + rule.offset


def card_text(card: str, value: object) -> str | None:
    """Write a card's value as text; None if it has none.

    Raises
    ------
    InvalidHeaderError
        Raised if it is a list or a mapping, or a number of too many digits.
    """
    if isinstance(value, str):
        return value.rstrip() or None
    if isinstance(value, int) and abs(value) > _LARGEST_INTEGER:
        raise InvalidHeaderError(f"card {card}: holds a number of {value.bit_length()} bits")
    if isinstance(value, SupportsFloat):
        return str(value)
    if isinstance(value, (Mapping, Sequence, Set)):
        raise InvalidHeaderError(f"card {card}: {reprlib.repr(value)} is neither text nor a number")
    return None


def invalid(rule: CardRule, written: str, reason: str) -> InvalidHeaderError:
    """Say what is wrong with what stands where a rule looks."""
    return InvalidHeaderError(f"{_place(rule)}: {reprlib.repr(written)} {reason}")


def _whole(rule: CardRule, cards: Mapping[str, object], file: str | None, *, lenient: bool) -> str | None:
    if rule.value is not None:
        return str(rule.value)
    if rule.file is not None:
        match = re.search(rule.file, file) if file is not None else None
        return match.group(1) if match is not None else None
    parts = [_part(rule, card, cards.get(card)) for card in rule.cards]
    if None in parts and not lenient:
        return None
    found = [part for part in parts if part is not None]
    return rule.join.join(found[:1] + [part for part in found[1:] if part not in rule.drop_last]) or None


def _part(rule: CardRule, card: str, value: object) -> str | None:
    written = card_text(card, value)
    return rule.absent if written is None else rule.table.get(written, written)


def _float(rule: CardRule, written: str) -> float:
    # FITS allows the Fortran exponent letter D.
    plain = written.strip().replace("D", "E").replace("d", "e")
    if _NUMBER.fullmatch(plain) is None:
        raise invalid(rule, written, "is not a number")
    return float(plain)


def _possible(rule: CardRule, written: str, value: float, limits: Limits, unit: str = "") -> float:
    if not math.isfinite(value):
        raise invalid(rule, written, "is not a finite number")
    least = limits[0] if rule.least is None else rule.least
    most = limits[1] if rule.most is None else rule.most
    if not least <= value <= most:
        allowed = f"at least {least:g}" if math.isinf(most) else f"{least:g} to {most:g}"
        raise invalid(rule, written, f"cannot be: {value:.10g} is not {allowed} {unit}".rstrip())
    return value


def _sexagesimal(rule: CardRule, written: str, match: re.Match[str]) -> float:
    sign, whole, minutes, seconds = match.groups(default="0")
    # 59.97 seconds are written as 60.0 by whoever rounds last.
    if int(minutes) >= 60 or float(seconds) > 60:
        raise invalid(rule, written, "is not an angle: it has 60 minutes, or more than 60 seconds")
    value = int(whole) + int(minutes) / 60 + float(seconds) / 3600
    return -value if sign == "-" else value


def _place(rule: CardRule) -> str:
    if rule.file is not None:
        return "the file's name"
    return f"card {' and '.join(rule.cards)}" if rule.cards else "value of the camera's rule"
