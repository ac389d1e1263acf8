"""The night that the demo observes: three visits to one simulated field."""

import datetime
from collections.abc import Iterator

from attrs import frozen

from domain.cameras.camera import Camera, Purpose
from domain.times import UtcSeconds, tai_from_utc
from simulator.summit.night import NightPlan, PlannedVisit
from simulator.summit.simulated_night import SimulatedNight
from simulator.summit.templates import PatchTemplate, make_templates, patches_seen
from simulator.world.frames import SimulatedCamera
from simulator.world.optics import field_radius, pixel_scale
from simulator.world.sky import Sky, make_sky
from simulator.world.skymap import Skymap, make_skymap
from simulator.world.solar_system.orbits import brightest_near, mpcorb_line
from simulator.world.stars import Patch

__all__ = ["Demo", "demo_plan", "known_orbit"]

_FIELD = (149.9, 2.2)  # degrees; near the ecliptic, where things move
_DITHER = 10 / 3600  # degrees
_EXPOSURE_TIME = 15.0  # seconds
_SPACING = 33.0  # seconds between visits, as at the Rubin Observatory
_SURVEY = "BLOCK-407"
_KNOWN = "K26S01M"
"""Packed: 2026 SM1, a name like any other."""


@frozen(kw_only=True)
class Demo:
    """A plan, and the sky that it observes."""

    plan: NightPlan
    sky: Sky
    source: SimulatedNight
    """Where the raws come from; its ``truth()`` lists what was in them."""
    skymap: Skymap
    """Of the templates."""
    seed: int

    def templates(self) -> Iterator[PatchTemplate]:
        """Make the templates that the night needs: of what its detectors see, in its bands."""
        camera = self.plan.camera
        return make_templates(
            self.sky,
            self.skymap,
            patches_seen(self.skymap, camera, self.plan.visits),
            tuple(dict.fromkeys(camera.filters[name] for name in self.plan.filters)),
            exposure_time=_EXPOSURE_TIME,
            seed=self.seed,
        )


def demo_plan(camera: Camera, *, seed: int, now: UtcSeconds) -> Demo:
    """Plan three visits, the second of two snaps, the third of a group with a ``#`` in its name.

    Parameters
    ----------
    camera
        Its science detectors all observe, in its middle filter.
    seed
        Of all that is random.
    now
        Groups are named by the time.

    Raises
    ------
    SimulatorError
        Raised if the camera is not described well enough.
    """
    filters = tuple(camera.filters)
    detectors = tuple(one.number for one in camera.detectors if one.purpose is Purpose.SCIENCE)
    visits = tuple(
        PlannedVisit(
            group=_group(now + number * _SPACING) + suffix,
            detectors=detectors,
            ra=_FIELD[0] + number * _DITHER,
            dec=_FIELD[1] - number * _DITHER,
            sky_angle=sky_angle,
            physical_filter=filters[len(filters) // 2],
            exposure_time=_EXPOSURE_TIME,
            snaps=snaps,
            survey=_SURVEY,
        )
        for number, (snaps, sky_angle, suffix) in enumerate([(1, 0.0, ""), (2, 12.0, ""), (1, 90.0, "#2")])
    )
    bands = tuple(dict.fromkeys(camera.filters.values()))
    radius = field_radius(camera) + len(visits) * 2 * _DITHER
    patch = Patch(ra=_FIELD[0], dec=_FIELD[1], radius=radius)
    sky = make_sky(patch, bands, seed=seed, epoch=tai_from_utc(now))
    night = SimulatedNight(SimulatedCamera(camera=camera, seed=seed), sky, visits)
    return Demo(
        plan=NightPlan(camera=camera, visits=visits, raws=night, calibrations=night),
        sky=sky,
        source=night,
        skymap=make_skymap(patch, scale=pixel_scale(camera, camera.detector(detectors[0]))),
        seed=seed,
    )


def _group(instant: float) -> str:
    tai = datetime.datetime.fromtimestamp(tai_from_utc(UtcSeconds(instant)), datetime.UTC)
    return tai.isoformat(timespec="milliseconds").removesuffix("+00:00")


def known_orbit(demo: Demo) -> str:
    """Write the orbit of the field's brightest mover as a line of MPCORB; blank if nothing moves."""
    movers = demo.sky.movers
    if not movers.number.size:
        return ""
    [name, *_] = demo.plan.filters
    band = demo.plan.camera.filters[name]
    index = brightest_near(movers, _FIELD, field_radius(demo.plan.camera) / 2, band)
    return mpcorb_line(movers, index, _KNOWN, band)
