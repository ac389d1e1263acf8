"""Which cards of a camera's headers hold which fact: guessed by name, and tried on every frame.

A guess counts only if the project's own reading of headers takes it: a card of
the right name that holds something else is passed over.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from attrs import frozen

from domain.cameras.camera import CardRule
from domain.headers import cards as read
from domain.headers.cards import InvalidHeaderError
from domain.headers.instants import instant

__all__ = [
    "FactGuess",
    "Matrix",
    "cd_matrix",
    "example",
    "exposure_of",
    "guess_begin",
    "guess_facts",
    "is_science",
    "is_unlit",
    "values_of",
]

type Cards = Mapping[str, object]
type Matrix = tuple[float, float, float, float]
"""Row by row, degrees per pixel."""

_ENOUGH: Final = 0.9
"""Share of the frames in which a rule has to find its fact."""

_TYPES: Final = ("IMAGETYP", "OBSTYPE", "IMGTYPE", "FRAME", "EXPTYPE", "DATA-TYP", "OBJECT")
_FILTERS: Final = ("FILTER", "FILTNAME", "FILTERID", "FILTER1", "INSFILTE", "FILTNAM", "FILT_ID", "FILTER01")
_EXPOSURE_TIMES: Final = ("EXPTIME", "EXPOSURE", "EXP_TIME", "ITIME", "DARKTIME", "TELAPSE")
_BEGIN_DATES: Final = ("DATE-BEG", "DATE-OBS", "DATE_OBS", "UTDATE")
_BEGIN_TIMES: Final = ("UTCSTART", "TIME-OBS", "UT", "UTC", "UTSTART", "UT-TIME", "UTC-OBS", "TIME-BEG")
_DAYS: Final = (("MJD-BEG", "mjd"), ("MJD-OBS", "mjd"), ("MJD", "mjd"), ("JD", "jd"), ("JULDATE", "jd"))
_RIGHT_ASCENSIONS: Final = ("RASTART", "RA", "OBJCTRA", "TELRA", "RA_DEG", "RA-DEG", "CRVAL1")
_DECLINATIONS: Final = ("DECSTART", "DEC", "OBJCTDEC", "TELDEC", "DEC_DEG", "DEC-DEG", "CRVAL2")
_ANGLES: Final = ("ROTPA", "ROTSKYPA", "POSANGLE", "ROTANGLE", "PA", "CROTA2")
_NUMBERS: Final = ("SEQNUM", "OBSERNO", "OBSNUM", "SEQNO", "FRAMENO", "FRAMENUM", "EXPNUM", "RUNNO", "NUMBER")
_NAMES: Final = ("OBSID", "OBS_ID", "EXPNAME", "FRAMEID", "FILENAME", "ORIGFILE", "ORIGNAME")
_LAST_NUMBERS: Final = ("([0-9]{1,5})[^0-9]*$", "([0-9]{1,5})[^0-9]+[0-9]+[^0-9]*$")
"""The last number of a file's name, or the one before: the last may be that of a detector."""


@frozen(kw_only=True)
class FactGuess:
    """One fact's rule, as a camera file writes it, and what speaks for it."""

    fact: str
    rule: Mapping[str, Any]
    why: str
    is_certain: bool = False
    """Whether nobody has to look at it again."""


def is_science(cards: Cards) -> bool:
    """Tell whether a frame shows the sky, as far as its header tells."""
    words = " ".join(str(cards.get(card, "")) for card in _TYPES)
    return re.search("bias|zero|dark|flat", words, re.IGNORECASE) is None


def is_unlit(cards: Cards) -> bool:
    """Tell whether a frame was taken with the shutter closed, as far as its header tells."""
    words = " ".join(str(cards.get(card, "")) for card in _TYPES)
    return re.search("bias|zero|dark", words, re.IGNORECASE) is not None


def guess_facts(
    headers: Sequence[Cards],
    names: Sequence[str] = (),
    *,
    detectors: int = 1,
    matrices: Sequence[Matrix] | None = None,
) -> tuple[FactGuess, ...]:
    """Guess the rules of all facts that these headers tell, but for the detector.

    Parameters
    ----------
    headers
        Cards of one camera's frames, of all kinds.
    names
        Of their files, where nothing in the headers numbers the exposures.
    detectors
        How many frames an exposure has.
    matrices
        CD matrices of the detector by which the camera is turned; None: those of the headers.
    """
    science = [cards for cards in headers if is_science(cards)] or list(headers)
    lit = [cards for cards in headers if not is_unlit(cards)] or list(headers)
    begin = guess_begin(headers)
    begins = [exposure_of(cards, begin) for cards in headers] if detectors > 1 else None
    guesses = (
        _first("obs_id", _names(), headers, read.text, repeats=detectors, exposures=begins),
        _number(headers, detectors, begins) or _number_in(headers, names, detectors, begin),
        _first("physical_filter", _named(_FILTERS), lit, read.text)
        or _first("physical_filter", _named(_FILTERS), science, read.text),
        _first("exposure_time", _named(_EXPOSURE_TIMES), headers, read.number),
        begin,
        _first("end", [{"card": "DATE-END", **_scale(headers)}], headers, instant),
        _angle("ra", _RIGHT_ASCENSIONS, science),
        _angle("dec", _DECLINATIONS, science),
        _sky_angle(science, matrices),
        _first("observation_type", _named(_TYPES), headers, read.text),
    )
    return tuple(guess for guess in guesses if guess is not None)


def _named(cards: Sequence[str]) -> list[dict[str, Any]]:
    return [{"card": card} for card in cards]


def _card_rule(rule: Mapping[str, Any]) -> CardRule:
    rest = {name: value for name, value in rule.items() if name not in ("card", "cards")}
    cards = (rule["card"],) if "card" in rule else tuple(rule.get("cards", ()))
    return CardRule(cards=cards, **rest)


def values_of[T](
    rule: Mapping[str, Any], headers: Sequence[Cards], reader: Callable[[CardRule, Cards], T | None]
) -> list[T]:
    """Read a fact from every header in which a rule finds it."""
    as_rule = _card_rule(rule)
    found = []
    for cards in headers:
        try:
            value = reader(as_rule, cards)
        except InvalidHeaderError:
            continue
        if value is not None:
            found.append(value)
    return found


def _first[T](
    fact: str,
    rules: Sequence[Mapping[str, Any]],
    headers: Sequence[Cards],
    reader: Callable[[CardRule, Cards], T | None],
    *,
    repeats: int | None = None,
    exposures: Sequence[object] | None = None,
) -> FactGuess | None:
    """Take the first rule that finds the fact in nearly every header.

    No value may be found oftener than `repeats`, and each exposure has one that no other has.
    """
    for rule in rules:
        found = values_of(rule, headers, reader)
        if len(found) < max(_ENOUGH * len(headers), 1):
            continue
        if repeats is not None and max(Counter(found).values()) > repeats:
            continue
        if exposures is not None and not _tells_exposures(rule, headers, reader, exposures):
            continue
        written = values_of(rule, headers, read.text)
        why = f"in {len(found)} of {len(headers)} frames, {example(written)}"
        return FactGuess(fact=fact, rule=rule, why=why)
    return None


def _tells_exposures[T](
    rule: Mapping[str, Any],
    headers: Sequence[Cards],
    reader: Callable[[CardRule, Cards], T | None],
    exposures: Sequence[object],
) -> bool:
    pairs = {
        (value, exposure)
        for cards, exposure in zip(headers, exposures, strict=True)
        for value in values_of(rule, [cards], reader)
    }
    return len(pairs) == len({value for value, _ in pairs}) == len({exposure for _, exposure in pairs})


def example(found: Iterable[object]) -> str:
    """Name values that were found: all if they are few."""
    kinds = list(dict.fromkeys(str(value) for value in found))
    return f"such as {kinds[0]}" if len(kinds) > 4 else " or ".join(kinds)


def _scale(headers: Sequence[Cards]) -> dict[str, str]:
    says_tai = any(str(cards.get("TIMESYS", "")).strip().upper() == "TAI" for cards in headers)
    return {"format": "isot", "time_scale": "tai" if says_tai else "utc"}


def guess_begin(headers: Sequence[Cards]) -> FactGuess | None:
    """Guess which cards tell when an exposure began."""
    scale = _scale(headers)
    rules: list[dict[str, Any]] = [{"card": card, **scale} for card in _BEGIN_DATES]
    rules += [{"cards": [date, time], "join": "T", **scale} for date in _BEGIN_DATES for time in _BEGIN_TIMES]
    rules += [{"card": card, **scale, "format": form} for card, form in _DAYS]
    return _first("begin", rules, headers, instant)


def exposure_of(cards: Cards, begin: FactGuess | None) -> object:
    """Tell an exposure by the second in which it began."""
    return None if begin is None else tuple(round(one) for one in values_of(begin.rule, [cards], instant))


def _number(headers: Sequence[Cards], detectors: int, exposures: Sequence[object] | None) -> FactGuess | None:
    """Find what numbers the exposures of a night: a card, or the digits at the end of a file's name."""
    rules = [*_named(_NUMBERS), *({"card": card, "pattern": r"([0-9]{1,5})\D*$"} for card in _NAMES)]
    return _first("seqnum", rules, headers, read.integer, repeats=detectors, exposures=exposures)


def _names() -> list[dict[str, Any]]:
    """Try a file's name without its folder and suffix before the whole text."""
    whole = _named(_NAMES)
    return [rule for card in whole for rule in ({**card, "pattern": r"([^/]+)[.]fi?ts?\b"}, card)]


def _number_in(
    headers: Sequence[Cards], names: Sequence[str], detectors: int, begin: FactGuess | None
) -> FactGuess | None:
    """Find the exposures' numbers at the end of their files' names.

    Biases and flats often begin at 1 again: only science frames have to be told apart.
    """
    pairs = [
        (name, exposure_of(cards, begin))
        for cards, name in zip(headers, names, strict=False)
        if is_science(cards)
    ] or [(name, exposure_of(cards, begin)) for cards, name in zip(headers, names, strict=False)]
    for pattern in _LAST_NUMBERS:
        found = [(int(match[1]), begun) for name, begun in pairs if (match := re.search(pattern, name))]
        if not found or len(found) < len(pairs):
            continue
        told = len(set(found)) == len({number for number, _ in found})
        if told and max(Counter(number for number, _ in found).values()) <= detectors:
            why = f"in the files' names, such as {found[0][0]}"
            return FactGuess(fact="seqnum", rule={"file": pattern}, why=why)
    return None


def _angle(fact: str, cards: Sequence[str], headers: Sequence[Cards]) -> FactGuess | None:
    for card in cards:
        written = values_of({"card": card}, headers, read.text)
        is_sexagesimal = any(re.search(r"\d[:\s]+\d", text) for text in written)
        rule = {"card": card, "unit": "hourangle" if fact == "ra" and is_sexagesimal else "deg"}
        found = values_of(rule, headers, read.angle)
        if len(found) >= max(_ENOUGH * len(headers), 1) and all(_is_possible(fact, one) for one in found):
            why = f"in {len(found)} of {len(headers)} frames, such as {written[0]}"
            return FactGuess(fact=fact, rule=rule, why=why)
    return None


def _is_possible(fact: str, degrees: float) -> bool:
    return 0 <= degrees < 360 if fact == "ra" else -90 <= degrees <= 90


def _sky_angle(headers: Sequence[Cards], matrices: Sequence[Matrix] | None) -> FactGuess:
    named = _first("sky_angle", [{"card": card, "unit": "deg"} for card in _ANGLES], headers, read.angle)
    if named is not None:
        return named
    if matrices is None:
        matrices = [matrix for cards in headers if (matrix := cd_matrix(cards)) is not None]
    # The position angle of +y, degrees from north through east.
    turned = sorted(math.degrees(math.atan2(matrix[1], matrix[3])) % 360.0 for matrix in matrices)
    if turned:
        value = round(turned[len(turned) // 2], 2)
        return FactGuess(fact="sky_angle", rule={"value": value}, why="from the headers' CD matrices")
    return FactGuess(fact="sky_angle", rule={"value": 0.0}, why="nothing tells it: +y is taken to be north")


def cd_matrix(cards: Cards) -> Matrix | None:
    """Read a header's CD matrix, row by row, in degrees per pixel, or make it of CDELT and CROTA2.

    Some writers give numbers as text.
    """
    try:
        if "CD1_1" in cards:
            one, two, three, four = (
                float(str(cards.get(f"CD{row}_{column}", 0))) for row in (1, 2) for column in (1, 2)
            )
        elif str(cards.get("CTYPE1", "")).startswith("RA--"):
            x, y = float(str(cards["CDELT1"])), float(str(cards["CDELT2"]))
            turn = math.radians(float(str(cards.get("CROTA2", 0))))
            one, two = x * math.cos(turn), -y * math.sin(turn)
            three, four = x * math.sin(turn), y * math.cos(turn)
        else:
            return None
    except (KeyError, ValueError):
        return None
    return None if one * four == two * three else (one, two, three, four)
