"""What a person knows of a camera's detectors: pixels of no use, how readouts bend, and how they mix."""

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from domain.cameras.camera import Camera
from domain.cameras.detectors import Box, InvalidCameraError

__all__ = ["Crosstalk", "DetectorCorrections", "Linearity", "check_corrections", "datasets_of"]


@frozen(kw_only=True)
class Linearity:
    """How the signal of one amplifier is to be straightened: by a polynomial or by a table."""

    polynomial: tuple[float, ...] = ()
    """Coefficients of the square and higher powers of the measured signal, ADU, which are added to it."""
    measured: tuple[float, ...] = ()
    """ADU above the bias, rising."""
    corrected: tuple[float, ...] = ()
    """What each of `measured` should be, ADU."""

    def __attrs_post_init__(self) -> None:
        if bool(self.polynomial) == bool(self.measured or self.corrected):
            raise InvalidCameraError("a linearity has either a polynomial, or a table: measured, corrected")
        if len(self.measured) != len(self.corrected):
            raise InvalidCameraError(
                f"a linearity has {len(self.measured)} measured and {len(self.corrected)} corrected numbers"
            )
        pairs = zip(self.measured, self.measured[1:], strict=False)
        if any(second <= first for first, second in pairs) or len(self.measured) == 1:
            raise InvalidCameraError("the measured numbers of a linearity are two or more, and rise")


@frozen(kw_only=True)
class Crosstalk:
    """How much of each amplifier's signal appears in each other one's."""

    matrix: tuple[tuple[float, ...], ...]
    """A row for each amplifier that is disturbed, in it the share of each that disturbs, in their order."""
    mirrored_x: tuple[str, ...] = ()
    """Amplifiers that are read from the other end of their rows than the rest."""
    mirrored_y: tuple[str, ...] = ()
    """Amplifiers that are read from the other end of their columns than the rest."""


@frozen(kw_only=True)
class DetectorCorrections:
    """Of one detector."""

    defects: tuple[Box, ...] = ()
    """In the trimmed frame."""
    linearity: Mapping[str, Linearity] = field(factory=dict)
    """By amplifier."""
    crosstalk: Crosstalk | None = None


def check_corrections(camera: Camera, number: int, corrections: DetectorCorrections) -> None:
    """See that corrections fit a detector.

    Raises
    ------
    InvalidCameraError
        Raised if they do not; the text says why.
    """
    detector = camera.detector(number)
    if detector.type is None:
        raise InvalidCameraError(f"the camera does not describe {detector.name}")
    for box in corrections.defects:
        if box.x_max > detector.type.nx or box.y_max > detector.type.ny:
            raise InvalidCameraError(
                f"a defect of {detector.name} leaves its {detector.type.nx} x {detector.type.ny} pixels"
            )
    names = [amplifier.name for amplifier in detector.type.amplifiers]
    crosstalk = corrections.crosstalk
    mentioned = [
        *corrections.linearity,
        *(() if crosstalk is None else crosstalk.mirrored_x + crosstalk.mirrored_y),
    ]
    if unknown := sorted(set(mentioned) - set(names)):
        raise InvalidCameraError(f"{detector.name} has no amplifiers {', '.join(unknown)}")
    if crosstalk is None:
        return
    if len(crosstalk.matrix) != len(names) or any(len(row) != len(names) for row in crosstalk.matrix):
        raise InvalidCameraError(
            f"the crosstalk of {detector.name} is no matrix of {len(names)} x {len(names)}"
        )
    if len({amplifier.image.shape for amplifier in detector.type.amplifiers}) > 1:
        raise InvalidCameraError(
            f"amplifiers of {detector.name} have several sizes: their crosstalk is not known"
        )


def datasets_of(camera: Camera, number: int, corrections: DetectorCorrections) -> dict[str, dict[str, Any]]:
    """Write corrections as datasets, by their types; defects are not among them."""
    datasets: dict[str, dict[str, Any]] = {}
    if corrections.linearity:
        datasets["linearity"] = {
            "amplifiers": {name: _linearity(one) for name, one in corrections.linearity.items()}
        }
    kind, crosstalk = camera.detector(number).type, corrections.crosstalk
    if crosstalk is not None and kind is not None:
        datasets["crosstalk"] = {
            "amplifiers": [amplifier.name for amplifier in kind.amplifiers],
            "matrix": [list(row) for row in crosstalk.matrix],
            "mirrored_x": list(crosstalk.mirrored_x),
            "mirrored_y": list(crosstalk.mirrored_y),
        }
    return datasets


def _linearity(linearity: Linearity) -> dict[str, list[float]]:
    if linearity.polynomial:
        return {"polynomial": list(linearity.polynomial)}
    return {"measured": list(linearity.measured), "corrected": list(linearity.corrected)}
