"""The amplifiers of a raw: which image each is in, and where, by the camera's file and by cards."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import numpy as np
from attrs import frozen

from prompt_pipelines.camera import AmplifierCardsDict, AmplifierDict, DetectorDict
from prompt_pipelines.errors import UnusableImageError
from prompt_pipelines.raw import RawFrame
from raw_files.cards import CardValue, values
from raw_files.errors import RawFileError
from raw_files.images import ImageHdu, Size, choose, find
from raw_files.sections import Section, parse_section

__all__ = ["Readout", "as_read", "readouts_of"]

_BOXES: Final = ("data", "overscan", "parallel_overscan")
_PRESCANS: Final = ("prescan", "parallel_prescan")
_NUMBERS: Final = ("gain", "read_noise", "saturation")


@frozen(eq=False)
class Readout:
    """One amplifier of a raw."""

    amplifier: AmplifierDict
    """As it is for this raw."""
    frame: RawFrame
    """The image that it is in."""


def readouts_of(raw: RawFrame, detector: DetectorDict) -> list[Readout]:
    """Find each amplifier of a detector in a raw.

    Raises
    ------
    UnusableImageError
        Raised if one is missing or has another size than described, if it
        cannot be told which image is the frame, or if the raw's own sections
        contradict each other.
    """
    frames = {frame.hdu or _image(frame): frame for frame in (raw, *raw.others)}
    cards = detector.get("amplifier_cards")
    try:
        readouts = [
            Readout(amplifier, frames[_image_of(list(frames), amplifier, detector, cards)])
            for amplifier in detector["amplifiers"]
        ]
        if cards is not None:
            readouts = _as_headers_say(readouts, cards, detector)
    except RawFileError as error:
        rows, columns = raw.pixels.shape
        raise UnusableImageError(
            f"the raw of {detector['name']}: {error}", columns=columns, rows=rows
        ) from error
    return readouts


def as_read(raws: Sequence[RawFrame], detector: DetectorDict) -> DetectorDict:
    """Describe a detector as the cards of its raws do, by the first of them in which all amplifiers are."""
    if "amplifier_cards" not in detector:
        return detector
    for raw in raws:
        try:
            return {**detector, "amplifiers": [one.amplifier for one in readouts_of(raw, detector)]}
        except UnusableImageError:
            continue
    return detector


def _image_of(
    images: Sequence[ImageHdu],
    amplifier: AmplifierDict,
    detector: DetectorDict,
    cards: AmplifierCardsDict | None,
) -> ImageHdu:
    hdu = amplifier.get("hdu")
    alike = [one for one in detector["amplifiers"] if one.get("hdu") == hdu]
    sizes = [] if cards else [_size(alike)]
    return choose(images, sizes) if hdu is None else find(images, hdu, sizes)


def _size(amplifiers: Sequence[AmplifierDict]) -> Size:
    boxes = [box for one in amplifiers for name in (*_BOXES, *_PRESCANS) if (box := _plain(one).get(name))]
    return max(box[3] for box in boxes), max(box[1] for box in boxes)


def _plain(amplifier: AmplifierDict) -> Mapping[str, Any]:
    return cast(Mapping[str, Any], amplifier)


def _image(frame: RawFrame) -> ImageHdu:
    rows, columns = frame.pixels.shape
    return ImageHdu(label="image", name="", shape=(rows, columns), bits=8 * frame.pixels.itemsize)


def _as_headers_say(
    readouts: Sequence[Readout], cards: AmplifierCardsDict, detector: DetectorDict
) -> list[Readout]:
    """Give amplifiers with what the cards of their images say of them."""
    said = {id(readout.frame): values(readout.frame.header.cards) for readout in readouts}
    headers = [_Cards(cards, one.amplifier["name"], said[id(one.frame)]) for one in readouts]
    told = [_told(one.amplifier, its, detector) for one, its in zip(readouts, headers, strict=True)]
    if all(its.find("image") for its in headers):
        _count_from_least(told)
    changed = [Readout(cast(AmplifierDict, its), one.frame) for its, one in zip(told, readouts, strict=True)]
    for readout in changed:
        _check(readout)
    _check_filled(changed, detector)
    return changed


@frozen
class _Cards:
    """What an image's cards say of one amplifier."""

    rules: AmplifierCardsDict
    amplifier: str
    said: Mapping[str, CardValue]

    def find(self, quantity: str) -> tuple[str, CardValue] | None:
        """Find the first card that says something of a quantity, and what it says; None if none does."""
        names = cast(Mapping[str, Sequence[str]], self.rules).get(quantity, ())
        for card in (name.replace("{amplifier}", self.amplifier) for name in names):
            if card in self.said:
                return card, self.said[card]
        return None

    def section(self, quantity: str) -> Section | None:
        """Read a section; None if no card has one."""
        found = self.find(quantity)
        if found is None:
            return None
        section = parse_section(str(found[1]))
        if section is None:
            raise RawFileError(f"card {found[0]}: {found[1]!r} is no section such as [1:256,1:512]")
        return section

    def number(self, quantity: str) -> float | None:
        """Read a number; None if no card has one."""
        found = self.find(quantity)
        if found is None:
            return None
        card, value = found
        good = not isinstance(value, str) and math.isfinite(value)
        if isinstance(value, str) or not good or value < 0 or (value == 0 and quantity != "read_noise"):
            raise RawFileError(f"card {card}: {value!r} is no {quantity.replace('_', ' ')}")
        return float(value)


def _told(amplifier: AmplifierDict, cards: _Cards, detector: DetectorDict) -> dict[str, Any]:
    told = dict(_plain(amplifier))
    for name in _BOXES:
        if (section := cards.section(name)) is not None:
            told[name] = section.box
    if (section := cards.section("image")) is not None:
        box, (told["flip_x"], told["flip_y"]) = section.box, section.flips
        if cards.rules.get("image_from_top", False):
            # Counted from the other end, what rises falls.
            box[2:] = detector["ny"] - box[3], detector["ny"] - box[2]
            told["flip_y"] = not told["flip_y"]
        told["image"] = box
    for name in _NUMBERS:
        if (value := cards.number(name)) is not None:
            told[name] = value
    return told


def _count_from_least(amplifiers: Sequence[dict[str, Any]]) -> None:
    """Count the images' sections from the first of their columns and rows: they may be of the focal plane."""
    x, y = (min(one["image"][side] for one in amplifiers) for side in (0, 2))
    for one in amplifiers:
        x_min, x_max, y_min, y_max = one["image"]
        one["image"] = [x_min - x, x_max - x, y_min - y, y_max - y]


def _check(readout: Readout) -> None:
    """See that an amplifier's sections are in its image, and fit each other."""
    amplifier, (rows, columns) = readout.amplifier, readout.frame.pixels.shape
    for name in _BOXES:
        box = _plain(amplifier).get(name, [0, 0, 0, 0])
        if box[1] > columns or box[3] > rows:
            raise RawFileError(
                f"amplifier {amplifier['name']}: its {name.replace('_', ' ')} leaves the {columns} x {rows} "
                "pixels of its image"
            )
    data, image = amplifier["data"], amplifier["image"]
    if (data[1] - data[0], data[3] - data[2]) != (image[1] - image[0], image[3] - image[2]):
        raise RawFileError(f"amplifier {amplifier['name']}: its data do not fill its section of the detector")


def _check_filled(readouts: Sequence[Readout], detector: DetectorDict) -> None:
    """See that each pixel of the detector is read by one amplifier."""
    readings = np.zeros((detector["ny"], detector["nx"]), dtype=np.uint8)
    for readout in readouts:
        box, name = readout.amplifier["image"], readout.amplifier["name"]
        part = readings[box[2] : box[3], box[0] : box[1]]
        if part.shape != (box[3] - box[2], box[1] - box[0]) or min(box) < 0:
            raise RawFileError(
                f"amplifier {name}: its section leaves the {detector['nx']} x {detector['ny']} pixels"
            )
        if part.any():
            raise RawFileError(f"amplifier {name}: by the file's cards it overlaps another one")
        part += 1
    if not readings.all():
        raise RawFileError(
            f"by the file's cards its amplifiers fill {np.count_nonzero(readings)} of {readings.size} pixels"
        )
