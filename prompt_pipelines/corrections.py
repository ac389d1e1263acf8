"""The corrections of an image by its detector's master calibrations."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from attrs import evolve, frozen
from lsst.images import Image, MaskedImage

from prompt_pipelines.arrays import Pixels
from prompt_pipelines.assembly import Assembled, amplifier_map
from prompt_pipelines.camera import CameraDict, DetectorDict
from prompt_pipelines.defects import defect_pixels
from prompt_pipelines.electronics import straightened, without_crosstalk
from prompt_pipelines.errors import UnusableImageError

__all__ = ["CALIBRATIONS", "Masters", "correct", "signal"]

_MISSED: Final = ("bias", "flat")
"""Which an image lacks if they are not there, for a camera that does not say."""


CALIBRATIONS: Final = ("bias", "dark", "flat", "defects", "linearity", "crosstalk")
"""Dataset types of masters."""


@frozen(kw_only=True, eq=False)
class Masters:
    """What there is to calibrate one detector's images with."""

    bias: Image | None = None
    """ADU."""
    dark: MaskedImage | None = None
    """Electrons per second."""
    flat: Image | None = None
    """Response relative to the detector's median."""
    defects: Mapping[str, Any] | None = None
    """Boxes of pixels of no use."""
    linearity: Mapping[str, Any] | None = None
    """How amplifiers' signals are straightened."""
    crosstalk: Mapping[str, Any] | None = None
    """How much of each amplifier's signal appears in the others'."""

    @property
    def names(self) -> tuple[str, ...]:
        """Dataset types of those that are there."""
        return tuple(name for name in CALIBRATIONS if getattr(self, name) is not None)

    def of_use(self, camera: CameraDict) -> "Masters":
        """Drop those that the camera's description says are not used."""
        wanted = camera.get("calibrations")
        if wanted is None:
            return self
        return evolve(self, **{name: None for name in self.names if name not in wanted})

    def missing(self, camera: CameraDict) -> tuple[str, ...]:
        """Name those that the camera's images should be calibrated with, and that are not there."""
        wanted = camera.get("calibrations")
        return tuple(name for name in (_MISSED if wanted is None else wanted) if name not in self.names)


def correct(
    assembled: Assembled, description: DetectorDict, masters: Masters, exposure_time: float
) -> tuple[Pixels, Pixels]:
    """Correct one image by what masters there are.

    Parameters
    ----------
    assembled
        Without overscan, trimmed, ADU.
    description
        Of the detector.
    masters
        Its masters.
    exposure_time
        Seconds.

    Returns
    -------
    pixels, variance
        Electrons and electrons squared; NaN where they cannot be known.

    Raises
    ------
    UnusableImageError
        Raised if a master is of another size than the image.
    """
    for name in ("bias", "dark", "flat"):
        _check_size(getattr(masters, name), name, assembled, description)
    pixels = np.asarray(
        signal(assembled.pixels, description, masters) * amplifier_map(description, "gain"), dtype=np.float32
    )
    # Poisson noise of what was collected, dark current included; an empty pixel has no negative variance.
    variance: Pixels = np.maximum(pixels, np.float32(0.0)) + amplifier_map(description, "read_noise") ** 2
    if masters.dark is not None:
        seconds, dark = np.float32(exposure_time), masters.dark
        pixels = np.asarray(pixels - seconds * dark.image.array, dtype=np.float32)
        variance = np.asarray(variance + seconds * seconds * dark.variance.array, dtype=np.float32)
    if masters.flat is not None:
        pixels = pixels / masters.flat.array
        variance = variance / masters.flat.array**2
    if masters.defects is not None:
        pixels[defect_pixels(masters.defects, pixels.shape)] = np.nan
    return pixels, variance


def signal(pixels: Pixels, description: DetectorDict, masters: Masters) -> Pixels:
    """Free pixels (ADU) of bias, bent response and crosstalk, in this order."""
    if masters.bias is not None:
        pixels = pixels - masters.bias.array
    if masters.linearity is not None:
        pixels = straightened(pixels, description, masters.linearity)
    if masters.crosstalk is not None:
        pixels = without_crosstalk(pixels, description, masters.crosstalk)
    return pixels


def _check_size(
    master: Image | MaskedImage | None, name: str, assembled: Assembled, description: DetectorDict
) -> None:
    """Make sure that a master fits an image."""
    if master is None:
        return
    shape = (master.image if isinstance(master, MaskedImage) else master).array.shape
    if shape != assembled.pixels.shape:
        raise UnusableImageError(
            f"the {name} of {description['name']} has the shape {shape}, the image {assembled.pixels.shape}"
        )
