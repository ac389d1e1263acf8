"""Master bias and flat frames from raw ones.

Both are images of the trimmed frame. NaN marks a pixel that cannot be
calibrated; the pipelines mask it as ``BAD``.
"""

import warnings
from collections.abc import Sequence

import astropy.units as u
import numpy as np
import numpy.typing as npt
from lsst.images import Image
from scipy.ndimage import median_filter

from prompt_pipelines.assembly import amplifier_map, assemble
from prompt_pipelines.camera import CameraDict, find_detector
from prompt_pipelines.errors import CalibrationError
from prompt_pipelines.raw import RawFrame

__all__ = ["combine_biases", "combine_flats"]

_CLIP = 4.0  # standard deviations from the median: rejects cosmic rays, keeps 99.99 % of the noise
_MIN_RESPONSE = 0.1  # of the detector's median; below it the noise of a flattened pixel is worthless
_MAX_STEP = 0.4  # fraction by which a usable pixel may differ from the median around it
_NEIGHBOURHOOD = 9  # pixels; wide enough to be the same with and without a bad column


def combine_biases(frames: Sequence[RawFrame], camera: CameraDict, detector: int) -> Image:
    """Combine bias frames into a master bias.

    Parameters
    ----------
    frames
        Raw bias frames of one detector.
    camera
        The ``camera`` dataset.
    detector
        Its number.

    Returns
    -------
    bias
        ADU, overscan subtracted and trimmed: the clipped mean of the frames.

    Raises
    ------
    CalibrationError
        Raised if there are no frames.
    UnusableImageError
        Raised if a frame's size is wrong.
    """
    if not frames:
        raise CalibrationError(f"no bias frames for detector {detector}")
    description = find_detector(camera, detector)
    stack = np.stack([_valid_pixels(frame, camera, detector) for frame in frames])
    noise = amplifier_map(description, "read_noise") / amplifier_map(description, "gain")
    return Image(_clipped_mean(stack, noise), unit=u.adu)


def combine_flats(frames: Sequence[RawFrame], bias: Image | None, camera: CameraDict, detector: int) -> Image:
    """Combine flat fields of one filter into a master flat.

    Parameters
    ----------
    frames
        Raw flat fields of one detector and filter; their levels may differ.
    bias
        The master bias, or None for a camera that has none.
    camera
        The ``camera`` dataset.
    detector
        Its number.

    Returns
    -------
    flat
        Response to light in electrons relative to the detector's median.

    Raises
    ------
    CalibrationError
        Raised if there are no frames, or none with light that is not saturated.
    UnusableImageError
        Raised if a frame's size is wrong.
    """
    description = find_detector(camera, detector)
    gain, read_noise = amplifier_map(description, "gain"), amplifier_map(description, "read_noise")
    scaled, noises = [], []
    for frame in frames:
        adu = _valid_pixels(frame, camera, detector) - (0.0 if bias is None else bias.array)
        electrons = adu * gain
        level = _median(electrons)
        if level > 0.0:
            scaled.append(electrons / level)
            noises.append(np.sqrt(np.maximum(electrons, 0.0) + read_noise**2) / level)
    if not scaled:
        raise CalibrationError(f"no usable flat fields among {len(frames)} for detector {detector}")
    flat = _clipped_mean(np.stack(scaled), np.max(noises, axis=0))
    flat /= np.float32(_median(flat))
    return Image(_without_bad_pixels(flat), unit=u.dimensionless_unscaled)


def _valid_pixels(frame: RawFrame, camera: CameraDict, detector: int) -> npt.NDArray[np.float32]:
    assembled = assemble(frame, find_detector(camera, detector))
    return np.where(assembled.saturated, np.float32(np.nan), assembled.pixels)


def _clipped_mean(stack: npt.NDArray[np.float32], noise: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):
        middle = np.nanmedian(stack, axis=0)
        kept = np.where(np.abs(stack - middle) <= _CLIP * noise, stack, np.float32(np.nan))
        mean = np.nanmean(kept, axis=0)
    # A pixel noisier than its amplifier may have no two frames near the median of an even number.
    return np.where(np.isfinite(mean), mean, middle).astype(np.float32)


def _median(pixels: npt.NDArray[np.float32]) -> float:
    finite = pixels[np.isfinite(pixels)]
    return float(np.median(finite)) if finite.size else 0.0


def _without_bad_pixels(flat: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    around = median_filter(np.nan_to_num(flat, nan=0.0), size=_NEIGHBOURHOOD, mode="nearest")
    usable = (flat > _MIN_RESPONSE) & (np.abs(flat - around) <= _MAX_STEP * around)
    return np.where(usable, flat, np.float32(np.nan))
