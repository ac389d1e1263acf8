"""Where amplifiers are, by the cards of an HDU."""

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from attrs import evolve

from domain.cameras.camera import Box
from raw_files.sections import Section, parse_section
from workbench.camera_draft.amplifiers.sections import FEWEST, Sections, with_boxes, with_dark

__all__ = ["completed", "stated"]

type Cards = Mapping[str, object]
type Shape = tuple[int, int]

_DATA: Final = ("DATASEC", "TRIMSEC", "DSEC", "TSEC")
_OVERSCAN: Final = ("BIASSEC", "OVERSCAN", "OVRSCSEC", "BSEC", "POSTSEC")
_PRESCAN: Final = ("PRESEC",)
_IMAGE: Final = ("CCDSEC", "CSEC", "DETSEC")
_ONE_OF: Final = re.compile(rf"(?:{'|'.join(_DATA)})(_?(?:[0-9]{{1,2}}|[A-Z]{{1,2}}))")
_ONE_OVERSCAN: Final = re.compile(r"(?:BIASSEC|BSEC|AMPSEC|ASEC)(_?(?:[0-9]{1,2}|[A-Z]))")
_BOUNDS: Final = re.compile(r"T_EFMN([0-9])1")
"""Bounds of an amplifier's light as Subaru's cameras state them, a number a card."""
_UNSEEN: Final = 8
"""Columns or rows without a word that are taken for an overscan, where no flat shows that they are dark."""


def stated(cards: Cards, shape: Shape) -> list[Sections]:
    """Take the sections that a header states, of one amplifier or of several; none if they do not fit.

    Parameters
    ----------
    cards
        Of the image.
    shape
        Rows and columns of it.
    """
    endings = dict.fromkeys(match[1] for card in cards if (match := _ONE_OF.fullmatch(card)))
    several = [one for ending in endings if (one := _sections(cards, ending, shape)) is not None]
    several = several if len(several) > 1 else _by_bounds(cards, shape)
    if len(several) > 1 and not any(
        one.data.overlaps(other.data) for one, other in itertools.combinations(several, 2)
    ):
        return several
    whole = _sections(cards, "", shape)
    return [] if whole is None else _split(whole, cards, shape)


def completed(
    several: Sequence[Sections], shape: Shape, is_dark: Callable[[Box], bool] | None
) -> list[Sections]:
    """Add what is neither light nor named by a card: columns and rows beside one amplifier, rows of several.

    Parameters
    ----------
    several
        All of an image.
    shape
        Rows and columns of it.
    is_dark
        Tells by a flat whether pixels see no light; None if there is no flat.
    """
    rows, columns = shape
    found = []
    for one in several:
        data, names = one.data, set[str]()
        sides = [(0, data.x_min), (data.x_max, columns)] if len(several) == 1 else []
        ends = [(0, data.y_min), (data.y_max, rows)]
        free = {
            ("overscan", "prescan"): [
                Box(*side, data.y_min, data.y_max) for side in sides if side[0] < side[1]
            ],
            ("parallel_overscan", "parallel_prescan"): [
                Box(data.x_min, data.x_max, *end) for end in ends if end[0] < end[1]
            ],
        }
        for (overscan, prescan), boxes in free.items():
            if getattr(one, overscan) is None and (chosen := _unsaid(boxes, is_dark)):
                one = with_boxes(one, dict(zip((overscan, prescan), chosen, strict=False)))  # noqa: PLW2901
                names.add(overscan)
        guessed = f"; guess: {' and '.join(sorted(names)).replace('_', ' ')}, the rest of the image"
        found.append(evolve(one, why=one.why + guessed) if names else one)
    return found


def _unsaid(boxes: Sequence[Box], is_dark: Callable[[Box], bool] | None) -> list[Box]:
    """Take the wider of two strips beside the light for the overscan, and the other for the prescan."""
    if not boxes:
        return []
    first, *others = sorted(boxes, key=lambda box: min(box.shape), reverse=True)
    enough = min(first.shape) >= (_UNSEEN if is_dark is None else FEWEST)
    return [first, *others] if enough and (is_dark is None or is_dark(first)) else []


def _sections(cards: Cards, ending: str, shape: Shape) -> Sections | None:
    data = next(_stated(cards, _DATA, ending, shape), None)
    if data is None:
        return None
    image = next((found for stem in _IMAGE if (found := _parsed(cards, f"{stem}{ending}")) is not None), None)
    if image is not None and data.flips != (False, False):
        image = _turned(image, data.flips)
    which = "the header's DATASEC" if not ending else f"the header's sections of {ending.strip('_')}"
    light = Sections(name=ending.strip("_"), data=Box(*data.box), image=image, why=which)
    overscans = [Box(*one.box) for one in _stated(cards, _OVERSCAN, ending, shape)]
    prescans = [Box(*one.box) for one in _stated(cards, _PRESCAN, ending, shape)]
    every = with_dark(with_dark(light, overscans), prescans, is_overscan=False)
    return evolve(every, why=f"{which} and BIASSEC") if every.overscan is not None and not ending else every


def _turned(section: Section, flips: tuple[bool, bool]) -> Section:
    x, y = (section.x_first, section.x_last), (section.y_first, section.y_last)
    return Section(*(x[::-1] if flips[0] else x), *(y[::-1] if flips[1] else y))


def _stated(cards: Cards, stems: Iterable[str], ending: str, shape: Shape) -> Iterator[Section]:
    for stem in stems:
        found = _parsed(cards, f"{stem}{ending}")
        if found is not None and found.box[1] <= shape[1] and found.box[3] <= shape[0]:
            yield found


def _parsed(cards: Cards, card: str) -> Section | None:
    return parse_section(str(cards.get(card, "")))


def _by_bounds(cards: Cards, shape: Shape) -> list[Sections]:
    found = []
    for name in sorted(match[1] for card in cards if (match := _BOUNDS.fullmatch(card))):
        data, dark = (_bounded(cards, word, name) for word in ("EF", "OS"))
        if data is None or data.x_max > shape[1] or data.y_max > shape[0]:
            continue
        one = Sections(name=name, data=data, why=f"the header's T_EFMN and T_OSMN of {name}")
        if dark is not None:
            # Serial and parallel overscan share the four cards.
            beside = Box(dark.x_min, dark.x_max, data.y_min, data.y_max)
            one = with_dark(one, [beside, Box(data.x_min, data.x_max, dark.y_min, dark.y_max)])
        found.append(one)
    return found


def _bounded(cards: Cards, word: str, name: str) -> Box | None:
    bounds = [cards.get(f"T_{word}{end}{name}{axis}") for axis in (1, 2) for end in ("MN", "MX")]
    numbers = [bound for bound in bounds if isinstance(bound, int) and bound > 0]
    if len(numbers) < 4 or numbers[0] > numbers[1] or numbers[2] > numbers[3]:
        return None
    return Box(numbers[0] - 1, numbers[1], numbers[2] - 1, numbers[3])


def _split(whole: Sections, cards: Cards, shape: Shape) -> list[Sections]:
    """Split the one data section of a header that states an overscan, or a section, for each amplifier."""
    endings = sorted({match[1] for card in cards if (match := _ONE_OVERSCAN.fullmatch(card))})
    parts = {
        ending: _parsed(cards, f"AMPSEC{ending}") or _parsed(cards, f"ASEC{ending}") for ending in endings
    }
    dark = {ending: [Box(*one.box) for one in _stated(cards, _OVERSCAN, ending, shape)] for ending in endings}
    if len(endings) < 2:
        return [whole]
    boxes = _by_parts(whole.data, parts) or _by_overscans(whole.data, dark)
    found = [
        with_dark(
            Sections(
                name=ending.strip("_"), data=box, why=f"guess: DATASEC divided by the cards of {ending}"
            ),
            [*dark[ending], *([whole.overscan] if whole.overscan is not None else [])],
        )
        for ending, box in boxes.items()
    ]
    return found or [whole]


def _by_parts(data: Box, parts: Mapping[str, Section | None]) -> dict[str, Box]:
    """Cut data by the parts that amplifiers read, in pixels of the image or of its light."""
    known = {ending: Box(*part.box) for ending, part in parts.items() if part is not None}
    if len(known) < len(parts) or any(
        one.overlaps(other) for one, other in itertools.combinations(known.values(), 2)
    ):
        return {}
    rows, columns = data.shape
    if (max(box.y_max for box in known.values()), max(box.x_max for box in known.values())) == (
        rows,
        columns,
    ):
        x, y = data.x_min, data.y_min
        known = {
            ending: Box(box.x_min + x, box.x_max + x, box.y_min + y, box.y_max + y)
            for ending, box in known.items()
        }
    if any(not box.overlaps(data) for box in known.values()):
        return {}
    cut = {
        ending: Box(
            max(box.x_min, data.x_min), min(box.x_max, data.x_max),
            max(box.y_min, data.y_min), min(box.y_max, data.y_max),
        )
        for ending, box in known.items()
    }  # fmt: skip
    return cut if sum(box.shape[0] * box.shape[1] for box in cut.values()) == rows * columns else {}


def _by_overscans(data: Box, dark: Mapping[str, Sequence[Box]]) -> dict[str, Box]:
    """Divide data evenly into as many columns, and rows of these, as the overscans of amplifiers have."""
    firsts = {ending: boxes[0] for ending, boxes in dark.items() if boxes}
    across = sorted({(box.x_min, box.x_max) for box in firsts.values()})
    along = sorted({(box.y_min, box.y_max) for box in firsts.values()})
    if len(firsts) < len(dark) or len(across) * len(along) != len(firsts):
        return {}
    x, y = (_edges(data.x_min, data.x_max, len(across)), _edges(data.y_min, data.y_max, len(along)))
    found = {}
    for ending, box in firsts.items():
        column, row = across.index((box.x_min, box.x_max)), along.index((box.y_min, box.y_max))
        found[ending] = Box(x[column], x[column + 1], y[row], y[row + 1])
    return found


def _edges(first: int, last: int, parts: int) -> list[int]:
    return [first + (last - first) * part // parts for part in range(parts + 1)]
