"""The text of a drafted camera file, in which every guess is marked."""

import json
from collections.abc import Iterator, Mapping
from typing import Final

from workbench.camera_draft.drafting import CameraDraft
from workbench.camera_draft.header_guess import FactGuess
from workbench.camera_draft.known import Known
from workbench.camera_draft.readouts import ReadoutDraft
from workbench.camera_draft.sections import fits_section

__all__ = ["open_questions", "write_draft"]

_FILL_IN: Final = "FILL IN"
_UNUSUAL: Final = "not a usual name"
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
    for name, readout in _named_readouts(draft):
        marked[f"detector_types.{name}: gain"] = readout.gain
        marked[f"detector_types.{name}: read_noise"] = readout.read_noise
        marked[f"detector_types.{name}: saturation"] = readout.saturation
        remarks += [f"detector_types.{name}: {readout.remark}"] if readout.remark else []
    questions = [f"{key}: {one.why or _UNUSUAL}" for key, one in marked.items() if one.is_open]
    lacking += [
        f"header.facts.{guess.fact}: {guess.why}"
        for guess in draft.facts
        if guess.why.startswith("nothing tells")
    ]
    places = ["detectors: x_mm and y_mm, where each sits"] if len(draft.detectors) > 1 else []
    return [*lacking, *questions, *places, *remarks]


def _named_readouts(draft: CameraDraft) -> list[tuple[str, ReadoutDraft]]:
    return list(zip(_type_names(draft).values(), draft.readouts.values(), strict=True))


def _type_names(draft: CameraDraft) -> dict[tuple[int, int], str]:
    many = len(draft.readouts) > 1
    return {shape: f"ccd{number}" if many else "ccd" for number, shape in enumerate(draft.readouts, start=1)}


def _lines(draft: CameraDraft) -> Iterator[str]:
    yield "# Drafted from frames. Look at each line that says guess, measured or FILL IN."
    yield f"instrument: {_scalar(draft.instrument)}"
    if not draft.has_wcs:
        yield "pointing_error_deg: 0.05   # guess: no header has a WCS, so stars are found by their pattern"
    yield "focal_plane:"
    yield f"  plate_scale_arcsec_per_mm: {_with_reason(draft.scales.plate_scale)}"
    yield f"  x_axis: {_with_reason(draft.scales.x_axis)}   # where +x points when +y points north"
    yield "detector_types:"
    for name, readout in _named_readouts(draft):
        yield f"  {name}:"
        yield from _type_lines(draft, readout)
    yield "detectors:"
    for detector in draft.detectors:
        kind = _type_names(draft)[detector.shape]
        place = f"number: {detector.number}, name: det{detector.number}, type: {kind}, x_mm: 0.0, y_mm: 0.0"
        yield f"  - {{{place}}}" + (f"   # {_FILL_IN}: its place" if len(draft.detectors) > 1 else "")
    yield "raw_keys: {scheme: grouped}"
    yield "filters:   # the camera's name for a filter, and its band: one of ugrizy"
    for physical_filter, band in draft.filters.items():
        yield f"  {_scalar(physical_filter)}: {_with_reason(band)}"
    yield from _header_lines(draft)


def _type_lines(draft: CameraDraft, readout: ReadoutDraft) -> Iterator[str]:
    sections = readout.sections
    rows, columns = sections.data.shape
    yield f"    nx: {columns}"
    yield f"    ny: {rows}"
    yield f"    pixel_size_um: {_with_reason(draft.scales.pixel_size)}"
    yield f"    amplifiers:   # {sections.why}"
    yield "      - name: A"
    yield f'        data: "{fits_section(sections.data)}"'
    if sections.overscan is not None:
        yield f'        overscan: "{fits_section(sections.overscan)}"'
    yield f'        image: "[1:{columns},1:{rows}]"'
    yield f"        gain: {_with_reason(readout.gain)}   # electrons/ADU"
    yield f"        read_noise: {_with_reason(readout.read_noise)}   # electrons"
    yield f"        saturation: {_with_reason(readout.saturation)}   # ADU"


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
