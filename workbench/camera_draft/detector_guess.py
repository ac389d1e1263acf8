"""What tells the detectors of a camera apart: HDUs, cards, or the names of files."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import evolve, field, frozen

from domain.cameras.detectors import Hdu
from domain.headers import cards as read
from domain.headers.instants import instant
from workbench.camera_draft.file_parts import DETECTOR_NAMES, DETECTOR_NUMBERS
from workbench.camera_draft.header_guess import FactGuess, example, exposure_of, values_of

__all__ = ["DetectorGuess", "tell_detectors"]

type Cards = Mapping[str, object]
type _Kind = tuple[int, str]
"""Which word of a file's name tells the kind of the file, and the word."""

_PAIRS: Final = (("RAFTBAY", "CCDSLOT"), ("RAFTNAME", "SENSNAME"))
"""Cards that name a detector together."""
_OF_A_DETECTOR: Final = re.compile("DET|CCD|CHIP|SENS|EXTVER|IMAGEID")
_IN_FILES: Final = (r"(?:ccd|chip|det|sensor|[-_]c)[-_]?([0-9]{1,3})(?![0-9])", r"([0-9]{1,3})[^0-9]*$")
_WORD: Final = re.compile("[A-Za-z0-9]+")
_MOST: Final = 400
"""Detectors of a camera."""


@frozen(kw_only=True)
class DetectorGuess:
    """Which frame is which detector's, and the rule that says so."""

    rule: FactGuess | None
    """None: the HDU alone tells."""
    keys: tuple[tuple[int, str], ...]
    """Number and name of the detector of each frame."""
    patterns: Mapping[int, str] = field(factory=dict)
    """What the names of a detector's files look like, by number, if others are in others."""

    @property
    def count(self) -> int:
        """How many detectors there are."""
        return len(set(self.keys))


def tell_detectors(
    headers: Sequence[Cards],
    begin: FactGuess | None,
    *,
    files: Sequence[str] = (),
    hdus: Sequence[Sequence[Hdu]] = (),
) -> DetectorGuess:
    """Find what tells the detectors apart.

    Parameters
    ----------
    headers
        Of all frames, each of one detector.
    begin
        The rule by which exposures begin.
    files
        The names of their files.
    hdus
        Of each frame those that are its detector's, where its file holds several detectors'.
    """
    if any(hdus):
        begins = [exposure_of(cards, begin) for cards in headers]
        kinds = _kinds_of_files(files, begins) if len(files) == len(headers) else [None] * len(headers)
        return _by_hdus(headers, [(kind, *one) for kind, one in zip(kinds, hdus, strict=True)])
    alone = FactGuess(fact="detector", rule={"value": 0}, why="no two frames begin at the same time")
    only = DetectorGuess(rule=alone, keys=((0, "det0"),) * len(headers))
    if begin is None:
        return only
    exact = [tuple(values_of(begin.rule, [cards], instant)) for cards in headers]
    if max(Counter(exact).values()) > 1:
        why = "frames begin at the same time, and nothing tells their detectors apart"
        return _by_rules(headers, files, exact, others=True) or evolve(only, rule=evolve(alone, why=why))
    # The computers of a camera's detectors may each have a clock of their own.
    seconds = [tuple(round(time) for time in times) for times in exact]
    together = max(Counter(seconds).values()) > 1
    return (_by_rules(headers, (), seconds, others=False) if together else None) or only


def _kinds_of_files(files: Sequence[str], begins: Sequence[object]) -> list[_Kind | None]:
    """Find the word of the files' names in which those of one exposure differ; None if each has one file."""
    of_one: dict[object, set[str]] = {}
    for name, begun in zip(files, begins, strict=True):
        of_one.setdefault(begun, set()).add(name)
    most = max(map(len, of_one.values()))
    words = [_WORD.findall(name) for name in files]
    for place in range(min(map(len, words)) if most > 1 else 0):
        kinds = [its[place] for its in words]
        pairs = {(begun, kind): name for begun, kind, name in zip(begins, kinds, files, strict=True)}
        if len(set(kinds)) == most and len(pairs) == len(set(files)):
            return [(place, kind) for kind in kinds]
    return [None] * len(files)


def _by_hdus(
    headers: Sequence[Cards], places: Sequence[tuple[_Kind | None, *tuple[Hdu, ...]]]
) -> DetectorGuess:
    order = list(dict.fromkeys(places))
    texts = {card: [_text({"card": card}, cards) for cards in headers] for card in DETECTOR_NAMES}
    numbers = {card: [_number({"card": card}, cards) for cards in headers] for card in DETECTOR_NUMBERS}
    numbering = next((card for card, found in numbers.items() if _is_one_to_one(found, places)), None)
    naming = next((card for card, found in texts.items() if _is_one_to_one(found, places)), None)
    known = dict(zip(places, numbers[numbering], strict=True)) if numbering else {}
    named = dict(zip(places, texts[naming], strict=True)) if naming else {}
    repeats = Counter(one[1:] for one in order)
    keys, patterns = {}, {}
    for at, one in enumerate(order):
        kind, *hdus = one
        number = known.get(one)
        number = at if number is None else number
        own = hdus[0] if len(hdus) == 1 and isinstance(hdus[0], str) else f"det{number}"
        own = f"{own}_{kind[1]}" if kind is not None and repeats[one[1:]] > 1 else own
        keys[one] = number, named.get(one) or own
        if kind is not None:
            patterns[number] = f"{'' if kind[0] == 0 else '*[!A-Za-z0-9]'}{kind[1]}[!A-Za-z0-9]*"
    why = f"differs from HDU to HDU: {example(known.values())}"
    rule = FactGuess(fact="detector", rule={"card": numbering}, why=why) if numbering else None
    return DetectorGuess(rule=rule, keys=tuple(keys[one] for one in places), patterns=patterns)


def _by_rules(
    headers: Sequence[Cards], files: Sequence[str], begins: Sequence[object], *, others: bool
) -> DetectorGuess | None:
    """Find a card, two, or a part of the files' names in which the frames of one time differ."""
    more = {card for cards in headers for card in cards if _OF_A_DETECTOR.search(card)} - set(
        DETECTOR_NUMBERS
    )
    for card in (*DETECTOR_NUMBERS, *(sorted(more) if others else ())):
        if guess := _numbered({"card": card}, [_number({"card": card}, cards) for cards in headers], begins):
            return guess
    joined: list[dict[str, Any]] = [{"cards": list(pair), "join": "_"} for pair in _PAIRS]
    for rule in (*joined, *({"card": card} for card in DETECTOR_NAMES)):
        names = [_text(rule, cards) for cards in headers]
        if _tell_apart(names, begins):
            numbers = {name: number for number, name in enumerate(sorted(filter(None, set(names))))}
            why = f"frames of one time differ in it: {example(numbers)}"
            fact = FactGuess(fact="detector_name", rule=rule, why=why)
            return DetectorGuess(rule=fact, keys=tuple((numbers[name], name) for name in names if name))
    for pattern in _IN_FILES if len(files) == len(headers) else ():
        found = [re.search(pattern, name, re.IGNORECASE) for name in files]
        rule = {"file": f"(?i){pattern}"}
        if guess := _numbered(rule, [int(match[1]) if match else None for match in found], begins):
            return guess
    return None


def _numbered(
    rule: Mapping[str, Any], numbers: Sequence[int | None], begins: Sequence[object]
) -> DetectorGuess | None:
    if not _tell_apart(numbers, begins):
        return None
    found = [number for number in numbers if number is not None]
    why = f"frames of one time differ in it: {example(sorted(set(found)))}"
    return DetectorGuess(
        rule=FactGuess(fact="detector", rule=rule, why=why),
        keys=tuple((number, f"det{number}") for number in found),
    )


def _tell_apart(found: Sequence[object], begins: Sequence[object]) -> bool:
    pairs = Counter(zip(begins, found, strict=True))
    return None not in found and len(set(found)) <= _MOST and max(pairs.values()) == 1


def _is_one_to_one(found: Sequence[object], hdus: Sequence[object]) -> bool:
    pairs = set(zip(found, hdus, strict=True))
    return None not in found and len(pairs) == len(set(found)) == len(set(hdus))


def _number(rule: Mapping[str, Any], cards: Cards) -> int | None:
    found = next(iter(values_of(rule, [cards], read.integer)), None)
    return None if found is None or found < 0 else found


def _text(rule: Mapping[str, Any], cards: Cards) -> str | None:
    found = next(iter(values_of(rule, [cards], read.text)), None)
    return None if found is None or "/" in found or not found.strip() else found.strip()
