"""The readout of one type of detector: sections, gain, read noise and saturation."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from attrs import frozen

from domain.cameras.camera import Box
from raw_files.errors import RawFileError
from workbench.camera_draft.known import Known, usual_number
from workbench.camera_draft.photon_transfer import photon_transfer
from workbench.camera_draft.samples import Sample
from workbench.camera_draft.sections import Sections, from_header, from_pixels

__all__ = ["ReadoutDraft", "draft_readout"]

type Pixels = npt.NDArray[np.float64]

_MOST_FRAMES: Final = 8
"""Of a kind, whose pixels are read: more tell no more."""
_SPREAD: Final = 1500
"""Columns and rows of the middle of a frame that are measured: enough for a per cent."""
_GAINS: Final = ("GAIN", "EGAIN", "GAIN1", "GAINA", "AGAIN_01", "CCDGAIN")
_READ_NOISES: Final = ("RDNOISE", "READNOIS", "RDNOISEA", "ARDNS_01", "RON", "ENOISE")
_SATURATIONS: Final = ("SATURATE", "SATURATA", "SATLEVEL")
_SIXTEEN_BITS: Final = 65_535


@frozen(kw_only=True)
class ReadoutDraft:
    """One amplifier, which reads the whole detector."""

    sections: Sections
    gain: Known
    """Electrons per ADU."""
    read_noise: Known
    """Electrons."""
    saturation: Known
    """ADU."""
    remark: str = ""


def draft_readout(frames: Mapping[str, Sequence[Sample]]) -> ReadoutDraft:
    """Draft a readout.

    Parameters
    ----------
    frames
        Of one size, by kind: ``bias``, ``flat``, ``science``, ...
    """
    flats, biases = _pixels(frames["flat"]), _pixels(frames["bias"])
    everything = [frame for kind in ("science", *frames) for frame in frames[kind]]
    headers = [frame.cards for frame in everything]
    sections, remark = _sections(everything[0], flats, biases)
    saturation = _saturation(headers, flats)
    data = sections.data
    measured = photon_transfer(
        [_middle(one, data) for one in flats], [_middle(one, data) for one in biases], saturation.value
    )
    pairs = "" if measured is None else f"photon transfer of {measured.pairs} pairs of flats"
    return ReadoutDraft(
        sections=sections,
        gain=_measured_or_stated(
            measured.gain if measured else None, pairs, usual_number(headers, _GAINS), 1.0
        ),
        read_noise=_measured_or_stated(
            measured.read_noise if measured else None, pairs, usual_number(headers, _READ_NOISES), 5.0
        ),
        saturation=saturation,
        remark=remark,
    )


def _pixels(frames: Sequence[Sample]) -> list[Pixels]:
    read = []
    for frame in frames[:_MOST_FRAMES]:
        try:
            read.append(frame.pixels())
        except (RawFileError, OSError):
            continue
    return read


def _sections(frame: Sample, flats: Sequence[Pixels], biases: Sequence[Pixels]) -> tuple[Sections, str]:
    rows, columns = frame.shape
    stated = from_header(frame.cards, frame.shape)
    seen = from_pixels(flats[0], biases[0] if biases else None) if flats else None
    if stated is not None:
        differ = seen is not None and (seen.overscan is None) != (stated.overscan is None)
        return stated, f"by a flat's pixels {seen.why}, by {stated.why} not so" if seen and differ else ""
    if seen is not None:
        return seen, ""
    whole = Sections(data=Box(0, columns, 0, rows), overscan=None, why="FILL IN: all is taken to see light")
    return whole, "no header and no flat tells where the overscan is"


def _measured_or_stated(
    measured: float | None, pairs: str, stated: tuple[float, str] | None, stand_in: float
) -> Known:
    if measured is not None:
        also = f"; card {stated[1]} says {stated[0]:g}" if stated else ""
        return Known(value=float(f"{measured:.3g}"), why=f"measured: {pairs}{also}")
    if stated is not None:
        return Known(value=stated[0], why=f"from card {stated[1]}; too few flats and biases to measure it")
    return Known(value=stand_in, why="no card tells it, nor two flats and two biases", is_open=True)


def _middle(pixels: Pixels, data: Box) -> Pixels:
    """Cut out the middle of the light-sensitive part."""
    rows, columns = data.shape
    height, width = min(rows, _SPREAD), min(columns, _SPREAD)
    top, left = data.y_min + (rows - height) // 2, data.x_min + (columns - width) // 2
    return pixels[top : top + height, left : left + width]


def _saturation(headers: Sequence[Mapping[str, object]], flats: Sequence[Pixels]) -> Known:
    stated = usual_number(headers, _SATURATIONS)
    if stated is not None:
        return Known(value=stated[0], why=f"from card {stated[1]}")
    if any(flat.max() >= _SIXTEEN_BITS for flat in flats):
        return Known(value=62_000.0, why="pixels reach the end of 16 bits, 65535")
    return Known(value=60_000.0, why="no card tells it, and no flat is saturated", is_open=True)
