"""A small mosaic, the sky that it looks at, and its frames as files."""

import importlib.resources
from collections.abc import Sequence
from pathlib import Path

import yaml
from attrs import frozen
from lsst.daf.butler import Butler

from adapters.files.cameras import load_camera
from domain.cameras.camera import Camera
from domain.times import TaiSeconds
from simulator.summit.night import PlannedVisit
from simulator.summit.simulated_night import SimulatedNight
from simulator.summit.templates import make_templates, patches_seen
from simulator.world.frames import SimulatedCamera
from simulator.world.optics import field_radius, pixel_scale
from simulator.world.sky import Sky, make_sky
from simulator.world.skymap import make_skymap
from simulator.world.stars import Patch
from workbench.night_repository import add_reference, add_templates

__all__ = ["FieldVisits", "make_night", "write_camera"]

_RA, _DEC = 149.9, 2.2
_EXPOSURE_TIME = 15.0
_BEGIN = TaiSeconds(1_773_456_164.0)
_SPACING = 40.0
_ROW_MM = 5.5


@frozen(kw_only=True)
class FieldVisits:
    """Visits of one field."""

    camera: Camera
    sky: Sky
    visits: Sequence[PlannedVisit]

    def write_frames(self, folder: Path) -> list[Path]:
        """Write one file for each visit."""
        source = SimulatedNight(SimulatedCamera(camera=self.camera, seed=1), self.sky, self.visits)
        paths = []
        for number, visit in enumerate(self.visits):
            opened = TaiSeconds(_BEGIN + number * _SPACING)
            (raw,) = source.take(visit, 0, opened, TaiSeconds(opened + _EXPOSURE_TIME))
            paths.append(folder / f"light{number}.fits")
            paths[-1].write_bytes(raw.body)
        return paths

    def furnish(self, central: Path) -> None:
        """Store reference stars, a skymap and templates."""
        patch = Patch(ra=_RA, dec=_DEC, radius=2 * field_radius(self.camera))
        skymap = make_skymap(patch, scale=pixel_scale(self.camera, self.camera.detectors[0]))
        bands = tuple({self.camera.filters[visit.physical_filter] for visit in self.visits})
        seen = patches_seen(skymap, self.camera, self.visits)
        templates = make_templates(self.sky, skymap, seen, bands, exposure_time=_EXPOSURE_TIME, seed=1)
        with Butler.from_config(str(central), writeable=True) as butler:
            add_reference(butler, self.camera.instrument, self.sky.stars)
            add_templates(butler, self.camera.instrument, skymap, templates)


def write_camera(file: Path, detectors: int) -> None:
    """Write the simulated mosaic with its first detectors only, or with further rows of two."""
    shipped = yaml.safe_load((importlib.resources.files("cameras") / "simulated-mosaic.yaml").read_text())
    for number in range(len(shipped["detectors"]), detectors):
        below = shipped["detectors"][number - 2]
        above = {"number": number + 1, "name": f"X{number + 1}", "y_mm": below["y_mm"] + _ROW_MM}
        shipped["detectors"].append({**below, **above})
    shipped["detectors"] = shipped["detectors"][:detectors]
    file.write_text(yaml.safe_dump(shipped))


def make_night(camera_file: Path, visits: int) -> FieldVisits:
    """Plan visits to one field."""
    camera = load_camera(camera_file)
    physical_filter = list(camera.filters)[1]
    planned = [
        PlannedVisit(
            group=f"night-{number}",
            detectors=tuple(detector.number for detector in camera.detectors),
            ra=_RA + number / 3600,
            dec=_DEC,
            sky_angle=12.0,
            physical_filter=physical_filter,
            exposure_time=_EXPOSURE_TIME,
        )
        for number in range(visits)
    ]
    patch = Patch(ra=_RA, dec=_DEC, radius=2 * field_radius(camera))
    sky = make_sky(patch, (camera.filters[physical_filter],), seed=1, epoch=_BEGIN)
    return FieldVisits(camera=camera, sky=sky, visits=planned)
