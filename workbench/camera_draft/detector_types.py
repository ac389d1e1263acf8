"""Detectors that are alike, as one type of a camera file."""

import math
from collections.abc import Sequence
from statistics import median
from typing import Final

from attrs import evolve

from workbench.camera_draft.amplifiers.readouts import AmplifierDraft, ReadoutDraft
from workbench.camera_draft.known import Known

__all__ = ["share_types"]

_ALIKE: Final = 0.05
"""Share by which gains and read noises of detectors of one type differ at most."""


def share_types(
    readouts: Sequence[ReadoutDraft], names: Sequence[str]
) -> tuple[list[ReadoutDraft], list[int]]:
    """Gather detectors of one layout and nearly one gain.

    Parameters
    ----------
    readouts, names
        Of each detector.

    Returns
    -------
    types, which
        The types, and which of them each detector is of.
    """
    groups: list[list[ReadoutDraft]] = []
    which = []
    for name, readout in zip(names, readouts, strict=True):
        own = _without_name(readout, name)
        number = next((at for at, group in enumerate(groups) if _are_alike(own, group[0])), len(groups))
        groups[number:] = groups[number:] or [[]]
        groups[number].append(own)
        which.append(number)
    return [_typical(group) for group in groups], which


def _without_name(readout: ReadoutDraft, name: str) -> ReadoutDraft:
    """Write the detector's name in those of its HDUs as a camera file does."""
    amplifiers = tuple(
        evolve(one, hdu=one.hdu.replace(name, "{name}"))
        if isinstance(one.hdu, str) and len(name) > 1
        else one
        for one in readout.amplifiers
    )
    return evolve(readout, amplifiers=amplifiers)


def _are_alike(one: ReadoutDraft, other: ReadoutDraft) -> bool:
    return (one.nx, one.ny, len(one.amplifiers)) == (other.nx, other.ny, len(other.amplifiers)) and all(
        _is_alike(*pair) for pair in zip(one.amplifiers, other.amplifiers, strict=True)
    )


def _is_alike(one: AmplifierDraft, other: AmplifierDraft) -> bool:
    boxes = [
        (
            its.sections.data,
            its.sections.overscan,
            its.sections.parallel_overscan,
            its.place,
            its.flip_x,
            its.flip_y,
        )
        for its in (one.placed, other.placed)
    ]
    pairs = [(one.gain, other.gain), (one.read_noise, other.read_noise), (one.saturation, other.saturation)]
    return (
        (one.name, one.hdu, boxes[0]) == (other.name, other.hdu, boxes[1])
        and all(first.is_open == second.is_open for first, second in pairs)
        and all(abs(math.log(first.value / second.value)) < _ALIKE for first, second in pairs)
    )


def _typical(group: Sequence[ReadoutDraft]) -> ReadoutDraft:
    first = group[0]
    if len(group) == 1:
        return first
    columns = zip(*(one.amplifiers for one in group), strict=True)
    amplifiers = tuple(
        evolve(
            its[0],
            gain=_middle([one.gain for one in its]),
            read_noise=_middle([one.read_noise for one in its]),
            saturation=_middle([one.saturation for one in its]),
        )
        for its in columns
    )
    return evolve(
        first,
        amplifiers=amplifiers,
        remark="; ".join(dict.fromkeys(one.remark for one in group if one.remark)),
    )


def _middle(known: Sequence[Known]) -> Known:
    return evolve(known[0], value=float(f"{median(one.value for one in known):.5g}"))
