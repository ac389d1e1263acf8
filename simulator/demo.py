"""The night that the demo observes: three visits to one simulated field."""

import datetime

from attrs import frozen

from domain.camera import Camera, Purpose
from domain.times import UtcSeconds, tai_from_utc
from simulator.frames import SimulatedCamera
from simulator.night import NightPlan, PlannedVisit
from simulator.optics import field_radius
from simulator.simulated_night import SimulatedNight
from simulator.sky import Sky, make_sky

__all__ = ["DemoNight", "demo_plan"]

_FIELD = (149.9, 2.2)  # degrees; near the ecliptic, where things move
_DITHER = 10 / 3600  # degrees
_EXPOSURE_TIME = 15.0  # seconds
_SPACING = 33.0  # seconds between visits, as at the Rubin Observatory
_SURVEY = "BLOCK-407"


@frozen(kw_only=True)
class DemoNight:
    """A plan, and the sky that it observes."""

    plan: NightPlan
    sky: Sky


def demo_plan(camera: Camera, *, seed: int, now: UtcSeconds) -> DemoNight:
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
    sky = make_sky(_FIELD, field_radius(camera) + len(visits) * 2 * _DITHER, bands, seed=seed)
    night = SimulatedNight(SimulatedCamera(camera=camera, seed=seed), sky, visits)
    return DemoNight(plan=NightPlan(camera=camera, visits=visits, raws=night, calibrations=night), sky=sky)


def _group(instant: float) -> str:
    tai = datetime.datetime.fromtimestamp(tai_from_utc(UtcSeconds(instant)), datetime.UTC)
    return tai.isoformat(timespec="milliseconds").removesuffix("+00:00")
