"""From frames to the draft of their camera."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from attrs import frozen

from domain.cameras.detectors import Hdu
from workbench.camera_draft.amplifiers.readouts import ReadoutDraft, draft_readout
from workbench.camera_draft.detector_guess import DetectorGuess, tell_detectors
from workbench.camera_draft.detector_types import share_types
from workbench.camera_draft.header_guess import (
    FactGuess,
    exposure_of,
    guess_begin,
    guess_facts,
    is_science,
    is_unlit,
)
from workbench.camera_draft.known import Known
from workbench.camera_draft.places import Place, detector_matrix, nearest_to_boresight, place_detectors
from workbench.camera_draft.samples import Sample
from workbench.camera_draft.scales import Scales, find_scales
from workbench.camera_draft.words import band_of, kind_of

__all__ = ["CameraDraft", "DetectorDraft", "draft_camera"]

_FEW: Final = 4
"""Detectors of which as many frames are read as tell anything; of more, fewer of each."""


@frozen(kw_only=True)
class DetectorDraft:
    """A detector whose frames were seen."""

    number: int
    name: str
    type: int
    """Which of the camera's types, from 0."""
    hdu: Hdu | None
    """Where a file holds several detectors, the HDU of this one; None if its amplifiers name theirs."""
    file: str | None
    """What the names of its files look like; None if those of others do so too."""
    place: Place | None
    """None if nothing tells it."""


@frozen(kw_only=True)
class CameraDraft:
    """All that a camera file holds, as far as frames tell it."""

    instrument: str
    called: tuple[str, ...]
    """What headers call it, other than `instrument`."""
    is_named: bool
    """Whether the headers name their instrument at all."""
    scales: Scales
    types: tuple[ReadoutDraft, ...]
    detectors: tuple[DetectorDraft, ...]
    is_mosaic: bool
    """Whether a file holds several detectors."""
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
    is_mosaic = not all(frame.is_alone for frame in frames)
    files = [frame.path.name for frame in frames]
    begin = guess_begin(headers)
    hdus = [frame.hdus for frame in frames] if is_mosaic else ()
    told = tell_detectors(headers, begin, files=files, hdus=hdus)
    by_detector, remarks = _by_detector(frames, told)
    typing = guess_facts(headers, files, detectors=told.count)
    rule = {guess.fact: guess for guess in typing}.get("observation_type")
    types = _observation_types(headers, rule)
    readouts = []
    for number, (key, its) in enumerate(by_detector.items(), start=1):
        say(f"measuring detector {key[1]}, {number} of {len(by_detector)}")
        readouts.append(draft_readout(_by_kind(its, rule, types), 8 if len(by_detector) <= _FEW else 3))
    together = _of_one_exposure(by_detector, begin)
    central = nearest_to_boresight(together, readouts)
    turned = [
        matrix
        for frame in list(by_detector.values())[central]
        if is_science(frame.cards) and (matrix := detector_matrix(frame, readouts[central])) is not None
    ]
    facts = guess_facts(headers, files, detectors=told.count, matrices=turned)
    shared, which = share_types(readouts, [key[1] for key in by_detector])
    drafts = tuple(
        DetectorDraft(
            number=key[0],
            name=key[1],
            type=kind,
            hdu=its[0].hdus[0] if is_mosaic and len(its[0].hdus) == 1 else None,
            file=told.patterns.get(key[0]),
            place=place,
        )
        for (key, its), kind, place in zip(
            by_detector.items(), which, place_detectors(together, readouts), strict=True
        )
    )
    return CameraDraft(
        instrument=name,
        called=called,
        is_named=any("INSTRUME" in cards for cards in headers),
        scales=find_scales(headers, turned[0] if turned else None),
        types=tuple(shared),
        detectors=tuple(sorted(drafts, key=lambda one: one.number)),
        is_mosaic=is_mosaic,
        facts=(*([told.rule] if told.rule is not None else []), *facts),
        has_wcs=_have_wcs(headers) and all(_moves_as_one(one) for one in readouts),
        filters=_filters(headers, {guess.fact: guess for guess in facts}.get("physical_filter")),
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


def _by_detector(
    frames: Sequence[Sample], told: DetectorGuess
) -> tuple[dict[tuple[int, str], list[Sample]], tuple[str, ...]]:
    """Gather the frames of each detector; if they are of several sizes, those of the usual one."""
    all_of: dict[tuple[int, str], list[Sample]] = {}
    for frame, key in zip(frames, told.keys, strict=True):
        all_of.setdefault(key, []).append(frame)
    remarks = []
    usual_of = {}
    for key, its in sorted(all_of.items()):
        counts = Counter(frame.shape for frame in its)
        (usual, many), *others = counts.most_common()
        usual_of[key] = [frame for frame in its if frame.shape == usual]
        if others:
            rest = ", ".join(f"{count} of {_size(shape)}" for shape, count in others)
            remarks.append(
                f"detector {key[1]}: described by its {many} frames of {_size(usual)} pixels;"
                f" there are {rest}"
            )
    if not all(frame.is_told for frame in frames):
        remarks.append(
            "detectors: nothing tells whether the images of a file are of a detector each, as they are"
            " taken to be, or of an amplifier each"
        )
    return usual_of, tuple(remarks)


def _size(shape: Sequence[tuple[int, int]]) -> str:
    many = f"{len(shape)} images of " if len(shape) > 1 else ""
    return many + " and ".join(dict.fromkeys(f"{columns} x {rows}" for rows, columns in shape))


def _of_one_exposure(
    by_detector: Mapping[tuple[int, str], Sequence[Sample]], begin: FactGuess | None
) -> list[Sample]:
    """Choose a frame of each detector: of the science exposure that has most of them, else its first."""
    exposures: dict[object, dict[tuple[int, str], Sample]] = {}
    for key, its in by_detector.items():
        for frame in its:
            if is_science(frame.cards):
                exposures.setdefault(exposure_of(frame.cards, begin), {})[key] = frame
    most = max(exposures.values(), key=len, default={})
    return [most.get(key, its[0]) for key, its in by_detector.items()]


def _have_wcs(headers: Sequence[Mapping[str, object]]) -> bool:
    science = [cards for cards in headers if is_science(cards)]
    return bool(science) and all(
        str(cards.get("CTYPE1", "")).startswith("RA--") and ("CD1_1" in cards or "CDELT1" in cards)
        for cards in science
    )


def _moves_as_one(readout: ReadoutDraft) -> bool:
    """Tell whether the WCS of a raw holds for the assembled detector, but for one shift."""
    placed = [one.placed for one in readout.amplifiers]
    shifts = {
        (one.image, one.sections.data.x_min - one.place.x_min, one.sections.data.y_min - one.place.y_min)
        for one in placed
    }
    return len(shifts) == 1 and not any(one.flip_x or one.flip_y for one in placed)


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
