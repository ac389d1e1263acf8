"""From a raw frame to a trimmed image: overscan, trim, saturation."""

import math
from collections import defaultdict
from collections.abc import Mapping
from typing import Literal

import numpy as np
import numpy.typing as npt
from astropy.io import fits
from attrs import frozen

from prompt_pipelines.amplifier_faults import fault_of, offset_of
from prompt_pipelines.camera import AmplifierDict, DetectorDict
from prompt_pipelines.errors import UnusableImageError
from prompt_pipelines.raw import RawFrame
from prompt_pipelines.readouts import readouts_of

__all__ = ["Assembled", "amplifier_map", "assemble", "cut"]


@frozen(eq=False)
class Assembled:
    """A trimmed image without its electronic offset."""

    pixels: npt.NDArray[np.float32]
    """ADU, indexed ``[y, x]``; NaN where the raw had no number."""
    saturated: npt.NDArray[np.bool_]
    overscan_levels: dict[str, float]
    """ADU, by amplifier; NaN if it is one of `faults`."""
    header: fits.Header
    """Of the image that was assembled, or of its first amplifier's."""
    detector: DetectorDict
    """With its amplifiers as this raw has them, whose cards may say more than the camera's description."""
    faults: dict[str, str]
    """Why amplifiers are of no use, so that none of their pixels is a number; by their names."""

    @property
    def unread(self) -> str:
        """Names the amplifiers that are of no use, and why, for people; blank if all are."""
        return _listed(self.faults)


def cut(box: list[int]) -> tuple[slice, slice]:
    """Make the index ``[y, x]`` of a box ``[x_min, x_max, y_min, y_max]``."""
    return slice(box[2], box[3]), slice(box[0], box[1])


def assemble(raw: RawFrame, detector: DetectorDict) -> Assembled:
    """Subtract each amplifier's overscan and put the light-sensitive pixels together.

    The offset is one number for each amplifier, the median of its serial overscan or, if it has none, of its
    parallel one: what structure the offset has, the bias frame takes out.

    Raises
    ------
    UnusableImageError
        Raised if the file lacks an image of the detector's (too small for its sections, or so much larger
        that it was read out in another way), or has more than one that may be the frame; or if no amplifier
        is of use (`prompt_pipelines.amplifier_faults`). Pixels of a single one that is not are NaN.
    """
    readouts = readouts_of(raw, detector)
    pixels = np.full((detector["ny"], detector["nx"]), np.nan, dtype=np.float32)
    saturated = np.zeros(pixels.shape, dtype=bool)
    levels, faults = {}, {}
    for readout in readouts:
        amplifier, frame = readout.amplifier, readout.frame.pixels
        data, overscan = frame[cut(amplifier["data"])], frame[cut(_overscan(amplifier))]
        level = offset_of(overscan)
        if (fault := fault_of(amplifier, data, overscan, level)) is not None:
            level, faults[amplifier["name"]] = math.nan, fault
        levels[amplifier["name"]] = level
        data = data[_turn(amplifier)]
        pixels[cut(amplifier["image"])] = data.astype(np.float32) - np.float32(level)
        saturated[cut(amplifier["image"])] = data >= amplifier["saturation"]
    if len(faults) == len(readouts):
        raise UnusableImageError(f"no amplifier of {detector['name']} is of use: {_listed(faults)}")
    as_read: DetectorDict = {**detector, "amplifiers": [readout.amplifier for readout in readouts]}
    return Assembled(pixels, saturated, levels, readouts[0].frame.header, as_read, faults)


def amplifier_map(detector: DetectorDict, quantity: Literal["gain", "read_noise"]) -> npt.NDArray[np.float32]:
    """Spread ``gain`` or ``read_noise`` over the pixels of the trimmed frame; NaN where no amplifier is."""
    values = np.full((detector["ny"], detector["nx"]), np.nan, dtype=np.float32)
    for amplifier in detector["amplifiers"]:
        values[cut(amplifier["image"])] = amplifier[quantity]
    return values


def _turn(amplifier: AmplifierDict) -> tuple[slice, slice]:
    """Make the index ``[y, x]`` that turns an amplifier's data as they are on the detector."""
    x, y = (slice(None, None, -1 if amplifier.get(name) else 1) for name in ("flip_x", "flip_y"))
    return y, x


def _overscan(amplifier: AmplifierDict) -> list[int]:
    serial, parallel = amplifier["overscan"], amplifier.get("parallel_overscan")
    return serial if parallel is None or serial[1] > serial[0] else parallel


def _listed(faults: Mapping[str, str]) -> str:
    names = defaultdict(list)
    for name, fault in faults.items():
        names[fault].append(name)
    return "; ".join(f"{', '.join(alike)}: {fault}" for fault, alike in names.items())
