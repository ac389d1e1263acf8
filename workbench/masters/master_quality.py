"""How good a master is, in figures, and whether it is good enough to calibrate with."""

import math
from typing import Any, cast

import numpy as np
from attrs import asdict, frozen
from lsst.images import Image, MaskedImage
from scipy.ndimage import median_filter

from domain.cameras.camera import Camera, DetectorType
from prompt_pipelines.arrays import Pixels
from prompt_pipelines.defects import defect_pixels
from prompt_pipelines.image_formatter import pixel_noise
from workbench.masters.detector_masters import Master

__all__ = ["Quality", "measure_quality", "pixels_of"]

_FEWEST_FRAMES = 3  # of two, nobody knows which is wrong
_OUTLIER = 5.0  # times the noise, from the median of a pixel and its neighbours
_MOST_OUTLIERS = 0.02  # of all pixels
_MOST_UNUSABLE = 0.05  # of all pixels
_EXCESS = 2.0  # times the noise that is expected
_ROUNDING = 1.0 / math.sqrt(12.0)  # ADU, standard deviation of whole numbers
_LARGEST_ERROR = 0.01  # of a flat's response in one pixel, by the light of its frames


@frozen(kw_only=True)
class Quality:
    """Figures of one master, in its own unit."""

    frames: int
    """From which it was made."""
    unit: str
    level: float
    """Median; of a flat that of its frames, in electrons."""
    noise: float
    """Standard deviation from pixel to pixel."""
    outliers: int
    """Pixels further from their neighbours than the noise allows."""
    unusable: int
    """Pixels that cannot be calibrated."""
    failures: tuple[str, ...]
    """What is wrong with it; nothing if it is good enough."""

    def as_dict(self) -> dict[str, Any]:
        """Write it as JSON-able values."""
        return {**asdict(self), "failures": list(self.failures)}


def pixels_of(master: Master, camera: Camera) -> Pixels | None:
    """Return a master as pixels; None if it is no image."""
    content = master.content
    if isinstance(content, MaskedImage):
        return cast(Pixels, content.image.array)
    if isinstance(content, Image):
        return cast(Pixels, content.array)
    kind = camera.detector(int(master.data_id["detector"])).type
    if master.dataset_type != "defects" or kind is None:
        return None
    return np.where(defect_pixels(content, (kind.ny, kind.nx)), np.float32(np.nan), np.float32(0.0))


def measure_quality(master: Master, camera: Camera) -> Quality:
    """Measure a master and check it.

    Parameters
    ----------
    master
        Of any kind.
    camera
        Whose read noise tells what noise is to be expected.
    """
    image, pixels = master.content, pixels_of(master, camera)
    if isinstance(image, dict) or pixels is None:
        return _of_list(pixels)
    metadata = cast(dict[str, Any], image.metadata)
    finite = pixels[np.isfinite(pixels)]
    frames, noise = int(metadata.get("frames", 0)), pixel_noise(pixels)
    level = float(metadata.get("level_electron", np.median(finite) if finite.size else 0.0))
    outliers = _outliers(pixels, noise)
    unusable = int(pixels.size - finite.size)
    failures = [
        f"{frames} frames: it takes {_FEWEST_FRAMES}" if frames < _FEWEST_FRAMES else "",
        _too_many(outliers, pixels.size, _MOST_OUTLIERS, "outliers"),
        _too_many(unusable, pixels.size, _MOST_UNUSABLE, "unusable pixels"),
        _own_check(master, camera, frames=frames, noise=noise, level=level),
    ]
    unit = (image.image if isinstance(image, MaskedImage) else image).unit
    return Quality(
        frames=frames,
        unit="electron" if master.dataset_type == "flat" else str(unit),
        level=level,
        noise=noise,
        outliers=outliers,
        unusable=unusable,
        failures=tuple(filter(None, failures)),
    )


def _of_list(pixels: Pixels | None) -> Quality:
    """Measure what is not made by averaging: defects have pixels, what a person has written none."""
    unusable = 0 if pixels is None else int(np.count_nonzero(np.isnan(pixels)))
    failure = "" if pixels is None else _too_many(unusable, pixels.size, _MOST_UNUSABLE, "unusable pixels")
    return Quality(
        frames=0,
        unit="",
        level=0.0,
        noise=0.0,
        outliers=0,
        unusable=unusable,
        failures=(failure,) if failure else (),
    )


def _outliers(pixels: Pixels, noise: float) -> int:
    filled = np.nan_to_num(pixels, nan=float(np.nanmedian(pixels)) if np.isfinite(pixels).any() else 0.0)
    return int(
        np.count_nonzero(np.abs(filled - median_filter(filled, size=3)) > _OUTLIER * max(noise, 1e-12))
    )


def _too_many(number: int, of: int, most: float, what: str) -> str:
    return "" if number <= most * of else f"{number / of:.1%} {what}, where {most:.0%} may be"


def _own_check(master: Master, camera: Camera, *, frames: int, noise: float, level: float) -> str:
    """Check what is peculiar to the kind; blank if it is good."""
    kind = camera.detector(int(master.data_id["detector"])).type
    if master.dataset_type == "bias" and kind is not None and frames:
        expected = math.hypot(_read_noise(kind), _ROUNDING) / math.sqrt(frames)
        if noise > _EXCESS * expected:
            return f"noise of {noise:.2f} ADU, where the camera's read noise explains {expected:.2f}"
    if isinstance(master.content, MaskedImage):
        variance = master.content.variance.array
        expected = math.sqrt(float(np.nanmedian(variance))) if np.isfinite(variance).any() else math.nan
        if level < -expected:
            return f"a negative dark current, {level:.3g} electrons per second: are these darks of this bias?"
        if noise > _EXCESS * expected:
            return f"noise of {noise:.3g} electrons per second, where {expected:.3g} are expected"
    if master.dataset_type == "flat" and frames:
        error = 1.0 / math.sqrt(max(level, 1.0) * frames)
        if error > _LARGEST_ERROR:
            return (
                f"{frames} frames of {level:.0f} electrons make an error of {error:.1%}, "
                f"where {_LARGEST_ERROR:.0%} may be"
            )
    return ""


def _read_noise(kind: DetectorType) -> float:
    """ADU, at the median of the amplifiers."""
    return float(np.median([one.read_noise / one.gain for one in kind.amplifiers] or [math.nan]))
