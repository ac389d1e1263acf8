"""Where one fact stands in a header."""

import re
import zoneinfo
from collections.abc import Mapping, Sequence
from typing import Final, Self

from attrs import field, frozen

from domain.cameras.detectors import InvalidCameraError
from domain.times import InvalidInstantError, TaiSeconds, tai_from_utc, utc_from_text

__all__ = ["Bound", "CardRule", "CardValue"]

type CardValue = str | float | int


@frozen(kw_only=True)
class Bound:
    """From which exposure on, or until which, a rule holds: told by day and number, or by time."""

    day_obs: int = 0
    seqnum: int = 0
    instant: TaiSeconds | None = None
    """If there is one, it counts alone."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``20250422``, ``20250422/251`` or ``2020-02-01T00:00`` (UTC).

        Raises
        ------
        InvalidCameraError
            Raised if it is none of them.
        """
        match = re.fullmatch(r"([0-9]{8})(?:/([0-9]{1,6}))?", text.strip())
        if match is not None:
            return cls(day_obs=int(match.group(1)), seqnum=int(match.group(2) or 0))
        try:
            return cls(instant=tai_from_utc(utc_from_text(text)))
        except (ValueError, InvalidInstantError) as error:
            raise InvalidCameraError(
                f"{text!r} is no day 20250422, exposure 20250422/251 or time 2020-02-01T00:00"
            ) from error

    def reached(self, day_obs: int, seqnum: int, begin: TaiSeconds) -> bool:
        """Tell whether an exposure is this one or a later one."""
        return (
            (day_obs, seqnum) >= (self.day_obs, self.seqnum)
            if self.instant is None
            else begin >= self.instant
        )


def _in_capitals(cards: Sequence[str]) -> tuple[str, ...]:
    return tuple(card.upper() for card in cards)


def _with_capitals(when: Mapping[str, str]) -> dict[str, str]:
    return {card.upper(): text for card, text in when.items()}


@frozen(kw_only=True)
class CardRule:
    """Where one fact stands in a raw's header, or in the name of its file.

    `value` if there is one, else what `file` finds in the file's name, else
    the text of `cards` joined by `join`. A number is multiplied by `factor`,
    then `offset` is added. The rule says nothing where its conditions
    (`when`, `matches`, `above`, `since`, `before`) are not met, or a card is
    not there: then the next rule for the fact has its turn.
    """

    cards: tuple[str, ...] = field(default=(), converter=_in_capitals)
    """By their keywords, of which letter case does not matter."""
    join: str = ""
    value: str | float | int | None = None
    file: str | None = None
    """Regular expression, searched in the file's name; its first group is the text."""
    table: Mapping[str, str] = field(factory=dict)
    """What stands for the text of a card; what is not in it stays as it is."""
    absent: str | None = None
    """Stands for a card that is not there."""
    drop_last: tuple[str, ...] = ()
    """Texts that do not count behind the first of several cards."""
    unit: str | None = None
    """Of an angle: ``deg`` or ``hourangle``; sexagesimal text is understood, but for a right ascension
    in degrees, which is ``dms``."""
    format: str | None = None
    """Of an instant: ``isot``, ``mjd`` or ``jd``."""
    time_scale: str | None = None
    """Of an instant: ``utc`` or ``tai``."""
    time_zone: str | None = None
    """Of an instant that is a local time: ``America/Phoenix`` or ``-07:00``."""
    at: str = "begin"
    """Which instant of the exposure this is: ``begin``, ``middle`` or ``end``."""
    factor: float = 1.0
    offset: float = 0.0
    least: float | None = None
    """The smallest number that can be true; None is what the fact allows."""
    most: float | None = None
    """The largest number that can be true; None is what the fact allows."""
    pattern: str | None = None
    """Regular expression; its first group is the part of the text that counts."""
    matches: str | None = None
    """Regular expression that the text has to match as a whole."""
    above: float | None = None
    """The number has to be larger."""
    when: Mapping[str, str] = field(factory=dict, converter=_with_capitals)
    """Regular expressions that other cards have to match as a whole, letter case aside."""
    since: Bound | None = None
    before: Bound | None = None

    def __attrs_post_init__(self) -> None:
        if sum((bool(self.cards), self.value is not None, self.file is not None)) != 1:
            raise InvalidCameraError("a header rule names either cards or a value or a file's pattern")
        for card in (*self.cards, *self.when):
            if card.strip() in _COMMENTS:
                raise InvalidCameraError(f"a header rule reads the card {card!r}, which is a comment")
        for name, allowed in _ALLOWED_WORDS.items():
            word = getattr(self, name)
            if word is not None and word not in allowed:
                raise InvalidCameraError(f"{name} {word!r} of a header rule is not {' or '.join(allowed)}")
        if (self.format is None) != (self.time_scale is None):
            raise InvalidCameraError("an instant in a header has both a format and a time_scale")
        if self.time_zone is not None:
            _check_zone(self)
        _check_expressions(self)

    @property
    def is_ranged(self) -> bool:
        """Whether it holds for some exposures only."""
        return self.since is not None or self.before is not None

    def holds(self, day_obs: int, seqnum: int, begin: TaiSeconds) -> bool:
        """Tell whether an exposure is among those that it holds for."""
        moment = (day_obs, seqnum, begin)
        return (self.since is None or self.since.reached(*moment)) and not (
            self.before is not None and self.before.reached(*moment)
        )


_ALLOWED_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "unit": ("deg", "hourangle", "dms"),
    "format": ("isot", "mjd", "jd"),
    "time_scale": ("utc", "tai"),
    "at": ("begin", "middle", "end"),
}

_COMMENTS: Final = frozenset({"", "COMMENT", "HISTORY"})
"""Keywords of cards that hold text for people and no facts; a blank one is such."""

_OFFSET: Final = re.compile(r"[+-][0-9]{2}:[0-9]{2}")


def _check_zone(rule: CardRule) -> None:
    zone = rule.time_zone or ""
    if rule.format != "isot" or rule.time_scale != "utc":
        raise InvalidCameraError(
            f"time_zone {zone!r} stands where format and time_scale are not isot and utc"
        )
    if _OFFSET.fullmatch(zone):
        return
    try:
        zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidCameraError(
            f"time_zone {zone!r} is neither an offset such as -07:00 nor a zone that this machine knows"
        ) from error


def _check_expressions(rule: CardRule) -> None:
    for name in ("pattern", "file"):
        expression = getattr(rule, name)
        if expression is not None and _groups(expression) != 1:
            raise InvalidCameraError(f"{name} {expression!r} is not an expression with one group")
    for expression in (*rule.when.values(), *([] if rule.matches is None else [rule.matches])):
        if _groups(expression) is None:
            raise InvalidCameraError(f"{expression!r} is not a regular expression")


def _groups(pattern: str) -> int | None:
    try:
        return re.compile(pattern).groups
    except re.error:
        return None
