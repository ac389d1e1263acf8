"""The sensors of a simulated camera: what each does to the light that falls on it."""

from collections.abc import Mapping

import numpy as np
from attrs import frozen

from domain.cameras.camera import Amplifier, Box, Camera, Detector, DetectorType
from domain.cameras.detectors import Hdu
from simulator.errors import SimulatorError
from simulator.world.arrays import Bools, Counts, Floats

__all__ = ["Planes", "Sensor", "make_sensor", "read_out"]

type Planes = Mapping[Hdu | None, Counts]
"""Images of a raw, ADU indexed ``[y, x]``, by their HDUs; that of a raw with one image has none."""


_OFFSET = 1000.0  # ADU, of the readout
_AMPLIFIER_SCATTER = 30.0  # ADU, of offsets between amplifiers
_PATTERN = 3.0  # ADU, of fixed offsets between columns
_PIXEL_RESPONSE = 0.01  # scatter between neighbours
_VIGNETTING = 0.08  # loss of light at the corner of a detector
_BAD_COLUMNS = 2
_BAD_RESPONSE = 0.02
_HOT_PIXELS = 0.002  # of all
_HOTTER = 100.0  # times the dark current of the others
_FULL_RANGE = np.iinfo(np.uint16).max


@frozen(kw_only=True, eq=False)
class Sensor:
    """One detector with the faults that it has all night."""

    detector: Detector
    type: DetectorType
    response: Floats
    """To light, relative, trimmed frame indexed ``[y, x]``."""
    offset: Mapping[Hdu | None, Floats]
    """ADU, raw frames indexed ``[y, x]``, by their HDUs: what is read without light."""
    bad: Bools
    """Trimmed frame: columns that hardly see light."""
    dark_current: Floats
    """Electrons per second, trimmed frame."""


def make_sensor(camera: Camera, detector: Detector, *, seed: int, dark_current: float = 0.0) -> Sensor:
    """Make a sensor; the same arguments give the same one.

    Raises
    ------
    SimulatorError
        Raised if the camera does not describe the detector's amplifiers.
    """
    kind = detector.type
    if kind is None or not kind.amplifiers:
        raise SimulatorError(
            f"{camera.instrument} cannot be simulated: its description names no amplifiers"
            f" of detector {detector.number}"
        )
    generator = np.random.default_rng([seed, 1, detector.number])
    bad = np.zeros((kind.ny, kind.nx), dtype=bool)
    bad[:, generator.choice(kind.nx, size=min(_BAD_COLUMNS, kind.nx), replace=False)] = True
    response = np.where(bad, _BAD_RESPONSE, _response(generator, kind))
    offset = _offset(generator, detector, kind)
    hot = generator.random(bad.shape) < _HOT_PIXELS
    return Sensor(
        detector=detector,
        type=kind,
        response=response,
        offset=offset,
        bad=bad,
        dark_current=dark_current * np.where(hot, _HOTTER, 1.0),
    )


def read_out(sensor: Sensor, electrons: Floats, generator: np.random.Generator) -> Planes:
    """Turn electrons into a raw's pixels, overscan included.

    Parameters
    ----------
    sensor
        What is read.
    electrons
        In each pixel, trimmed frame indexed ``[y, x]``.
    generator
        Of the readout noise.
    """
    planes = {hdu: offset.copy() for hdu, offset in sensor.offset.items()}
    for amplifier in sensor.type.amplifiers:
        adu = planes[sensor.detector.hdu_of(amplifier)]
        collected = electrons[_index(amplifier.image)][_turn(amplifier)]
        adu[_index(amplifier.data)] += collected / amplifier.gain
        for box in amplifier.boxes:
            noise = generator.standard_normal(box.shape, dtype=np.float32)
            adu[_index(box)] += amplifier.read_noise / amplifier.gain * noise
    return {hdu: np.clip(np.rint(adu), 0, _FULL_RANGE).astype(np.uint16) for hdu, adu in planes.items()}


def _response(generator: np.random.Generator, kind: DetectorType) -> Floats:
    """Shade the detector towards a corner, and roughen it from pixel to pixel."""
    y, x = np.ogrid[0.0 : 1.0 : kind.ny * 1j, 0.0 : 1.0 : kind.nx * 1j]
    corner = generator.integers(0, 2, size=2)
    shade = _VIGNETTING * ((x - corner[0]) ** 2 + (y - corner[1]) ** 2) / 2
    rough = 1.0 + _PIXEL_RESPONSE * generator.standard_normal((kind.ny, kind.nx))
    return np.asarray((1.0 - shade) * rough)


def _offset(
    generator: np.random.Generator, detector: Detector, kind: DetectorType
) -> dict[Hdu | None, Floats]:
    boxes: dict[Hdu | None, list[Box]] = {}
    for amplifier in kind.amplifiers:
        boxes.setdefault(detector.hdu_of(amplifier), []).extend(amplifier.boxes)
    offsets = {
        hdu: np.full((max(box.y_max for box in its), max(box.x_max for box in its)), _OFFSET)
        for hdu, its in boxes.items()
    }
    for amplifier in kind.amplifiers:
        offset = offsets[detector.hdu_of(amplifier)]
        level = generator.normal(0.0, _AMPLIFIER_SCATTER)
        pattern = generator.normal(0.0, _PATTERN, amplifier.data.shape[1])
        for box in amplifier.boxes:
            offset[_index(box)] += level + (pattern if box == amplifier.data else 0.0)
    return offsets


def _index(box: Box) -> tuple[slice, slice]:
    return slice(box.y_min, box.y_max), slice(box.x_min, box.x_max)


def _turn(amplifier: Amplifier) -> tuple[slice, slice]:
    return slice(None, None, -1 if amplifier.flip_y else 1), slice(None, None, -1 if amplifier.flip_x else 1)
