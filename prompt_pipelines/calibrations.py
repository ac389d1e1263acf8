"""Master bias and flat frames from raw ones.

Both are images of the trimmed frame. NaN marks a pixel that cannot be
calibrated; the pipelines mask it as ``BAD``.
"""

import logging
import warnings
from collections.abc import Callable, Sequence

import astropy.units as u
import numpy as np
from lsst.images import Image
from scipy.ndimage import median_filter

from prompt_pipelines.arrays import Pixels
from prompt_pipelines.assembly import amplifier_map, assemble
from prompt_pipelines.camera import CameraDict, DetectorDict, find_detector
from prompt_pipelines.errors import CalibrationError, UnusableImageError
from prompt_pipelines.raw import RawFrame

__all__ = ["combine_biases", "combine_flats"]

_log = logging.getLogger(__name__)

_CLIP = 4.0  # standard deviations from the median: rejects cosmic rays, keeps 99.99 % of the noise
_MIN_RESPONSE = 0.1  # of the detector's median; below it the noise of a flattened pixel is worthless
_MAX_STEP = 0.4  # fraction by which a usable pixel may differ from the median around it
_MIN_LIGHT = 5.0  # times the read noise: what a flat's level is at least, or it shows no response
_NEIGHBOURHOOD = 9  # pixels; wide enough to be the same with and without a bad column


def combine_biases(frames: Sequence[RawFrame], camera: CameraDict, detector: int) -> Image:
    """Combine bias frames into a master bias.

    A frame that cannot be used is left out, and named in the log.

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
        Raised if there are no frames, or none that can be used.
    """
    if not frames:
        raise CalibrationError(f"no bias frames for detector {detector}")
    description = find_detector(camera, detector)
    stack = np.stack(
        _usable(frames, lambda frame: _valid_pixels(frame, description), "bias frames", detector)
    )
    noise = amplifier_map(description, "read_noise") / amplifier_map(description, "gain")
    return Image(_clipped_mean(stack, noise), unit=u.adu)


def combine_flats(frames: Sequence[RawFrame], bias: Image | None, camera: CameraDict, detector: int) -> Image:
    """Combine flat fields of one filter into a master flat.

    A frame that cannot be used is left out, and named in the log.

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
    """
    description = find_detector(camera, detector)
    gain, read_noise = amplifier_map(description, "gain"), amplifier_map(description, "read_noise")
    least = _MIN_LIGHT * _median(read_noise)

    def scaled(frame: RawFrame) -> tuple[Pixels, Pixels]:
        electrons = (_valid_pixels(frame, description) - (0.0 if bias is None else bias.array)) * gain
        level = _median(electrons)
        if not level > least:
            raise UnusableImageError(f"it has no light: {level:.1f} electrons where it takes {least:.1f}")
        noise = np.sqrt(np.maximum(electrons, 0.0) + read_noise**2) / np.float32(level)
        return electrons / np.float32(level), noise.astype(np.float32, copy=False)

    responses, noises = zip(*_usable(frames, scaled, "flat fields", detector), strict=True)
    flat = _clipped_mean(np.stack(responses), np.max(noises, axis=0))
    flat /= np.float32(_median(flat))
    return Image(_without_bad_pixels(flat), unit=u.dimensionless_unscaled)


def _usable[T](
    frames: Sequence[RawFrame], use: Callable[[RawFrame], T], what: str, detector: int
) -> Sequence[T]:
    used, reasons = [], []
    for frame in frames:
        try:
            used.append(use(frame))
        except UnusableImageError as error:
            _log.warning("%s is left out: %s", frame.name or f"one of the {what}", error)
            reasons.append(str(error))
    if not used:
        why = f": {'; '.join(dict.fromkeys(reasons))}" if reasons else ""
        raise CalibrationError(f"no usable {what} among {len(frames)} for detector {detector}{why}")
    return used


def _valid_pixels(frame: RawFrame, description: DetectorDict) -> Pixels:
    assembled = assemble(frame, description)
    pixels = np.where(assembled.saturated, np.float32(np.nan), assembled.pixels)
    if not np.isfinite(pixels).any():
        raise UnusableImageError("none of its pixels is a number below saturation")
    return pixels


def _clipped_mean(stack: Pixels, noise: Pixels) -> Pixels:
    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):
        middle = np.nanmedian(stack, axis=0)
        kept = np.where(np.abs(stack - middle) <= _CLIP * noise, stack, np.float32(np.nan))
        mean = np.nanmean(kept, axis=0)
    # A pixel noisier than its amplifier may have no two frames near the median of an even number.
    return np.where(np.isfinite(mean), mean, middle).astype(np.float32)


def _median(pixels: Pixels) -> float:
    finite = pixels[np.isfinite(pixels)]
    return float(np.median(finite)) if finite.size else 0.0


def _without_bad_pixels(flat: Pixels) -> Pixels:
    around = median_filter(np.nan_to_num(flat, nan=0.0), size=_NEIGHBOURHOOD, mode="nearest")
    usable = (flat > _MIN_RESPONSE) & (np.abs(flat - around) <= _MAX_STEP * around)
    return np.where(usable, flat, np.float32(np.nan))
