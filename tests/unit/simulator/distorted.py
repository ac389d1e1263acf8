"""Frames as amplifiers leave them that bend a signal and mix it with their neighbours'."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from astropy.io import fits

from domain.cameras.camera import Camera
from domain.cameras.detectors import Amplifier, Box

__all__ = ["BEND", "SHARE", "corrections_of", "distort", "leaks"]

BEND = 1e-5
"""Of a signal's square, ADU, that is to be added again: 6 % of 6,000."""
SHARE = 4e-3
"""Of an amplifier's signal that appears in the next one's."""
_BRIGHT = 3000.0  # electrons


def corrections_of(camera: Camera, detectors: int) -> dict[str, object]:
    """Say what undoes it, as a file of corrections does."""
    known = {}
    for detector in camera.detectors[:detectors]:
        amplifiers = _amplifiers(camera, detector.number)
        number = len(amplifiers)
        known[detector.name] = {
            "linearity": {amplifier.name: {"polynomial": [BEND]} for amplifier in amplifiers},
            "crosstalk": {"matrix": (SHARE * np.roll(np.eye(number), 1, axis=0)).tolist()},
        }
    return {"detectors": known}


def distort(path: Path, camera: Camera, detector: int) -> None:
    """Bend and mix the amplifiers of a frame, each of which is in an HDU of its own."""
    amplifiers = _amplifiers(camera, detector)
    with fits.open(path) as hdus:
        planes = [hdus[str(amplifier.hdu)].data.astype(float) for amplifier in amplifiers]
        levels = [
            np.median(plane[_index(amplifier.overscan or amplifier.data)])
            for amplifier, plane in zip(amplifiers, planes, strict=True)
        ]
        signals = [
            plane[_index(amplifier.data)] - level
            for amplifier, plane, level in zip(amplifiers, planes, levels, strict=True)
        ]
        new = [hdus[0].copy()]
        for number, (amplifier, plane, level) in enumerate(zip(amplifiers, planes, levels, strict=True)):
            mixed = signals[number] + SHARE * signals[number - 1]
            bent = (np.sqrt(1.0 + 4.0 * BEND * mixed) - 1.0) / (2.0 * BEND)
            plane[_index(amplifier.data)] = level + bent
            header = hdus[str(amplifier.hdu)].header
            new.append(fits.CompImageHDU(np.rint(plane).astype(np.uint16), header, name=str(amplifier.hdu)))
        fits.HDUList(new).writeto(path, overwrite=True)


def leaks(pixels: np.ndarray, usable: np.ndarray, amplifiers: Sequence[Amplifier]) -> float:
    """Measure the share of bright pixels (electrons) that appears in the next amplifier's."""

    def as_read(image: np.ndarray, one: Amplifier) -> np.ndarray:
        return image[_index(one.image)][:: -1 if one.flip_y else 1, :: -1 if one.flip_x else 1]

    ghosts, sources = [], []
    for number, amplifier in enumerate(amplifiers):
        source = amplifiers[number - 1]
        bright = as_read(pixels, source) > _BRIGHT
        bright &= as_read(usable, source) & as_read(usable, amplifier) & (as_read(pixels, amplifier) < 200.0)
        sources.append(as_read(pixels, source)[bright] / source.gain)
        ghosts.append(as_read(pixels, amplifier)[bright] / amplifier.gain)
    light, ghost = np.concatenate(sources), np.concatenate(ghosts)
    return float(np.sum(light * ghost) / np.sum(light**2))


def _amplifiers(camera: Camera, detector: int) -> Sequence[Amplifier]:
    kind = camera.detector(detector).type
    assert kind is not None
    return kind.amplifiers


def _index(box: Box) -> tuple[slice, slice]:
    return slice(box.y_min, box.y_max), slice(box.x_min, box.x_max)
