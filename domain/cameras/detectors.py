"""Detectors: their pixels, readouts and places."""

import enum
import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Final

from attrs import field, frozen

from domain.errors import PromptProcessingError

__all__ = [
    "Amplifier",
    "AmplifierCards",
    "Box",
    "Detector",
    "DetectorType",
    "Hdu",
    "InvalidCameraError",
    "Placement",
    "Purpose",
]

_LARGEST_NUMBER: Final = 511

type Hdu = str | int
"""An HDU of a file: its EXTNAME, letter case aside, or its number, the primary's being 0."""


class InvalidCameraError(PromptProcessingError):
    """A camera's description contradicts itself."""


class Purpose(enum.Enum):
    """What a detector is there for."""

    SCIENCE = "science"
    GUIDE = "guide"
    WAVEFRONT = "wavefront"
    FOCUS = "focus"


@frozen
class Box:
    """Pixels ``x_min <= x < x_max``, ``y_min <= y < y_max`` of an array indexed ``[y, x]``, from 0."""

    x_min: int
    x_max: int
    y_min: int
    y_max: int

    def __attrs_post_init__(self) -> None:
        if not (0 <= self.x_min < self.x_max and 0 <= self.y_min < self.y_max):
            raise InvalidCameraError(
                f"box x {self.x_min}:{self.x_max}, y {self.y_min}:{self.y_max} is empty or begins below 0"
            )

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.y_max - self.y_min, self.x_max - self.x_min

    def overlaps(self, other: "Box") -> bool:
        """Tell whether the two have pixels in common."""
        return max(self.x_min, other.x_min) < min(self.x_max, other.x_max) and max(
            self.y_min, other.y_min
        ) < min(self.y_max, other.y_max)


@frozen(kw_only=True)
class Amplifier:
    """One readout of a detector type."""

    name: str
    hdu: str | int | None = None
    """Which HDU holds its pixels, where not all of the detector's are in one; ``{name}`` in a text is
    the detector's. The sections are of that HDU as it is in the file."""
    data: Box
    """Light-sensitive pixels, in the raw frame."""
    overscan: Box | None = None
    """Serial overscan, in the raw frame."""
    parallel_overscan: Box | None = None
    prescan: Box | None = None
    """Serial prescan, in the raw frame: like a parallel one not used, but there."""
    parallel_prescan: Box | None = None
    image: Box
    """Where `data` goes in the trimmed frame."""
    flip_x: bool = False
    """Whether `data` is turned left to right before it goes there."""
    flip_y: bool = False
    """Whether it is turned upside down."""
    gain: float
    """Electrons per ADU."""
    read_noise: float
    """Electrons."""
    saturation: float
    """ADU, before overscan subtraction."""

    def __attrs_post_init__(self) -> None:
        if self.data.shape != self.image.shape:
            raise InvalidCameraError(
                f"amplifier {self.name}: data of {self.data.shape} pixels do not fill {self.image.shape}"
            )
        finite = math.isfinite(self.gain) and math.isfinite(self.read_noise)
        if not (finite and self.gain > 0 and self.read_noise >= 0 and self.saturation > 0):
            raise InvalidCameraError(
                f"amplifier {self.name}: gain and saturation are positive numbers, read noise is not negative"
            )
        if isinstance(self.hdu, str) and not self.hdu.strip():
            raise InvalidCameraError(f"amplifier {self.name}: its HDU has a blank name")

    @property
    def boxes(self) -> Sequence[Box]:
        """All that is described of its raw frame."""
        boxes = (self.data, self.overscan, self.parallel_overscan, self.prescan, self.parallel_prescan)
        return [box for box in boxes if box is not None]


@frozen(kw_only=True)
class AmplifierCards:
    """Cards that say of an amplifier what holds for one file.

    The first that is there counts, and what it says replaces the camera
    file's; ``{amplifier}`` in a card's name is the amplifier's.
    """

    data: tuple[str, ...] = ()
    overscan: tuple[str, ...] = ()
    parallel_overscan: tuple[str, ...] = ()
    image: tuple[str, ...] = ()
    """Sections whose bounds fall turn `data`; those of all amplifiers are counted from their least bounds, so
    that they may be of the whole focal plane."""
    image_from_top: bool = False
    """Whether rows of `image` are counted from the last one down, as in LSST's DETSEC."""
    gain: tuple[str, ...] = ()
    read_noise: tuple[str, ...] = ()
    saturation: tuple[str, ...] = ()


@frozen(kw_only=True)
class DetectorType:
    """What detectors of one make share."""

    nx: int
    """Columns after trimming."""
    ny: int
    """Rows after trimming."""
    pixel_size: float
    """Micrometres, binning included."""
    amplifiers: tuple[Amplifier, ...] = ()
    amplifier_cards: AmplifierCards | None = None
    """None: only the camera's file says where amplifiers are."""

    def __attrs_post_init__(self) -> None:
        if self.nx < 1 or self.ny < 1 or not self.pixel_size > 0 or math.isinf(self.pixel_size):
            raise InvalidCameraError(
                f"a detector of {self.nx} x {self.ny} pixels of {self.pixel_size} um is none"
            )
        for amplifier in self.amplifiers:
            if amplifier.image.x_max > self.nx or amplifier.image.y_max > self.ny:
                raise InvalidCameraError(
                    f"amplifier {amplifier.name}: its image leaves the {self.nx} x {self.ny} pixels"
                )
        _check_names(self.amplifiers)
        # Where a file's own cards say more, only they can be judged.
        if self.amplifiers and self.amplifier_cards is None:
            for one, other in itertools.product(self.amplifiers, repeat=2):
                _check_raw(one, other)
            _check_image(self.amplifiers, self.nx, self.ny)


@frozen(kw_only=True)
class Placement:
    """Where a detector sits on the focal plane."""

    x: float
    """Millimetres, of the detector's centre."""
    y: float
    """Millimetres, of the detector's centre."""
    yaw: float = 0.0
    """Degrees from focal-plane x to detector x, anticlockwise."""

    def __attrs_post_init__(self) -> None:
        if not all(math.isfinite(value) for value in (self.x, self.y, self.yaw)):
            raise InvalidCameraError(f"a detector cannot sit at ({self.x}, {self.y}), yaw {self.yaw}")


@frozen(kw_only=True)
class Detector:
    """One sensor of a camera."""

    number: int
    name: str
    purpose: Purpose = Purpose.SCIENCE
    type: DetectorType | None = None
    placement: Placement | None = None
    hdu: str | int | None = None
    """Which HDU holds its pixels, where a file holds those of several detectors; None: the one image of its
    size, or those that its amplifiers name."""
    file: str = field(default="*")
    """Which of an exposure's files hold its pixels, where they hold those of several detectors: a pattern of
    their names, as in a shell."""
    serial: str | None = None
    """Of the sensor, where headers tell it."""
    key_name: str | None = None
    """What keys of raws and the raw microservice call it; None is its name. Where sensors take turns in one
    place, that of the place."""

    def __attrs_post_init__(self) -> None:
        if self.number < 0 or not self.name.strip() or "/" in self.name:
            raise InvalidCameraError(f"number {self.number} and name {self.name!r} are no detector's")
        if self.number > _LARGEST_NUMBER:
            raise InvalidCameraError(
                f"{self.name}: detector {self.number} does not fit into source ids, which have room for"
                f" 0 to {_LARGEST_NUMBER}"
            )
        if None in self.raw_parts and len(self.raw_parts) > 1:
            raise InvalidCameraError(f"detector {self.name}: some of its amplifiers name an HDU, others none")

    def hdu_of(self, amplifier: Amplifier) -> str | int | None:
        """Tell in which HDU an amplifier is; None: in the one image of the detector's size."""
        if amplifier.hdu is None:
            return self.hdu
        return amplifier.hdu.replace("{name}", self.name) if isinstance(amplifier.hdu, str) else amplifier.hdu

    @property
    def raw_parts(self) -> Mapping[str | int | None, tuple[int, int] | None]:
        """Where in a file its pixels are; empty if the readouts are not described.

        HDUs, as `hdu_of` tells them, and the rows and columns that each has at
        least, None where the file's own cards say so.
        """
        kind = self.type
        if kind is None or not kind.amplifiers:
            return {} if self.hdu is None else {self.hdu: None}
        boxes: dict[str | int | None, list[Box]] = {}
        for amplifier in kind.amplifiers:
            boxes.setdefault(self.hdu_of(amplifier), []).extend(amplifier.boxes)
        return {hdu: None if kind.amplifier_cards else _extent(its) for hdu, its in boxes.items()}

    @property
    def in_keys(self) -> str:
        """What keys of raws and the raw microservice call it."""
        return self.name if self.key_name is None else self.key_name


def _check_names(amplifiers: Sequence[Amplifier]) -> None:
    names = [amplifier.name for amplifier in amplifiers]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InvalidCameraError(f"several amplifiers have the name {', '.join(twice)}")


def _check_raw(amplifier: Amplifier, other: Amplifier) -> None:
    """See that no pixel of the raw frame is light to one amplifier and anything to another."""
    if amplifier.hdu != other.hdu:
        return
    if amplifier.name < other.name and amplifier.data.overlaps(other.data):
        raise InvalidCameraError(f"amplifiers {amplifier.name} and {other.name}: their data overlap")
    for dark in amplifier.boxes[1:]:
        if dark.overlaps(other.data):
            raise InvalidCameraError(
                f"amplifier {amplifier.name}: its overscan or prescan x {dark.x_min + 1}:{dark.x_max}, "
                f"y {dark.y_min + 1}:{dark.y_max} lies in the data of amplifier {other.name}"
            )


def _check_image(amplifiers: Sequence[Amplifier], nx: int, ny: int) -> None:
    """See that each pixel of the trimmed frame is read by one amplifier."""
    for one, other in itertools.combinations(amplifiers, 2):
        if one.image.overlaps(other.image):
            raise InvalidCameraError(f"amplifiers {one.name} and {other.name}: their images overlap")
    filled = sum(math.prod(amplifier.image.shape) for amplifier in amplifiers)
    if filled < nx * ny:
        raise InvalidCameraError(
            f"amplifiers {', '.join(amplifier.name for amplifier in amplifiers)}: their images fill {filled} "
            f"of the {nx} x {ny} pixels"
        )


def _extent(boxes: Sequence[Box]) -> tuple[int, int]:
    return max(box.y_max for box in boxes), max(box.x_max for box in boxes)
