"""Which images of a file are of one detector."""

import itertools
import re
from collections.abc import Mapping, Sequence
from typing import Final

from raw_files.reading import ListedImage
from raw_files.sections import parse_section

__all__ = ["DETECTOR_NAMES", "DETECTOR_NUMBERS", "parts_of_file"]

DETECTOR_NUMBERS: Final = (
    "CCDNUM", "DETNUM", "DET-ID", "CHIPNUM", "CCDID", "CHIPID", "DETECTOR", "CCD", "CHIP",
)  # fmt: skip
"""Cards that may number detectors."""
DETECTOR_NAMES: Final = (
    "DETPOS", "CCDNAME", "DETNAME", "CHIPNAME", "CCDID", "CHIPID", "DETECTOR", "CCD", "CHIP", "SENSOR",
    "CCDSLOT", "CCDSERN",
)  # fmt: skip
"""Cards that may name them."""

_AMPLIFIER_CARDS: Final = ("AMPNAME", "AMPID", "AMPNUM", "AMPSEC", "AMP", "CHANNEL")
_DETECTOR_HDU: Final = re.compile("(?:ccd|chip|det|sens).*", re.IGNORECASE)
_AMPLIFIER_HDU: Final = re.compile("(?:seg|amp|chan|read|out).*", re.IGNORECASE)
_SMALLEST: Final = 16
"""An image with fewer than this part of the pixels of the largest is a preview, or a guider's."""

type Images = Sequence[ListedImage]


def parts_of_file(images: Images) -> tuple[list[list[ListedImage]], bool]:
    """Divide the images of a file into those of each detector, in their order.

    Returns
    -------
    parts, is_told
        Whether anything in the file tells it; else each image is taken for a detector's.
    """
    largest = max(_pixels(one) for one in images)
    frames = [one for one in images if _pixels(one) * _SMALLEST > largest]
    if len(frames) == 1:
        return [frames], True
    for card in dict.fromkeys((*DETECTOR_NUMBERS, *DETECTOR_NAMES)):
        said = [one.cards.get(card) for one in frames]
        if None not in said:
            by_detector: dict[object, list[ListedImage]] = {}
            for value, one in zip(said, frames, strict=True):
                by_detector.setdefault(value, []).append(one)
            return list(by_detector.values()), True
    alone = [[one] for one in frames]
    if all(_DETECTOR_HDU.fullmatch(one.hdu.name) for one in frames):
        return alone, True
    if _are_amplifiers(frames) or (apart := _lie_apart([one.cards for one in frames])):
        return [frames], True
    return alone, apart is not None


def _pixels(image: ListedImage) -> int:
    return image.hdu.shape[0] * image.hdu.shape[1]


def _are_amplifiers(frames: Images) -> bool:
    by_name = all(_AMPLIFIER_HDU.fullmatch(one.hdu.name) for one in frames)
    return by_name or any(all(card in one.cards for one in frames) for card in _AMPLIFIER_CARDS)


def _lie_apart(cards: Sequence[Mapping[str, object]]) -> bool | None:
    """Tell whether images have sections of one CCD that do not overlap; None if they state none."""
    found = [parse_section(str(one.get("CCDSEC", ""))) for one in cards]
    boxes = [section.box for section in found if section is not None]
    if len(boxes) < len(cards):
        return None
    return not any(
        max(one[0], other[0]) < min(one[1], other[1]) and max(one[2], other[2]) < min(one[3], other[3])
        for one, other in itertools.combinations(boxes, 2)
    )
