"""What readouts do to a signal, undone: they bend it, and mix it with their neighbours'.

Datasets are plain values. ``linearity``: ``{"amplifiers": {name: {"polynomial":
[...]} or {"measured": [...], "corrected": [...]}}}``. ``crosstalk``: ``{"amplifiers":
[names], "matrix": [[...], ...], "mirrored_x": [names], "mirrored_y": [names]}``.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from prompt_pipelines.arrays import Pixels
from prompt_pipelines.assembly import cut
from prompt_pipelines.camera import AmplifierDict, DetectorDict
from prompt_pipelines.errors import UnusableImageError

__all__ = ["straightened", "without_crosstalk"]


def straightened(pixels: Pixels, detector: DetectorDict, linearity: Mapping[str, Any]) -> Pixels:
    """Make a signal proportional to the light.

    The polynomial is that of Rubin's ``LinearizePolynomial`` (ip_isr): ``s + c2
    s^2 + c3 s^3 + ...``, so that what is faint stays as it is. A table is interpolated;
    beyond its ends the corrections of the ends hold.

    Parameters
    ----------
    pixels
        ADU above the bias, trimmed frame.
    detector
        Whose they are.
    linearity
        The dataset; amplifiers that it does not name are left as they are.
    """
    straight = pixels.copy()
    for amplifier in detector["amplifiers"]:
        rule = linearity["amplifiers"].get(amplifier["name"])
        if rule is None:
            continue
        signal = pixels[cut(amplifier["image"])]
        if "polynomial" in rule:
            coefficients = np.array([0.0, 1.0, *rule["polynomial"]], dtype=np.float32)
            straight[cut(amplifier["image"])] = np.polynomial.polynomial.polyval(signal, coefficients)
        else:
            measured, corrected = np.array(rule["measured"]), np.array(rule["corrected"])
            straight[cut(amplifier["image"])] += np.interp(signal, measured, corrected - measured)
    return straight


def without_crosstalk(pixels: Pixels, detector: DetectorDict, crosstalk: Mapping[str, Any]) -> Pixels:
    """Take the ghosts of other amplifiers' signals out of each amplifier's.

    From the signal of an amplifier the sum of the others' is subtracted, each
    times its coefficient, pixel by pixel as they are read at the same time
    (Freyhammer et al. 2001, Experimental Astronomy 12, 147). What is subtracted
    holds crosstalk itself: an error in the square of the coefficients.

    Parameters
    ----------
    pixels
        ADU above the bias, trimmed frame.
    detector
        Whose they are.
    crosstalk
        The dataset.

    Raises
    ------
    UnusableImageError
        Raised if it is that of other amplifiers.
    """
    amplifiers = {amplifier["name"]: amplifier for amplifier in detector["amplifiers"]}
    if set(crosstalk["amplifiers"]) != set(amplifiers):
        raise UnusableImageError(f"the crosstalk of {detector['name']} is that of other amplifiers")
    names = crosstalk["amplifiers"]
    as_read = [
        np.nan_to_num(_as_read(pixels[cut(amplifiers[name]["image"])], amplifiers[name], crosstalk))
        for name in names
    ]
    clean = pixels.copy()
    for name, row in zip(names, crosstalk["matrix"], strict=True):
        ghost = sum(
            np.float32(share) * signal for share, signal in zip(row, as_read, strict=True) if share != 0.0
        )
        if not isinstance(ghost, int):
            clean[cut(amplifiers[name]["image"])] -= _as_read(ghost, amplifiers[name], crosstalk)
    return clean


def _as_read(signal: Pixels, amplifier: AmplifierDict, crosstalk: Mapping[str, Any]) -> Pixels:
    """Turn an amplifier's pixels into the order in which they are read; or back, which is the same."""
    turned = signal
    for axis, direction in ((0, "y"), (1, "x")):
        mirrored = amplifier["name"] in crosstalk[f"mirrored_{direction}"]
        if mirrored != bool(dict(amplifier).get(f"flip_{direction}")):
            turned = np.flip(turned, axis)
    return turned
