"""A simulated night as files in a folder, as an observatory would leave them."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from astropy.io import fits
from attrs import evolve

from domain.cameras.camera import Camera
from domain.headers.header import read_exposure
from domain.raws.raws import parse_raw_key
from domain.times import TaiSeconds
from simulator.summit.night import PlannedVisit
from simulator.summit.simulated_night import SimulatedNight
from simulator.world.cards import header_cards
from simulator.world.frames import SimulatedCamera
from simulator.world.optics import field_radius
from simulator.world.sky import Sky, make_sky
from simulator.world.stars import Patch

__all__ = ["sky_of_night", "spoil", "write_night"]

_BEGIN = TaiSeconds(1_773_456_164.0)
_SPACING = 40.0
_DARK_TIME = 60.0
_RA, _DEC = 149.9, 2.2


def write_night(
    folder: Path,
    camera: Camera,
    *,
    lights: int,
    seed: int = 1,
    biases: int = 3,
    darks: int = 0,
    flats: int = 2,
    dark_current: float = 0.0,
) -> list[Path]:
    """Write lights of the camera's first detector (returned), biases, darks of 60 s, and flats."""
    detector = camera.detectors[0].number
    physical_filter = list(camera.filters)[2]
    visits = [
        PlannedVisit(
            group=f"night-{number}",
            detectors=(detector,),
            ra=_RA + number / 3600,
            dec=_DEC,
            sky_angle=12.0,
            physical_filter=physical_filter,
            exposure_time=30.0,
        )
        for number in range(lights)
    ]
    sky = sky_of_night(camera, seed)
    simulated = SimulatedCamera(camera=camera, seed=seed, dark_current=dark_current)
    night = SimulatedNight(simulated, sky, visits)
    paths = []
    for number, visit in enumerate(visits):
        opened = TaiSeconds(_BEGIN + number * _SPACING)
        (raw,) = night.take(visit, 0, opened, TaiSeconds(opened + 30.0))
        paths.append(folder / f"light{number}.fits")
        paths[-1].write_bytes(raw.body)
    header = fits.open(io.BytesIO(raw.body))[0].header
    light = read_exposure(camera, dict(header), parse_raw_key(camera, raw.key))
    kinds: list[tuple[str, Callable[[int], np.ndarray], float, int]] = [
        ("bias", lambda number: simulated.bias(detector, number)[None], 0.0, biases),
        ("dark", lambda number: simulated.dark(detector, number, _DARK_TIME)[None], _DARK_TIME, darks),
        ("flat", lambda number: simulated.flat(detector, number)[None], 5.0, flats),
    ]
    for kind, take, exposure_time, count in kinds:
        exposure = evolve(light, observation_type=kind, exposure_time=exposure_time)
        for number in range(count):
            hdu = fits.PrimaryHDU(take(number))
            hdu.header.update(header_cards(camera, exposure))
            hdu.writeto(folder / f"{kind}{number}.fits")
    return paths


def sky_of_night(camera: Camera, seed: int = 1) -> Sky:
    """Make the sky that `write_night` shows."""
    patch = Patch(ra=_RA, dec=_DEC, radius=2 * field_radius(camera))
    return make_sky(patch, (list(camera.filters.values())[2],), seed=seed, epoch=_BEGIN)


def spoil(path: Path, change: Callable[[fits.Header, np.ndarray], np.ndarray]) -> None:
    """Write a frame anew with other pixels or cards."""
    with fits.open(path) as hdus:
        header, pixels = hdus[0].header, hdus[0].data.copy()
    pixels = change(header, pixels)
    fits.PrimaryHDU(pixels, header).writeto(path, overwrite=True)
