"""A simulated night as files in a folder, as an observatory would leave them."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from astropy.io import fits
from attrs import evolve

from domain.cameras.camera import Camera
from domain.headers.header import read_exposure
from domain.raws.exposure import Exposure
from domain.raws.exposure_ids import ObservationId, exposure_id
from domain.raws.raws import parse_raw_keys
from domain.times import TaiSeconds
from simulator.summit.night import PlannedVisit, RawObject
from simulator.summit.raw_objects import Taken, raw_objects
from simulator.summit.simulated_night import SimulatedNight
from simulator.world.frames import SimulatedCamera
from simulator.world.optics import field_radius
from simulator.world.sensors import Planes
from simulator.world.sky import Sky, SkyDensity, make_sky
from simulator.world.stars import Patch

__all__ = ["sky_of_night", "spoil", "write_night"]

_BEGIN = TaiSeconds(1_773_456_164.0)
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
    spacing: float = 40.0,
    detectors: int = 1,
    flipped_from: int | None = None,
    truth: Path | None = None,
    density: SkyDensity | None = None,
    seeing: float = 0.8,
    transparency: float = 1.0,
    aside: float = 0.0,
    north: float = 0.0,
) -> list[Path]:
    """Write lights of the camera's first detectors (returned), biases, darks of 60 s, and flats.

    Lights begin `spacing` seconds apart. From the light `flipped_from` on the camera is upside down, as
    after a meridian flip. What the lights show is written to the table `truth`. All look `aside` degrees
    east of where others do, and by turns `north` degrees south, not at all and north.
    """
    numbers = tuple(detector.number for detector in camera.detectors[:detectors])
    physical_filter = list(camera.filters)[2]
    visits = [
        PlannedVisit(
            group=f"night-{number}",
            detectors=numbers,
            ra=_RA + number / 3600 + aside,
            dec=_DEC + north * (number % 3 - 1),
            sky_angle=12.0 if flipped_from is None or number < flipped_from else 192.0,
            physical_filter=physical_filter,
            exposure_time=30.0,
        )
        for number in range(lights)
    ]
    sky = sky_of_night(camera, seed, density)
    simulated = SimulatedCamera(
        camera=camera, seed=seed, dark_current=dark_current, seeing=seeing, transparency=transparency
    )
    night = SimulatedNight(simulated, sky, visits)
    paths = []
    for number, visit in enumerate(visits):
        opened = TaiSeconds(_BEGIN + number * spacing)
        raws = list(night.take(visit, 0, opened, TaiSeconds(opened + 30.0)))
        paths += _write(folder, f"light{number}", raws)
    if truth is not None:
        night.truth().write(truth)
    light = _exposure(camera, raws[0])
    kinds: list[tuple[str, Callable[[int, int], Planes], float, int]] = [
        ("bias", simulated.bias, 0.0, biases),
        ("dark", lambda detector, number: simulated.dark(detector, number, _DARK_TIME), _DARK_TIME, darks),
        ("flat", simulated.flat, 5.0, flats),
    ]
    later = 0
    for kind, take, exposure_time, count in kinds:
        for number in range(count):
            later += 1
            exposure = _later(camera, light, later, observation_type=kind, exposure_time=exposure_time)
            taken = [
                Taken(exposure=evolve(exposure, detector=detector), planes=take(detector, number))
                for detector in numbers
            ]
            _write(folder, f"{kind}{number}", list(raw_objects(camera, taken)))
    return paths


def _later(
    camera: Camera, light: Exposure, later: int, *, observation_type: str, exposure_time: float
) -> Exposure:
    """Number and date a calibration frame that follows the last light."""
    seqnum, begin = light.seqnum + later, TaiSeconds(light.end + 100.0 * later)
    abbreviation = camera.raw_keys.abbreviation or camera.instrument
    return evolve(
        light,
        observation_type=observation_type,
        exposure_time=exposure_time,
        seqnum=seqnum,
        exposure=exposure_id(light.day_obs, seqnum),
        obs_id=str(
            ObservationId(abbreviation=abbreviation, controller="O", day_obs=light.day_obs, seqnum=seqnum)
        ),
        group=f"{observation_type}-{later}",
        begin=begin,
        end=TaiSeconds(begin + exposure_time),
    )


def _write(folder: Path, name: str, raws: Sequence[RawObject]) -> list[Path]:
    paths = []
    for raw in raws:
        extension = raw.key[raw.key.rindex(".fits") :]
        paths.append(folder / f"{name}{f'_{raw.detector}' if len(raws) > 1 else ''}{extension}")
        paths[-1].write_bytes(raw.body)
    return paths


def _exposure(camera: Camera, raw: RawObject) -> Exposure:
    with fits.open(io.BytesIO(raw.body)) as hdus:
        cards = {name: value for hdu in hdus[1::-1] for name, value in hdu.header.items()}
    return read_exposure(camera, cards, parse_raw_keys(camera, raw.key)[0])


def sky_of_night(camera: Camera, seed: int = 1, density: SkyDensity | None = None) -> Sky:
    """Make the sky that `write_night` shows."""
    patch = Patch(ra=_RA, dec=_DEC, radius=2 * field_radius(camera))
    return make_sky(patch, (list(camera.filters.values())[2],), seed=seed, epoch=_BEGIN, density=density)


def spoil(path: Path, change: Callable[[fits.Header, np.ndarray], np.ndarray]) -> None:
    """Write a frame anew with other pixels or cards."""
    with fits.open(path) as hdus:
        header, pixels = hdus[0].header, hdus[0].data.copy()
    pixels = change(header, pixels)
    fits.PrimaryHDU(pixels, header).writeto(path, overwrite=True)
