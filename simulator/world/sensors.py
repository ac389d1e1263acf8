"""The sensors of a simulated camera: what each does to the light that falls on it."""

import numpy as np
from attrs import frozen

from domain.cameras.camera import Box, Camera, Detector, DetectorType
from simulator.errors import SimulatorError
from simulator.world.arrays import Bools, Counts, Floats

__all__ = ["Sensor", "make_sensor", "read_out"]

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
    offset: Floats
    """ADU, raw frame indexed ``[y, x]``: what is read without light."""
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
    offset = _offset(generator, kind)
    hot = generator.random(bad.shape) < _HOT_PIXELS
    return Sensor(
        detector=detector,
        type=kind,
        response=response,
        offset=offset,
        bad=bad,
        dark_current=dark_current * np.where(hot, _HOTTER, 1.0),
    )


def read_out(sensor: Sensor, electrons: Floats, generator: np.random.Generator) -> Counts:
    """Turn electrons into a raw's pixels, overscan included.

    Parameters
    ----------
    sensor
        What is read.
    electrons
        In each pixel, trimmed frame indexed ``[y, x]``.
    generator
        Of the readout noise.

    Returns
    -------
    pixels
        ADU, raw frame indexed ``[y, x]``.
    """
    adu = sensor.offset.copy()
    for amplifier in sensor.type.amplifiers:
        adu[_index(amplifier.data)] += electrons[_index(amplifier.image)] / amplifier.gain
        for box in (amplifier.data, amplifier.overscan):
            noise = generator.standard_normal(box.shape, dtype=np.float32)
            adu[_index(box)] += amplifier.read_noise / amplifier.gain * noise
    return np.clip(np.rint(adu), 0, _FULL_RANGE).astype(np.uint16)


def _response(generator: np.random.Generator, kind: DetectorType) -> Floats:
    """Shade the detector towards a corner, and roughen it from pixel to pixel."""
    y, x = np.ogrid[0.0 : 1.0 : kind.ny * 1j, 0.0 : 1.0 : kind.nx * 1j]
    corner = generator.integers(0, 2, size=2)
    shade = _VIGNETTING * ((x - corner[0]) ** 2 + (y - corner[1]) ** 2) / 2
    rough = 1.0 + _PIXEL_RESPONSE * generator.standard_normal((kind.ny, kind.nx))
    return np.asarray((1.0 - shade) * rough)


def _offset(generator: np.random.Generator, kind: DetectorType) -> Floats:
    boxes = [box for amplifier in kind.amplifiers for box in (amplifier.data, amplifier.overscan)]
    rows, columns = max(box.y_max for box in boxes), max(box.x_max for box in boxes)
    offset = np.full((rows, columns), _OFFSET)
    for amplifier in kind.amplifiers:
        level = generator.normal(0.0, _AMPLIFIER_SCATTER)
        offset[_index(amplifier.data)] += level + generator.normal(0.0, _PATTERN, amplifier.data.shape[1])
        offset[_index(amplifier.overscan)] += level
    return offset


def _index(box: Box) -> tuple[slice, slice]:
    return slice(box.y_min, box.y_max), slice(box.x_min, box.x_max)
