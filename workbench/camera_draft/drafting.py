"""From frames to the draft of their camera."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from attrs import frozen

from workbench.camera_draft.header_guess import FactGuess, guess_facts, is_science, is_unlit
from workbench.camera_draft.known import Known
from workbench.camera_draft.readouts import ReadoutDraft, draft_readout
from workbench.camera_draft.samples import Sample
from workbench.camera_draft.scales import Scales, find_scales
from workbench.camera_draft.words import band_of, kind_of

__all__ = ["CameraDraft", "DetectorDraft", "draft_camera"]


@frozen(kw_only=True)
class DetectorDraft:
    """A detector whose frames were seen."""

    number: int
    shape: tuple[int, int]
    """Rows and columns of its raws: it is of the type with this shape."""


@frozen(kw_only=True)
class CameraDraft:
    """All that a camera file holds, as far as frames tell it."""

    instrument: str
    called: tuple[str, ...]
    """What headers call it, other than `instrument`."""
    is_named: bool
    """Whether the headers name their instrument at all."""
    scales: Scales
    readouts: Mapping[tuple[int, int], ReadoutDraft]
    """By the rows and columns of the raws."""
    detectors: tuple[DetectorDraft, ...]
    facts: tuple[FactGuess, ...]
    has_wcs: bool
    filters: Mapping[str, Known]
    observation_types: Mapping[str, Known]
    remarks: tuple[str, ...]


def draft_camera(
    frames: Sequence[Sample], *, instrument: str | None = None, say: Callable[[str], None] = lambda _: None
) -> CameraDraft:
    """Draft a camera from its frames.

    Parameters
    ----------
    frames
        At least one.
    instrument
        The camera's name; None: made of what the headers call it.
    say
        Told what is being done.
    """
    headers = [frame.cards for frame in frames]
    name, called = _instrument(headers, instrument)
    facts = guess_facts(headers, [frame.path.name for frame in frames])
    rules = {guess.fact: guess for guess in facts}
    types = _observation_types(headers, rules.get("observation_type"))
    detectors, remarks = _detectors(frames, rules["detector"])
    readouts = {}
    for shape in sorted({detector.shape for detector in detectors}, reverse=True):
        say(f"measuring the frames of {shape[1]} x {shape[0]} pixels")
        alike = [frame for frame in frames if frame.shape == shape]
        readouts[shape] = draft_readout(_by_kind(alike, rules.get("observation_type"), types))
    return CameraDraft(
        instrument=name,
        called=called,
        is_named=any("INSTRUME" in cards for cards in headers),
        scales=find_scales(headers),
        readouts=readouts,
        detectors=detectors,
        facts=facts,
        has_wcs=_have_wcs(headers),
        filters=_filters(headers, rules.get("physical_filter")),
        observation_types=types,
        remarks=remarks,
    )


def _instrument(headers: Iterable[Mapping[str, object]], asked: str | None) -> tuple[str, tuple[str, ...]]:
    names = Counter(str(cards["INSTRUME"]).strip() for cards in headers if "INSTRUME" in cards)
    called = tuple(name for name, _ in names.most_common() if name)
    chosen = asked or (re.sub(r"[^A-Za-z0-9_]", "", called[0]) if called else "") or "MyCamera"
    return chosen, tuple(name for name in called if name.casefold() != chosen.casefold())


def _texts(headers: Iterable[Mapping[str, object]], guess: FactGuess | None) -> list[str]:
    """List what a card says, the most usual first."""
    if guess is None or "card" not in guess.rule:
        return []
    found = (str(cards.get(guess.rule["card"], "")).strip() for cards in headers)
    return [text for text, _ in Counter(text for text in found if text).most_common()]


def _observation_types(
    headers: Sequence[Mapping[str, object]], guess: FactGuess | None
) -> Mapping[str, Known]:
    return {
        word: Known(value=kind, why="")
        if (kind := kind_of(word))
        else Known(value="science", why="no usual word for a kind of frame", is_open=True)
        for word in _texts(headers, guess)
    }


def _by_kind(
    frames: Sequence[Sample], guess: FactGuess | None, types: Mapping[str, Known]
) -> Mapping[str, list[Sample]]:
    found: dict[str, list[Sample]] = {"bias": [], "flat": [], "science": []}
    for frame in frames:
        word = str(frame.cards.get(guess.rule["card"], "")).strip() if guess is not None else ""
        found.setdefault(types[word].value if word in types else "science", []).append(frame)
    return found


def _detectors(
    frames: Sequence[Sample], guess: FactGuess
) -> tuple[tuple[DetectorDraft, ...], tuple[str, ...]]:
    """Find the detectors; of one whose frames are of several sizes, the usual one counts."""
    shapes: dict[int, Counter[tuple[int, int]]] = {}
    for frame in frames:
        number = int(str(frame.cards[guess.rule["card"]])) if "card" in guess.rule else 0
        shapes.setdefault(number, Counter())[frame.shape] += 1
    remarks = []
    for number, counts in sorted(shapes.items()):
        (usual, many), *others = counts.most_common()
        if others:
            rest = ", ".join(f"{count} of {shape[1]} x {shape[0]}" for shape, count in others)
            size = f"{usual[1]} x {usual[0]}"
            remarks.append(
                f"detector {number}: described by its {many} frames of {size} pixels; there are {rest}"
            )
    found = (
        DetectorDraft(number=number, shape=counts.most_common(1)[0][0])
        for number, counts in sorted(shapes.items())
    )
    return tuple(found), tuple(remarks)


def _have_wcs(headers: Sequence[Mapping[str, object]]) -> bool:
    science = [cards for cards in headers if is_science(cards)]
    return bool(science) and all(
        str(cards.get("CTYPE1", "")).startswith("RA--") and ("CD1_1" in cards or "CDELT1" in cards)
        for cards in science
    )


def _filters(headers: Sequence[Mapping[str, object]], guess: FactGuess | None) -> Mapping[str, Known]:
    lit = [cards for cards in headers if not is_unlit(cards)] or headers
    return {name: _band(name) for name in _texts(lit, guess) or ["unknown"]}


def _band(name: str) -> Known:
    band = band_of(name)
    return (
        Known(value="r", why="", is_open=True)
        if band is None
        else Known(value=band, why="guess: by its name")
    )
