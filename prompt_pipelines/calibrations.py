"""Master bias, dark and flat frames from raw ones.

All are images of the trimmed frame. NaN marks a pixel that cannot be
calibrated; the pipelines mask it as ``BAD``.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import astropy.units as u
import numpy as np
from lsst.images import Image, MaskedImage
from numpy.lib.stride_tricks import sliding_window_view
from scipy.ndimage import maximum_filter, median_filter, minimum_filter

from prompt_pipelines.arrays import Flags, Pixels
from prompt_pipelines.assembly import amplifier_map
from prompt_pipelines.camera import CameraDict, DetectorDict, find_detector
from prompt_pipelines.combination import (
    CLIP,
    clipped_mean,
    lower_median,
    median,
    row_blocks,
    usable,
    valid_pixels,
)
from prompt_pipelines.corrections import Masters, signal
from prompt_pipelines.errors import CalibrationError, UnusableImageError
from prompt_pipelines.masks import image_schema
from prompt_pipelines.raw import RawFrame
from prompt_pipelines.readouts import as_read

__all__ = ["combine_biases", "combine_darks", "combine_flats"]

_MIN_RESPONSE = 0.1  # of the detector's median; below it the noise of a flattened pixel is worthless
_MAX_STEP = 0.4  # fraction by which a usable pixel may differ from the median around it
_MIN_LIGHT = 5.0  # times the read noise: what a flat's level is at least, or it shows no response
_MOST = 0.75  # share of pixels; if fewer are alike, all medians are made in one go
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
        ``frames`` in its metadata is how many were used.

    Raises
    ------
    CalibrationError
        Raised if there are no frames, or none that can be used.
    """
    if not frames:
        raise CalibrationError(f"no bias frames for detector {detector}")
    description = as_read(frames, find_detector(camera, detector))
    stack = np.stack(usable(frames, lambda frame: valid_pixels(frame, description), "bias frames", detector))
    noise = amplifier_map(description, "read_noise") / amplifier_map(description, "gain")
    return Image(clipped_mean(stack, noise), unit=u.adu, metadata={"frames": len(stack)})


def combine_darks(
    frames: Sequence[RawFrame],
    bias: Image | None,
    camera: CameraDict,
    detector: int,
    *,
    linearity: Mapping[str, Any] | None = None,
    crosstalk: Mapping[str, Any] | None = None,
) -> MaskedImage:
    """Combine dark frames into a master of the dark current, with its noise.

    A frame that cannot be used is left out, and named in the log. The others
    are averaged with the inverse of their variances as weights: read noise and
    the Poisson noise of the dark current, by which outliers are told too.

    Parameters
    ----------
    frames
        Raw dark frames of one detector, with their exposure times, which may
        differ.
    bias
        The master bias, or None for a camera that has none.
    camera
        The ``camera`` dataset.
    detector
        Its number.
    linearity, crosstalk
        Datasets, if they are known.

    Returns
    -------
    dark
        Dark current in electrons per second, and its variance.

    Raises
    ------
    CalibrationError
        Raised if there are no frames, or none that can be used.
    """
    if not frames:
        raise CalibrationError(f"no dark frames for detector {detector}")
    description = as_read(frames, find_detector(camera, detector))
    gain, read_noise = amplifier_map(description, "gain"), amplifier_map(description, "read_noise")
    masters = Masters(bias=bias, linearity=linearity, crosstalk=crosstalk)

    def rate(frame: RawFrame) -> tuple[Pixels, np.float32]:
        if frame.exposure_time is None or not frame.exposure_time > 0.0:
            raise UnusableImageError("it has no exposure time, by which its dark current could be scaled")
        seconds = np.float32(frame.exposure_time)
        return signal(valid_pixels(frame, description), description, masters) * gain / seconds, seconds

    rates, times = zip(*usable(frames, rate, "dark frames", detector), strict=True)
    mean, variance = _weighted_mean(np.stack(rates), np.array(times)[:, None, None], read_noise)
    return MaskedImage(
        Image(mean, unit=u.electron / u.s),
        variance=Image(variance, unit=(u.electron / u.s) ** 2),
        mask_schema=image_schema(),
        metadata={"frames": len(times), "exposure_time_s": float(max(times))},
    )


def _weighted_mean(rates: Pixels, seconds: Pixels, read_noise: Pixels) -> tuple[Pixels, Pixels]:
    mean, variance = (np.empty(rates.shape[1:], dtype=np.float32) for _ in range(2))
    for rows in row_blocks(rates):
        block = rates[:, rows]
        # Long exposures are hit so often that of two frames the lower one is to be trusted.
        which = lower_median(block)
        middle = np.take_along_axis(block, which, axis=0)
        variances = (read_noise[rows] / seconds) ** 2 + np.maximum(middle, np.float32(0.0)) / seconds
        # The difference of two frames has the noise of both.
        noise = np.sqrt(variances + np.take_along_axis(variances, which, axis=0))
        kept = np.abs(block - middle) <= CLIP * noise
        weights = np.where(kept, 1.0 / variances, np.float32(0.0))
        total = weights.sum(axis=0)
        total[total == 0.0] = np.nan
        mean[rows] = np.where(kept, weights * block, np.float32(0.0)).sum(axis=0) / total
        variance[rows] = 1.0 / total
    return mean, variance


def combine_flats(
    frames: Sequence[RawFrame],
    bias: Image | None,
    camera: CameraDict,
    detector: int,
    dark: MaskedImage | None = None,
    *,
    linearity: Mapping[str, Any] | None = None,
    crosstalk: Mapping[str, Any] | None = None,
) -> Image:
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
    dark
        The master dark; None if there is none. Frames whose exposure time is
        not known are taken as they are.
    linearity, crosstalk
        Datasets, if they are known.

    Returns
    -------
    flat
        Response to light in electrons relative to the detector's median. In its
        metadata ``frames`` are used, of ``level_electron`` at the median.

    Raises
    ------
    CalibrationError
        Raised if there are no frames, or none with light that is not saturated.
    """
    description = as_read(frames, find_detector(camera, detector))
    read_noise = amplifier_map(description, "read_noise")
    masters = Masters(bias=bias, dark=dark, linearity=linearity, crosstalk=crosstalk)
    least = _MIN_LIGHT * median(read_noise)

    def scaled(frame: RawFrame) -> tuple[Pixels, Pixels, float]:
        electrons = _light(frame, description, masters)
        level = median(electrons)
        if not level > least:
            raise UnusableImageError(f"it has no light: {level:.1f} electrons where it takes {least:.1f}")
        noise = np.sqrt(np.maximum(electrons, 0.0) + read_noise**2) / np.float32(level)
        return electrons / np.float32(level), noise.astype(np.float32, copy=False), level

    responses, noises, levels = zip(*usable(frames, scaled, "flat fields", detector), strict=True)
    flat = clipped_mean(np.stack(responses), np.max(noises, axis=0))
    flat /= np.float32(median(flat))
    return Image(
        _without_bad_pixels(flat),
        unit=u.dimensionless_unscaled,
        metadata={"frames": len(levels), "level_electron": float(np.median(levels))},
    )


def _light(frame: RawFrame, description: DetectorDict, masters: Masters) -> Pixels:
    pixels = signal(valid_pixels(frame, description), description, masters)
    electrons = pixels * amplifier_map(description, "gain")
    if masters.dark is None or frame.exposure_time is None:
        return electrons
    return np.asarray(electrons - masters.dark.image.array * np.float32(frame.exposure_time))


def _without_bad_pixels(flat: Pixels) -> Pixels:
    values = np.nan_to_num(flat, nan=0.0)
    lowest = minimum_filter(values, _NEIGHBOURHOOD, mode="nearest")
    highest = maximum_filter(values, _NEIGHBOURHOOD, mode="nearest")
    # The median lies between the two, and takes far longer: where they are close it is not needed.
    step = _MAX_STEP * lowest
    even = (values - lowest <= step) & (highest - values <= step)
    around = values.copy()
    if np.count_nonzero(even) > _MOST * even.size:
        _put_medians(around, values, ~even)
    else:
        around = median_filter(values, size=_NEIGHBOURHOOD, mode="nearest")
    usable_pixels = (flat > _MIN_RESPONSE) & (np.abs(flat - around) <= _MAX_STEP * around)
    return np.where(usable_pixels, flat, np.float32(np.nan))


def _put_medians(around: Pixels, values: Pixels, where: Flags) -> None:
    """Replace some pixels by the medians of their neighbourhoods, a row at a time."""
    padded = np.pad(values, _NEIGHBOURHOOD // 2, mode="edge")
    windows = sliding_window_view(padded, (_NEIGHBOURHOOD, _NEIGHBOURHOOD))
    for row in np.flatnonzero(where.any(axis=1)):
        around[row, where[row]] = np.median(windows[row, where[row]], axis=(1, 2))
