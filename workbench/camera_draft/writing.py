"""The text of a drafted camera file, in which every guess is marked."""

import json
from collections.abc import Iterator, Mapping
from typing import Final

from workbench.camera_draft.amplifiers.readouts import AmplifierDraft, ReadoutDraft
from workbench.camera_draft.amplifiers.sections import fits_section
from workbench.camera_draft.drafting import CameraDraft, DetectorDraft
from workbench.camera_draft.header_guess import FactGuess
from workbench.camera_draft.known import Known

__all__ = ["open_questions", "write_draft"]

_FILL_IN: Final = "FILL IN"
_UNUSUAL: Final = "not a usual name"
_NO_TURN: Final = 0.001
"""Degrees."""
_NEEDED: Final = {
    "begin": "header.facts.begin: which card holds when the exposure began",
    "exposure_time": "header.facts.exposure_time: which card holds the seconds of the exposure",
    "seqnum": "header.facts.seqnum (or exposure): what numbers the exposures of a night",
}
"""Facts without which no frame is read."""
_WANTED: Final = {
    "ra": "header.facts.ra and dec: where the telescope points; without them nothing is placed on the sky",
    "physical_filter": "header.facts.physical_filter: without it every frame is of the filter unknown",
    "observation_type": "header.facts.observation_type: without it every frame counts as science",
}


def write_draft(draft: CameraDraft) -> str:
    """Write the camera file."""
    return "\n".join(_lines(draft)) + "\n"


def open_questions(draft: CameraDraft) -> list[str]:
    """List what a person must still say, by key."""
    known = {guess.fact for guess in draft.facts}
    lacking = [question for fact, question in (_NEEDED | _WANTED).items() if fact not in known]
    marked = {
        "focal_plane.plate_scale_arcsec_per_mm": draft.scales.plate_scale,
        "focal_plane.x_axis": draft.scales.x_axis,
        "detector_types: pixel_size_um": draft.scales.pixel_size,
        **{f"filters.{name}": band for name, band in draft.filters.items()},
        **{f"header.observation_types.{word}": kind for word, kind in draft.observation_types.items()},
    }
    remarks = list(draft.remarks)
    questions = [f"{key}: {one.why or _UNUSUAL}" for key, one in marked.items() if one.is_open]
    for name, readout in _named_types(draft):
        questions += _open_numbers(name, readout)
        remarks += [f"detector_types.{name}: {readout.why}"] if readout.is_open else []
        remarks += [f"detector_types.{name}: {readout.remark}"] if readout.remark else []
    lacking += [
        f"header.facts.{guess.fact}: {guess.why}"
        for guess in draft.facts
        if guess.why.startswith("nothing tells")
    ]
    unplaced = [one.name for one in draft.detectors if one.place is None]
    places = [f"detectors: x_mm and y_mm, where each of {', '.join(unplaced)} sits"] if unplaced else []
    return [*lacking, *questions, *places, *remarks]


def _open_numbers(name: str, readout: ReadoutDraft) -> Iterator[str]:
    for what in ("gain", "read_noise", "saturation"):
        lacking = {one.name: known for one in readout.amplifiers if (known := getattr(one, what)).is_open}
        if lacking:
            of = "" if len(readout.amplifiers) == 1 else f" of {', '.join(lacking)}"
            yield f"detector_types.{name}: {what}{of}: {next(iter(lacking.values())).why}"


def _named_types(draft: CameraDraft) -> list[tuple[str, ReadoutDraft]]:
    return [(_type_name(draft, number), one) for number, one in enumerate(draft.types)]


def _type_name(draft: CameraDraft, number: int) -> str:
    return f"ccd{number + 1}" if len(draft.types) > 1 else "ccd"


def _lines(draft: CameraDraft) -> Iterator[str]:
    yield "# Drafted from frames. Look at each line that says guess, measured or FILL IN."
    yield f"instrument: {_scalar(draft.instrument)}"
    if not draft.has_wcs:
        yield "pointing_error_deg: 0.05   # guess: no header has a WCS, so stars are found by their pattern"
    yield "focal_plane:"
    yield f"  plate_scale_arcsec_per_mm: {_with_reason(draft.scales.plate_scale)}"
    yield f"  x_axis: {_with_reason(draft.scales.x_axis)}   # where +x points when +y points north"
    yield "detector_types:"
    for name, readout in _named_types(draft):
        yield f"  {name}:"
        yield f"    nx: {readout.nx}"
        yield f"    ny: {readout.ny}"
        yield f"    pixel_size_um: {_with_reason(draft.scales.pixel_size)}"
        yield from _amplifier_lines(readout)
    yield "detectors:"
    for detector in draft.detectors:
        yield _detector_line(draft, detector)
    yield f"raw_keys: {{scheme: {'mosaic' if draft.is_mosaic else 'grouped'}}}"
    yield "filters:   # the camera's name for a filter, and its band: one of ugrizy"
    for physical_filter, band in draft.filters.items():
        yield f"  {_scalar(physical_filter)}: {_with_reason(band)}"
    yield from _header_lines(draft)


def _detector_line(draft: CameraDraft, detector: DetectorDraft) -> str:
    place, size = detector.place, float(draft.scales.pixel_size.value) / 1000
    entry: dict[str, object] = {
        "number": detector.number,
        "name": detector.name,
        "type": _type_name(draft, detector.type),
        **({} if detector.hdu is None else {"hdu": detector.hdu}),
        **({} if detector.file is None else {"file": detector.file}),
        "x_mm": 0.0 if place is None else round(place.x * size, 3),
        "y_mm": 0.0 if place is None else round(place.y * size, 3),
        **({} if place is None or abs(place.yaw) < _NO_TURN else {"yaw_deg": round(place.yaw, 3)}),
    }
    why = f"{_FILL_IN}: its place" if place is None else place.why
    return f"  - {_flow(entry)}" + (f"   # {why}" if why else "")


def _amplifier_lines(readout: ReadoutDraft) -> Iterator[str]:
    """Write one amplifier over many lines; of several each on one, and what is known of all above them."""
    marks = {one.placed.sections.why: None for one in readout.amplifiers}
    placed = (
        f"; {_FILL_IN if readout.is_open else 'guess'}: {readout.why}" if len(readout.amplifiers) > 1 else ""
    )
    yield f"    amplifiers:   # {'; '.join(marks) if len(marks) == 1 else 'sections: see each'}{placed}"
    if len(readout.amplifiers) == 1:
        yield from _one_amplifier(readout.amplifiers[0])
        return
    for one in readout.amplifiers:
        known = {"gain": one.gain, "read_noise": one.read_noise, "saturation": one.saturation}
        entry = {"name": one.name, **_sections(one), **{name: each.value for name, each in known.items()}}
        reasons: dict[str, list[str]] = {} if len(marks) == 1 else {one.placed.sections.why: []}
        for name, each in known.items():
            reasons.setdefault(f"{_FILL_IN}: " * each.is_open + each.why, []).append(name)
        said = "; ".join(f"{', '.join(names)}: {why}" if names else why for why, names in reasons.items())
        yield f"      - {_flow(entry)}   # {said}"


def _one_amplifier(one: AmplifierDraft) -> Iterator[str]:
    yield f"      - name: {_scalar(one.name)}"
    for name, value in _sections(one).items():
        yield f"        {name}: {_scalar(value)}"
    yield f"        gain: {_with_reason(one.gain)}   # electrons/ADU"
    yield f"        read_noise: {_with_reason(one.read_noise)}   # electrons"
    yield f"        saturation: {_with_reason(one.saturation)}   # ADU"


def _sections(one: AmplifierDraft) -> dict[str, object]:
    of = one.placed.sections
    boxes = {
        "data": of.data,
        "prescan": of.prescan,
        "overscan": of.overscan,
        "parallel_prescan": of.parallel_prescan,
        "parallel_overscan": of.parallel_overscan,
        "image": one.placed.place,
    }
    return {
        **({} if one.hdu is None else {"hdu": one.hdu}),
        **{name: fits_section(box) for name, box in boxes.items() if box is not None},
        **({"flip_x": True} if one.placed.flip_x else {}),
        **({"flip_y": True} if one.placed.flip_y else {}),
    }


def _header_lines(draft: CameraDraft) -> Iterator[str]:
    yield "header:"
    if draft.called:
        yield f"  instruments: {_flow(list(draft.called))}"
    yield "  facts:"
    card = "{card: INSTRUME}" if draft.is_named else f"{{value: {_scalar(draft.instrument)}}}"
    yield f"    instrument: {card}"
    for guess in draft.facts:
        yield f"    {guess.fact}: {_flow(guess.rule)}   # {_mark(guess)}"
    yield "  observation_types:"
    for word, kind in draft.observation_types.items():
        yield f"    {_scalar(word)}: {_with_reason(kind)}"
    if not draft.observation_types:
        yield "    {}"
    if draft.has_wcs:
        yield "  wcs: {}   # guess: the headers' WCS is worth using"


def _mark(guess: FactGuess) -> str:
    return f"guess: {' '.join(guess.why.split())}"


def _with_reason(known: Known) -> str:
    mark = f"{_FILL_IN}: " if known.is_open else ""
    why = " ".join(known.why.split()) or (_UNUSUAL if known.is_open else "")
    return _scalar(known.value) + (f"   # {mark}{why}" if why else "")


def _flow(value: object) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_flow, value))}]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {_flow(one)}" for name, one in value.items()) + "}"
    return _scalar(value)


def _scalar(value: object) -> str:
    """Write text, quoted where YAML would take it for something else, or a number."""
    if isinstance(value, str) and value.isidentifier() and value.lower() not in _WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)


_WORDS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
