"""A camera of two small detectors, and raws of it whose truth is known."""

from typing import Any

import numpy as np
import numpy.typing as npt
from attrs import frozen

from prompt_pipelines.camera import AmplifierDict, CameraDict, DetectorDict
from prompt_pipelines.raw import RawFrame

NX, NY, OVERSCAN = 200, 180, 16
GAINS = (1.5, 2.0)
OFFSETS = (1000.0, 1200.0)
READ_NOISE = 6.0
SKY = 400.0
IS_OVERSCAN = np.broadcast_to(np.arange(NX + 2 * OVERSCAN) >= NX, (NY, NX + 2 * OVERSCAN))


def _amplifiers() -> list[AmplifierDict]:
    half = NX // 2
    return [
        {
            "name": f"C{i:02d}",
            "data": [i * half, (i + 1) * half, 0, NY],
            "overscan": [NX + i * OVERSCAN, NX + (i + 1) * OVERSCAN, 0, NY],
            "image": [i * half, (i + 1) * half, 0, NY],
            "gain": GAINS[i],
            "read_noise": READ_NOISE,
            "saturation": 60000.0,
        }
        for i in range(2)
    ]


def _detector(number: int) -> DetectorDict:
    return {
        "name": f"R00_S{number:02d}",
        "nx": NX,
        "ny": NY,
        "pixel_size_um": 10.0,
        "x_mm": 3.0 * number,
        "y_mm": 0.5,
        "yaw_deg": 90.0 * number,
        "amplifiers": _amplifiers(),
    }


def tiny_camera() -> CameraDict:
    """Describe the camera."""
    return {
        "instrument": "TinyCam",
        "detectors": {"0": _detector(0), "1": _detector(1)},
        "focal_plane": {
            "plate_scale_arcsec_per_mm": 20.0,
            "radial_distortion": [0.0, 1.0],
            "x_is_east": False,
        },
        "wcs": None,
        "filters": {"r_tiny": "r"},
    }


@frozen
class Star:
    """A round source."""

    x: float
    y: float
    flux: float
    """Electrons."""


STARS = (
    Star(40.0, 50.0, 30000.0),
    Star(150.3, 60.6, 60000.0),
    Star(90.0, 140.5, 16000.0),
    Star(30.2, 150.0, 14000.0),
    Star(100.7, 30.4, 40000.0),
    Star(95.0, 90.0, 50000.0),
    Star(165.5, 135.2, 35000.0),
    Star(30.8, 100.3, 25000.0),
)
SIGMA = 1.6


def electrons(stars: tuple[Star, ...] = STARS, sky: float = SKY) -> npt.NDArray[np.float64]:
    """Expected electrons of each pixel, no noise."""
    y, x = np.mgrid[0:NY, 0:NX]
    image = np.full((NY, NX), sky)
    for star in stars:
        image += (
            star.flux
            / (2 * np.pi * SIGMA**2)
            * np.exp(-((x - star.x) ** 2 + (y - star.y) ** 2) / (2 * SIGMA**2))
        )
    return image


def response() -> npt.NDArray[np.float64]:
    """Sensitivity of each pixel, relative to the median."""
    y, x = np.mgrid[0:NY, 0:NX]
    values = 1.0 - 0.1 * ((x - NX / 2) ** 2 + (y - NY / 2) ** 2) / (NX / 2) ** 2
    return np.asarray(values / np.median(values))


def bias_structure() -> npt.NDArray[np.float64]:
    """ADU of each pixel above the overscan level."""
    return 5.0 * np.sin(np.arange(NX) / 9.0)[np.newaxis, :] * np.ones((NY, 1))


def read_out(light: npt.NDArray[np.float64], rng: np.random.Generator, **header: Any) -> RawFrame:
    """Make the raw of an image in electrons (as the detector caught them)."""
    raw = np.zeros((NY, NX + 2 * OVERSCAN))
    caught = rng.poisson(np.maximum(light, 0.0)) + rng.normal(0.0, READ_NOISE, light.shape)
    for i, gain in enumerate(GAINS):
        half = slice(i * NX // 2, (i + 1) * NX // 2)
        raw[:, half] = caught[:, half] / gain + OFFSETS[i] + bias_structure()[:, half]
        tail = slice(NX + i * OVERSCAN, NX + (i + 1) * OVERSCAN)
        raw[:, tail] = OFFSETS[i] + rng.normal(0.0, READ_NOISE / gain, (NY, OVERSCAN))
    frame = RawFrame(np.clip(np.rint(raw), 0, 65535).astype(np.uint16))
    frame.header.update(header)
    return frame


def science_frame(rng: np.random.Generator, stars: tuple[Star, ...] = STARS) -> RawFrame:
    """Make a raw of the sky."""
    return read_out(electrons(stars) * response(), rng)


def bias_frames(rng: np.random.Generator, count: int = 5) -> list[RawFrame]:
    """Make bias frames."""
    return [read_out(np.zeros((NY, NX)), rng) for _ in range(count)]


def flat_frames(rng: np.random.Generator, count: int = 5) -> list[RawFrame]:
    """Make flat fields of different levels."""
    return [read_out((15000.0 + 1000.0 * i) * response(), rng) for i in range(count)]
