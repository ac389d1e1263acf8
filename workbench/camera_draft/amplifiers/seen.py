"""Where light falls in a raw frame and where its overscans are, from its pixels."""

import itertools
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from attrs import evolve

from domain.cameras.camera import Box
from workbench.camera_draft.amplifiers.sections import FEWEST, Sections, with_dark
from workbench.camera_draft.amplifiers.steps import parts_between_steps

__all__ = ["dark_test", "seen", "split_at_steps"]

type Pixels = npt.NDArray[np.float64]
type Run = tuple[int, int]

_DARK: Final = 0.25
"""Share of a flat's light below which a row or column counts as unlit."""
_LEAST_LIGHT: Final = 10.0
"""Of a flat above a bias, in units of the bias's noise: less light tells nothing."""
_TRAIL: Final = 2
"""Columns beside the light that charge is left behind in, and that are no part of the overscan."""
_ALIKE: Final = 0.02
"""Share of their length by which runs of lit columns of several amplifiers may differ."""


def seen(flat: Pixels, biases: Sequence[Pixels]) -> list[Sections]:
    """Find the amplifiers of an image: between unlit columns and rows, and where level, noise or gain step.

    Parameters
    ----------
    flat
        A frame that is lit evenly, ADU.
    biases
        Without light; without any the flat's darkest columns stand for them.

    Returns
    -------
    sections
        Along x first; none if the flat is too faint to tell.
    """
    lit = _lit(flat, biases)
    if lit is None:
        return []
    columns, rows = _runs(lit[0]), _runs(lit[1])
    dark = _dark_runs(columns, flat.shape[1])
    found = []
    for y_min, y_max in rows:
        for number, (x_min, x_max) in enumerate(columns):
            sides = [Box(*run, y_min, y_max) for run in dark[number] if run[1] - run[0] >= FEWEST]
            said = "no overscan was found" if not sides else "the overscan is unlit"
            one = Sections(data=Box(x_min, x_max, y_min, y_max), why=f"from a flat's pixels: {said}")
            found += split_at_steps(one, sides, flat, biases)
    return found


def split_at_steps(
    one: Sections, sides: Sequence[Box], flat: Pixels, biases: Sequence[Pixels]
) -> list[Sections]:
    """Divide light at the steps within it; each part has the overscan at its side.

    Parameters
    ----------
    one
        What is to be divided.
    sides
        Overscans beside it; of two the wider is that of an undivided one.
    flat, biases
        As in `seen`.
    """
    across, along = parts_between_steps(flat, biases, one.data)
    widest = sorted(sides, key=lambda box: box.shape[1], reverse=True)[:1]
    if len(across) * len(along) == 1:
        return [with_dark(one, widest)]
    found = []
    for y_min, y_max in along:
        for x_min, x_max in across:
            middle = (x_min + x_max) / 2
            near = sorted(sides, key=lambda box: abs((box.x_min + box.x_max) / 2 - middle))
            part = evolve(one, data=Box(x_min, x_max, y_min, y_max), overscan=None, image=None)
            part = evolve(part, why=f"{one.why}; guess: divided where level, noise or gain step")
            found.append(with_dark(part, [Box(box.x_min, box.x_max, y_min, y_max) for box in near[:1]]))
    return found


def dark_test(flat: Pixels, biases: Sequence[Pixels]) -> Callable[[Box], bool]:
    """Make what tells of pixels of a flat whether most of them are dark."""
    level, _ = _level(biases[0]) if biases else _unlit(flat)
    limit = level + _DARK * (float(np.median(flat)) - level)
    return lambda box: float(np.median(flat[box.y_min : box.y_max, box.x_min : box.x_max])) < limit


def _lit(
    flat: Pixels, biases: Sequence[Pixels]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]] | None:
    """Tell which columns and rows are lit; None if the flat is too faint."""
    columns = np.median(_middle(flat), axis=0)
    level, noise = _level(biases[0]) if biases else _unlit(columns)
    light = float(np.median(columns)) - level
    if light < _LEAST_LIGHT * max(noise, 1.0):
        return None
    lit_columns = columns - level > _DARK * light
    # The middle rows of a frame may be an overscan, as may its middle columns.
    rows = np.median(flat[:, lit_columns], axis=1)
    lit_rows = rows - level > _DARK * light
    return np.median(flat[lit_rows], axis=0) - level > _DARK * light, lit_rows


def _runs(is_lit: npt.NDArray[np.bool_]) -> list[Run]:
    """Find runs of lit columns: several if they are equally long, else the longest.

    Bad columns within one, fewer than an overscan has, do not end it.
    """
    lit = np.flatnonzero(is_lit)
    ends = np.flatnonzero(np.diff(lit) > FEWEST)
    firsts, lasts = np.append(lit[:1], lit[ends + 1]), np.append(lit[ends], lit[-1:])
    runs = [(int(first), int(last) + 1) for first, last in zip(firsts, lasts, strict=True)]
    lengths = [last - first for first, last in runs]
    if max(lengths) - min(lengths) <= max(_ALIKE * max(lengths), 1):
        return runs
    return [max(runs, key=lambda run: run[1] - run[0])]


def _dark_runs(lit: Sequence[Run], size: int) -> list[list[Run]]:
    """Give the unlit columns at both sides of each run of lit ones; two runs share those between them."""
    edges = [0, *((before[1] + after[0]) // 2 for before, after in itertools.pairwise(lit)), size]
    return [
        [(edges[number], first - _TRAIL), (last + _TRAIL, edges[number + 1])]
        for number, (first, last) in enumerate(lit)
    ]


def _middle(pixels: Pixels) -> Pixels:
    rows = pixels.shape[0]
    return pixels[rows // 4 : max(rows - rows // 4, rows // 4 + 1)]


def _level(bias: Pixels) -> tuple[float, float]:
    median = float(np.median(bias))
    return median, 1.4826 * float(np.median(np.abs(bias - median)))


def _unlit(columns: Pixels) -> tuple[float, float]:
    darkest = np.sort(columns, axis=None)[:FEWEST]
    return float(np.median(darkest)), 0.0
