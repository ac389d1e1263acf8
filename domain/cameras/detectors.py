"""Detectors: their pixels, readouts and places."""

import enum
import math

from attrs import frozen

from domain.errors import PromptProcessingError

__all__ = ["Amplifier", "Box", "Detector", "DetectorType", "InvalidCameraError", "Placement", "Purpose"]


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


@frozen(kw_only=True)
class Amplifier:
    """One readout of a detector type."""

    name: str
    data: Box
    """Light-sensitive pixels, in the raw frame."""
    overscan: Box
    """Serial overscan, in the raw frame."""
    image: Box
    """Where `data` goes in the trimmed frame."""
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
        if not (self.gain > 0 and self.read_noise >= 0 and self.saturation > 0):
            raise InvalidCameraError(
                f"amplifier {self.name}: gain and saturation are positive, read noise not negative"
            )


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

    @property
    def raw_size(self) -> tuple[int, int] | None:
        """Rows and columns that a raw has at least; None if the readouts are not described."""
        boxes = [box for amplifier in self.amplifiers for box in (amplifier.data, amplifier.overscan)]
        return (max(box.y_max for box in boxes), max(box.x_max for box in boxes)) if boxes else None


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

    def __attrs_post_init__(self) -> None:
        if self.number < 0 or not self.name.strip() or "/" in self.name:
            raise InvalidCameraError(f"number {self.number} and name {self.name!r} are no detector's")
