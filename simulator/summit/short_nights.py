"""Short nights of the same fields; from the second on a supernova shines in each."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from attrs import evolve, frozen

from domain.cameras.camera import Camera
from domain.times import TaiSeconds
from simulator.summit.night import PlannedVisit, RawObject
from simulator.summit.simulated_night import SimulatedNight
from simulator.world.changing import Transients
from simulator.world.frames import SimulatedCamera
from simulator.world.optics import field_radius
from simulator.world.sky import Sky, SkyDensity, make_sky
from simulator.world.stars import Patch

__all__ = ["Field", "ShortNights"]

_EXPOSURE_TIME: Final = 30.0
_SPACING: Final = 60.0
_DAY: Final = 86_400.0
_DITHER: Final = 4 / 3600
_SUPERNOVA: Final = 40_000.0
"""nJy, 19.9 mag."""


@frozen(kw_only=True)
class Field:
    """Where the camera looks again and again, and in which filter."""

    name: str
    ra: float
    dec: float
    physical_filter: str
    aside: float = 8 / 3600
    """Degrees by which the supernova is off the centre, to the north and to the east."""

    @property
    def supernova(self) -> tuple[float, float]:
        """Where one shines on the second night: degrees ICRS."""
        return self.ra + self.aside / np.cos(np.deg2rad(self.dec)), self.dec + self.aside


@frozen(kw_only=True)
class ShortNights:
    """What a small camera sees of some fields, night after night.

    Nothing moves and nothing varies but for the supernova of each field, which was
    not there the first night, and then fades by 5 % from night to night: within
    one it is constant.
    """

    camera: Camera
    fields: Sequence[Field]
    begin: TaiSeconds
    """Of the first night."""
    seed: int = 1
    detectors: tuple[int, ...] = ()
    """Those that deliver images; none stands for all."""

    def sky(self, field: Field, night: int) -> Sky:
        """Make the sky around a field on a night, from 0."""
        patch = Patch(ra=field.ra, dec=field.dec, radius=2 * field_radius(self.camera))
        bands = tuple(dict.fromkeys(self.camera.filters.values()))
        only_stars = SkyDensity(variables=0.0, transients=0.0, movers=0.0)
        seed = self.seed + self.fields.index(field)
        sky = make_sky(patch, bands, seed=seed, epoch=self.begin, density=only_stars)
        ra, dec = field.supernova
        new = Transients(
            number=np.array([sky.stars.number.size + 1]),
            ra=np.array([ra]),
            dec=np.array([dec]),
            maximum={band: np.array([_SUPERNOVA]) for band in bands},
            time=np.array([1.0]),
            epoch=self.begin,
        )
        return evolve(sky, transients=new) if night else sky

    def write(self, folder: Path, night: int, visits: int) -> list[Path]:
        """Write so many visits to each field as files; returns them."""
        folder.mkdir(parents=True, exist_ok=True)
        planned = list(self._visits(night, visits))
        paths = []
        for field in self.fields:
            source = self._source(field, night, [visit for _, visit in planned])
            for number, (of, visit) in enumerate(planned):
                if of is field:
                    opened = TaiSeconds(self.begin + night * _DAY + number * _SPACING)
                    raws = source.take(visit, 0, opened, TaiSeconds(opened + _EXPOSURE_TIME))
                    paths += [_write(folder, visit.group, raw) for raw in raws]
        return paths

    def _visits(self, night: int, visits: int) -> Iterator[tuple[Field, PlannedVisit]]:
        for number in range(visits):
            for field in self.fields:
                visit = PlannedVisit(
                    group=f"night{night + 1}-{field.name}-{number}",
                    detectors=self.detectors or tuple(one.number for one in self.camera.detectors),
                    ra=field.ra + _DITHER * (number % 2),
                    dec=field.dec + _DITHER * (number // 2 % 2),
                    sky_angle=12.0,
                    physical_filter=field.physical_filter,
                    exposure_time=_EXPOSURE_TIME,
                )
                yield field, visit

    def _source(self, field: Field, night: int, visits: Sequence[PlannedVisit]) -> SimulatedNight:
        camera = SimulatedCamera(camera=self.camera, seed=self.seed + 10 * night)
        return SimulatedNight(camera, self.sky(field, night), visits)


def _write(folder: Path, group: str, raw: RawObject) -> Path:
    path = folder / f"{group}-{raw.detector}{raw.key[raw.key.rindex('.fits') :]}"
    path.write_bytes(raw.body)
    return path
