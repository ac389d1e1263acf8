"""Visits to work with, each as any other but for what a test names."""

import asyncio
from typing import Any

from domain.raws.exposure import Exposure
from domain.times import TaiSeconds, UtcSeconds
from domain.visit import CoordinateSystem, Dome, RotationSystem, Visit, VisitDetector

__all__ = ["INSTRUMENT", "LoopClock", "a_visit", "an_exposure", "some_work"]

INSTRUMENT = "Lowell"


def a_visit(group: str = "2026-03-14T02:15:07.310#2", **changes: Any) -> Visit:
    fields: dict[str, Any] = {
        "instrument": INSTRUMENT,
        "group": group,
        "sal_index": 2,
        "script_sal_index": 100_017,
        "coordinate_system": CoordinateSystem.ICRS,
        "position": (149.9, 2.2),
        "start_time": TaiSeconds(1_773_454_500.25),
        "rotation_system": RotationSystem.SKY,
        "camera_angle": 12.5,
        "filters": "r_03",
        "dome": Dome.OPEN,
        "duration": 35.0,
        "nimages": 2,
        "survey": "BLOCK-407",
        "total_checkpoints": 3,
        "sent": TaiSeconds(1_773_454_480.1234567),
    }
    return Visit(**(fields | changes))


def some_work(detector: int = 4, group: str = "2026-03-14T02:15:07.310#2", **changes: Any) -> VisitDetector:
    return VisitDetector(a_visit(group, **changes), detector)


class LoopClock:
    """The wall clock, led by the event loop's, which may be a virtual one."""

    def utc(self) -> UtcSeconds:
        return UtcSeconds(1_773_454_500.0 + asyncio.get_running_loop().time())


def an_exposure(number: int = 21, *, detector: int = 4, **changes: Any) -> Exposure:
    """Make an exposure of 30 s; each number begins a minute after the one before it."""
    begin = TaiSeconds(1_773_454_500.0 + 60 * number)
    fields: dict[str, Any] = {
        "instrument": INSTRUMENT,
        "detector": detector,
        "exposure": 2026031300000 + number,
        "obs_id": f"{INSTRUMENT}_{number}",
        "group": f"g{number}",
        "snap": 0,
        "day_obs": 20260313,
        "seqnum": number,
        "physical_filter": "r_03",
        "exposure_time": 30.0,
        "begin": begin,
        "end": TaiSeconds(begin + 30.0),
        "ra": 149.9,
        "dec": 2.2,
        "sky_angle": 12.5,
    }
    return Exposure(**(fields | changes))
