"""Which cards of a camera's headers hold which fact: guessed by name, and tried on every frame.

A guess counts only if the project's own reading of headers takes it: a card of
the right name that holds something else is passed over.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from attrs import evolve, frozen

from domain.cameras.camera import CardRule
from domain.headers import cards as read
from domain.headers.cards import InvalidHeaderError
from domain.headers.instants import instant

__all__ = ["FactGuess", "cd_matrix", "guess_facts", "is_science"]

type Cards = Mapping[str, object]

_ENOUGH: Final = 0.9
"""Share of the frames in which a rule has to find its fact."""

_TYPES: Final = ("IMAGETYP", "OBSTYPE", "IMGTYPE", "FRAME", "EXPTYPE", "OBJECT")
_FILTERS: Final = ("FILTER", "FILTNAME", "FILTERID", "FILTER1", "INSFILTE", "FILTNAM", "FILT_ID")
_EXPOSURE_TIMES: Final = ("EXPTIME", "EXPOSURE", "EXP_TIME", "ITIME", "DARKTIME", "TELAPSE")
_BEGIN_DATES: Final = ("DATE-BEG", "DATE-OBS", "DATE_OBS", "UTDATE")
_BEGIN_TIMES: Final = ("UTCSTART", "TIME-OBS", "UT", "UTC", "UTSTART", "UT-TIME", "UTC-OBS", "TIME-BEG")
_DAYS: Final = (("MJD-BEG", "mjd"), ("MJD-OBS", "mjd"), ("MJD", "mjd"), ("JD", "jd"), ("JULDATE", "jd"))
_RIGHT_ASCENSIONS: Final = ("RASTART", "RA", "OBJCTRA", "TELRA", "RA_DEG", "RA-DEG", "CRVAL1")
_DECLINATIONS: Final = ("DECSTART", "DEC", "OBJCTDEC", "TELDEC", "DEC_DEG", "DEC-DEG", "CRVAL2")
_ANGLES: Final = ("ROTPA", "ROTSKYPA", "POSANGLE", "ROTANGLE", "PA", "CROTA2")
_NUMBERS: Final = ("SEQNUM", "OBSERNO", "OBSNUM", "SEQNO", "FRAMENO", "FRAMENUM", "EXPNUM", "RUNNO", "NUMBER")
_NAMES: Final = ("OBSID", "OBS_ID", "EXPNAME", "FRAMEID", "FILENAME", "ORIGFILE", "ORIGNAME")
_DETECTORS: Final = ("CCDNUM", "DETNUM", "DET-ID", "CHIPNUM", "CCDID", "CHIPID", "DETECTOR", "CCD", "CHIP")
_OF_A_DETECTOR: Final = re.compile("DET|CCD|CHIP|SENS|EXTVER|IMAGEID")
_MOST_DETECTORS: Final = 400


_LAST_NUMBER: Final = "([0-9]{1,5})[^0-9]*$"


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


def guess_facts(headers: Sequence[Cards], names: Sequence[str] = ()) -> tuple[FactGuess, ...]:
    """Guess the rules of all facts that these headers tell.

    Parameters
    ----------
    headers
        Cards of one camera's frames, of all kinds.
    names
        Of their files, where nothing in the headers numbers the exposures.
    """
    science = [cards for cards in headers if is_science(cards)] or list(headers)
    lit = [cards for cards in headers if not is_unlit(cards)] or list(headers)
    begin = _begin(headers)
    detector = _detector(headers, begin)
    many = len(set(_values(detector.rule, headers, read.integer)))
    guesses = (
        _first("obs_id", _names(), headers, read.text, repeats=many),
        detector,
        _number(headers, many) or _number_in(_of_science(headers, names), many),
        _first("physical_filter", _named(_FILTERS), lit, read.text)
        or _first("physical_filter", _named(_FILTERS), science, read.text),
        _first("exposure_time", _named(_EXPOSURE_TIMES), headers, read.number),
        begin,
        _first("end", [{"card": "DATE-END", **_scale(headers)}], headers, instant),
        _angle("ra", _RIGHT_ASCENSIONS, science),
        _angle("dec", _DECLINATIONS, science),
        _sky_angle(science),
        _first("observation_type", _named(_TYPES), headers, read.text),
    )
    return tuple(guess for guess in guesses if guess is not None)


def _named(cards: Sequence[str]) -> list[dict[str, Any]]:
    return [{"card": card} for card in cards]


def _card_rule(rule: Mapping[str, Any]) -> CardRule:
    rest = {name: value for name, value in rule.items() if name not in ("card", "cards")}
    cards = (rule["card"],) if "card" in rule else tuple(rule.get("cards", ()))
    return CardRule(cards=cards, **rest)


def _values[T](
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
) -> FactGuess | None:
    """Take the first rule that finds the fact in nearly every header, no value oftener than `repeats`."""
    for rule in rules:
        found = _values(rule, headers, reader)
        if len(found) < max(_ENOUGH * len(headers), 1):
            continue
        if repeats is not None and max(Counter(found).values()) > repeats:
            continue
        written = _values(rule, headers, read.text)
        why = f"in {len(found)} of {len(headers)} frames, {_example(written)}"
        return FactGuess(fact=fact, rule=rule, why=why)
    return None


def _example(found: Sequence[object]) -> str:
    kinds = list(dict.fromkeys(str(value) for value in found))
    return f"such as {kinds[0]}" if len(kinds) > 4 else " or ".join(kinds)


def _scale(headers: Sequence[Cards]) -> dict[str, str]:
    says_tai = any(str(cards.get("TIMESYS", "")).strip().upper() == "TAI" for cards in headers)
    return {"format": "isot", "time_scale": "tai" if says_tai else "utc"}


def _begin(headers: Sequence[Cards]) -> FactGuess | None:
    scale = _scale(headers)
    rules: list[dict[str, Any]] = [{"card": card, **scale} for card in _BEGIN_DATES]
    rules += [{"cards": [date, time], "join": "T", **scale} for date in _BEGIN_DATES for time in _BEGIN_TIMES]
    rules += [{"card": card, **scale, "format": form} for card, form in _DAYS]
    return _first("begin", rules, headers, instant)


def _number(headers: Sequence[Cards], detectors: int) -> FactGuess | None:
    """Find what numbers the exposures of a night: a card, or the digits at the end of a file's name."""
    rules = [*_named(_NUMBERS), *({"card": card, "pattern": r"([0-9]{1,5})\D*$"} for card in _NAMES)]
    return _first("seqnum", rules, headers, read.integer, repeats=detectors)


def _names() -> list[dict[str, Any]]:
    """Try a file's name without its folder and suffix before the whole text."""
    whole = _named(_NAMES)
    return [rule for card in whole for rule in ({**card, "pattern": r"([^/]+)[.]fi?ts?\b"}, card)]


def _detector(headers: Sequence[Cards], begin: FactGuess | None) -> FactGuess:
    """Find what tells the files of one exposure apart: nothing, if each has a begin of its own."""
    alone = FactGuess(fact="detector", rule={"value": 0}, why="no two frames begin at the same time")
    if begin is None:
        return alone
    begins = [tuple(_values(begin.rule, [cards], instant)) for cards in headers]
    if max(Counter(begins).values()) == 1:
        return alone
    others = {card for cards in headers for card in cards if _OF_A_DETECTOR.search(card)} - set(_DETECTORS)
    for card in (*_DETECTORS, *sorted(others)):
        numbers = [tuple(_values({"card": card}, [cards], read.integer)) for cards in headers]
        pairs = Counter(zip(begins, numbers, strict=True))
        if all(numbers) and len(set(numbers)) <= _MOST_DETECTORS and max(pairs.values()) == 1:
            why = f"frames of one time differ in it: {_example(sorted({one for (one,) in numbers}))}"
            return FactGuess(fact="detector", rule={"card": card}, why=why)
    return evolve(alone, why="frames begin at the same time, and no card tells their detectors apart")


def _of_science(headers: Sequence[Cards], names: Sequence[str]) -> Sequence[str]:
    """Keep the names of science frames: biases and flats often begin at 1 again."""
    return [name for cards, name in zip(headers, names, strict=False) if is_science(cards)] or names


def _number_in(names: Sequence[str], detectors: int) -> FactGuess | None:
    """Find the exposures' numbers at the end of their files' names."""
    found = [match[1] for name in names if (match := re.search(_LAST_NUMBER, name))]
    if not found or len(found) < len(names) or max(Counter(map(int, found)).values()) > detectors:
        return None
    return FactGuess(
        fact="seqnum", rule={"file": _LAST_NUMBER}, why=f"in the files' names, such as {found[0]}"
    )


def _angle(fact: str, cards: Sequence[str], headers: Sequence[Cards]) -> FactGuess | None:
    for card in cards:
        written = _values({"card": card}, headers, read.text)
        is_sexagesimal = any(re.search(r"\d[:\s]+\d", text) for text in written)
        rule = {"card": card, "unit": "hourangle" if fact == "ra" and is_sexagesimal else "deg"}
        found = _values(rule, headers, read.angle)
        if len(found) >= max(_ENOUGH * len(headers), 1) and all(_is_possible(fact, one) for one in found):
            why = f"in {len(found)} of {len(headers)} frames, such as {written[0]}"
            return FactGuess(fact=fact, rule=rule, why=why)
    return None


def _is_possible(fact: str, degrees: float) -> bool:
    return 0 <= degrees < 360 if fact == "ra" else -90 <= degrees <= 90


def _sky_angle(headers: Sequence[Cards]) -> FactGuess:
    named = _first("sky_angle", [{"card": card, "unit": "deg"} for card in _ANGLES], headers, read.angle)
    if named is not None:
        return named
    turned = [angle for cards in headers if (angle := _from_matrix(cards)) is not None]
    if turned:
        value = round(sorted(turned)[len(turned) // 2], 2)
        return FactGuess(fact="sky_angle", rule={"value": value}, why="from the headers' CD matrices")
    return FactGuess(fact="sky_angle", rule={"value": 0.0}, why="nothing tells it: +y is taken to be north")


def _from_matrix(cards: Cards) -> float | None:
    """Find the position angle of +y, degrees from north through east, in a CD matrix."""
    matrix = cd_matrix(cards)
    return None if matrix is None else math.degrees(math.atan2(matrix[1], matrix[3])) % 360.0


def cd_matrix(cards: Cards) -> tuple[float, float, float, float] | None:
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
