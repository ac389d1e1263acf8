"""The readout of one detector: its amplifiers, their gain, read noise and saturation."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from attrs import frozen

from domain.cameras.camera import Box
from domain.cameras.detectors import Hdu
from raw_files.errors import RawFileError
from workbench.camera_draft.amplifiers.layout import Layout, PlacedSections, lay_out
from workbench.camera_draft.amplifiers.photon_transfer import photon_transfer
from workbench.camera_draft.amplifiers.sections import Sections
from workbench.camera_draft.amplifiers.seen import dark_test, seen, split_at_steps
from workbench.camera_draft.amplifiers.stated import completed, stated
from workbench.camera_draft.known import Known, usual_number
from workbench.camera_draft.samples import Sample

__all__ = ["AmplifierDraft", "ReadoutDraft", "draft_readout"]

type Pixels = npt.NDArray[np.float64]
type Images = Sequence[npt.NDArray[np.generic]]
"""Of one frame, in the order of the detector's HDUs."""

_SPREAD: Final = 1500
"""Columns and rows of the middle of a frame that are measured: enough for a per cent."""
_GAINS: Final = ("GAIN", "EGAIN", "CCDGAIN")
_READ_NOISES: Final = ("RDNOISE", "READNOIS", "RON", "ENOISE", "CCDNOISE")
_SATURATIONS: Final = ("SATURATE", "SATLEVEL")
_OF_ONE: Final = {
    "gain": ("GAIN{}", "T_GAIN{}", "EGAIN{}", "GTGAIN{}", "AGAIN_0{}"),
    "read_noise": ("RDNOISE{}", "READNOI{}", "RON{}", "GTRON{}", "ARDNS_0{}"),
    "saturation": ("SATURAT{}", "SATURATE{}"),
}
"""Cards of one of the amplifiers in an HDU."""
_SIXTEEN_BITS: Final = 65_535


@frozen(kw_only=True)
class AmplifierDraft:
    """One amplifier, placed and measured."""

    name: str
    hdu: Hdu | None
    """None if the detector's pixels are in one HDU."""
    placed: PlacedSections
    gain: Known
    """Electrons per ADU."""
    read_noise: Known
    """Electrons."""
    saturation: Known
    """ADU."""


@frozen(kw_only=True)
class ReadoutDraft:
    """All amplifiers of a detector."""

    nx: int
    ny: int
    amplifiers: tuple[AmplifierDraft, ...]
    why: str
    """Where it comes from where the amplifiers go."""
    is_open: bool
    """Whether a person must say where they go."""
    remark: str = ""


def draft_readout(frames: Mapping[str, Sequence[Sample]], most: int) -> ReadoutDraft:
    """Draft the readout of a detector.

    Parameters
    ----------
    frames
        Of the detector and of one size, by kind: ``bias``, ``flat``, ``science``, ...
    most
        Frames of a kind whose pixels are read.
    """
    flats, biases = _pixels(frames["flat"], most), _pixels(frames["bias"], most)
    everything = [frame for kind in ("science", *frames) for frame in frames[kind]]
    found, remarks = [], dict[str, None]()
    for number in range(len(everything[0].images)):
        sections, remark = _sections(everything[0], number, flats, biases)
        found.append(sections)
        remarks[remark] = None
    layout = lay_out(found)
    amplifiers = tuple(
        _measured(everything, one, name, flats, biases)
        for one, name in zip(layout.amplifiers, _names(everything[0], layout), strict=True)
    )
    return ReadoutDraft(
        nx=layout.nx,
        ny=layout.ny,
        amplifiers=amplifiers,
        why=layout.why,
        is_open=layout.is_open,
        remark="; ".join(filter(None, remarks)),
    )


def _pixels(frames: Sequence[Sample], most: int) -> list[Images]:
    read: list[Images] = []
    for frame in frames:
        if len(read) == most:
            break
        try:
            read.append(frame.pixels())
        except (RawFileError, OSError):
            continue
    return read


def _sections(
    frame: Sample, number: int, flats: Sequence[Images], biases: Sequence[Images]
) -> tuple[list[Sections], str]:
    """Find the amplifiers of an image: by its cards before its pixels."""
    cards, shape = frame.cards_of(number), frame.images[number].hdu.shape
    flat = flats[0][number].astype(np.float64) if flats else None
    dark = [bias[number].astype(np.float64) for bias in biases[:2]]
    by_pixels = seen(flat, dark) if flat is not None else []
    by_cards = stated(cards, shape)
    if not by_cards:
        rows, columns = shape
        why = "FILL IN: all is taken to see light"
        whole = [Sections(data=Box(0, columns, 0, rows), why=why)]
        return by_pixels or whole, "" if by_pixels else "no header and no flat tells where the overscan is"
    remark = ""
    if (
        len(by_cards) == 1 == len(by_pixels)
        and by_cards[0].overscan is not None
        and by_pixels[0].overscan is None
    ):
        remark = f"by a flat's pixels {by_pixels[0].why}, by {by_cards[0].why} not so"
    is_dark = None if flat is None or not by_pixels else dark_test(flat, dark)
    found = completed(by_cards, shape, is_dark)
    # A DATASEC may be that of several amplifiers of which no card speaks.
    if len(found) == 1 and len(frame.images) == 1 and flat is not None:
        sides = [box for box in (found[0].overscan, found[0].prescan) if box is not None]
        parts = split_at_steps(found[0], sides, flat, dark)
        found = parts if len(parts) > 1 else found
    return found, remark


def _names(frame: Sample, layout: Layout) -> Iterator[str]:
    """Name amplifiers as cards do, else as their HDUs, else by letters."""
    alone = len(layout.amplifiers) == 1
    per_image = [sum(one.image == number for one in layout.amplifiers) for number in range(len(frame.images))]
    for number, one in enumerate(layout.amplifiers):
        hdu = frame.images[one.image].hdu
        letter = chr(ord("A") + number) if len(layout.amplifiers) <= 26 else f"A{number:02}"
        if len(frame.images) > 1 and per_image[one.image] == 1:
            yield hdu.name or f"{hdu.number}"
        else:
            yield (not alone and one.sections.name) or letter


def _measured(
    frames: Sequence[Sample],
    placed: PlacedSections,
    name: str,
    flats: Sequence[Images],
    biases: Sequence[Images],
) -> AmplifierDraft:
    number, data = placed.image, placed.sections.data
    headers = [frame.cards_of(number) for frame in frames]
    lit = [_middle(one[number], data) for one in flats]
    saturation = _saturation(headers, placed.sections.name, lit)
    measured = photon_transfer(lit, [_middle(one[number], data) for one in biases], saturation.value)
    pairs = "" if measured is None else f"photon transfer of {measured.pairs} pairs of flats"
    gain = usual_number(headers, _cards("gain", placed.sections.name, _GAINS))
    noise = usual_number(headers, _cards("read_noise", placed.sections.name, _READ_NOISES))
    return AmplifierDraft(
        name=name,
        hdu=frames[0].hdus[number] if len(frames[0].images) > 1 else None,
        placed=placed,
        gain=_measured_or_stated(measured.gain if measured else None, pairs, gain, 1.0),
        read_noise=_measured_or_stated(measured.read_noise if measured else None, pairs, noise, 5.0),
        saturation=saturation,
    )


def _cards(what: str, amplifier: str, plain: Sequence[str]) -> Sequence[str]:
    own = [card.format(amplifier) for card in _OF_ONE[what]] if amplifier else []
    return (*own, *plain)


def _measured_or_stated(
    measured: float | None, pairs: str, stated: tuple[float, str] | None, stand_in: float
) -> Known:
    if measured is not None:
        also = f"; card {stated[1]} says {stated[0]:g}" if stated else ""
        return Known(value=float(f"{measured:.3g}"), why=f"measured: {pairs}{also}")
    if stated is not None:
        return Known(value=stated[0], why=f"from card {stated[1]}; too few flats and biases to measure it")
    return Known(value=stand_in, why="no card tells it, nor two flats and two biases", is_open=True)


def _middle(pixels: npt.NDArray[np.generic], data: Box) -> Pixels:
    """Cut out the middle of the light-sensitive part."""
    rows, columns = data.shape
    height, width = min(rows, _SPREAD), min(columns, _SPREAD)
    top, left = data.y_min + (rows - height) // 2, data.x_min + (columns - width) // 2
    return pixels[top : top + height, left : left + width].astype(np.float64)


def _saturation(headers: Sequence[Mapping[str, object]], amplifier: str, flats: Sequence[Pixels]) -> Known:
    stated = usual_number(headers, _cards("saturation", amplifier, _SATURATIONS))
    if stated is not None:
        return Known(value=stated[0], why=f"from card {stated[1]}")
    if any(flat.max() >= _SIXTEEN_BITS for flat in flats):
        return Known(value=62_000.0, why="pixels reach the end of 16 bits, 65535")
    return Known(value=60_000.0, why="no card tells it, and no flat is saturated", is_open=True)
