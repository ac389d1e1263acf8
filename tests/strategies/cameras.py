"""Hypothesis strategies around cameras: pointings, exposures, keys and cards."""

import datetime
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from adapters.files.cameras import load_camera
from domain.cameras.camera import Camera, RawKeyScheme
from domain.raws.exposure import Exposure
from domain.raws.exposure_ids import CONTROLLERS, ObservationId
from domain.raws.raw_keys import exposure_id_of
from domain.times import TaiSeconds
from domain.visit import CoordinateSystem, Dome, RotationSystem, Visit, VisitDetector

_FILES = sorted((Path(__file__).parents[2] / "cameras").glob("*.yaml"))
SHIPPED = {camera.instrument: camera for camera in map(load_camera, _FILES)}
LSST = [camera for camera in SHIPPED.values() if camera.raw_keys.scheme is RawKeyScheme.LSST]
PLACED = [camera for camera in SHIPPED.values() if camera.focal_plane is not None]

right_ascensions = st.floats(0, 360, exclude_max=True)
declinations = st.floats(-90, 90)
sky_angles = st.floats(-360, 720)

days = st.dates(datetime.date(2000, 1, 1), datetime.date(2090, 1, 1)).map(lambda day: int(f"{day:%Y%m%d}"))
seqnums = st.integers(0, 99_999)
controllers = st.sampled_from(CONTROLLERS)
groups = st.one_of(
    st.sampled_from(["2026-03-14T02:15:07.310#2", "a b", "1+1", "a/b", "a/0/1/r/x.fits", "%41", "é"]),
    st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1),
)
"""What a header can hold: no blanks at the end."""

begins = st.floats(1e9, 3e9).map(TaiSeconds)


@st.composite
def observation_ids(draw: st.DrawFn, abbreviation: str) -> ObservationId:
    return ObservationId(
        abbreviation=abbreviation,
        controller=draw(controllers),
        day_obs=draw(days),
        seqnum=draw(seqnums),
    )


def _filters_in_headers(camera: Camera) -> list[str]:
    """List the filters that a header can name: all wheels, where it says of each what is in it."""
    rule = camera.header.facts["physical_filter"][-1]
    wheels = 0 if rule.absent is None else len(rule.cards) - 1
    return sorted(name for name in camera.filters if name.count(rule.join or "~") >= wheels)


@st.composite
def exposures(draw: st.DrawFn, camera: Camera) -> Exposure:
    """Exposures that the camera's keys can name."""
    observation = draw(observation_ids(camera.raw_keys.abbreviation or "XX"))
    exposure: int | None = draw(st.integers(0, 10**18 - 1))
    if camera.raw_keys.scheme is RawKeyScheme.LSST:
        # The time stamp of an LSST-TS8 exposure is in no key.
        exposure = exposure_id_of(camera, observation) or exposure
    assert exposure is not None
    begin = draw(begins)
    exposure_time = draw(st.floats(0, 1000))
    return Exposure(
        instrument=camera.instrument,
        detector=draw(st.sampled_from(sorted(camera.numbers.values()))),
        exposure=exposure,
        obs_id=str(observation),
        group=draw(groups),
        snap=draw(st.integers(0, 20)),
        day_obs=observation.day_obs,
        seqnum=observation.seqnum,
        physical_filter=draw(st.sampled_from(_filters_in_headers(camera))),
        exposure_time=exposure_time,
        begin=begin,
        end=TaiSeconds(begin + exposure_time),
        ra=draw(st.none() | right_ascensions),
        dec=draw(st.none() | declinations),
        sky_angle=draw(st.none() | st.floats(0, 360, exclude_max=True)),
    )


def visit(**changes: Any) -> Visit:
    """Build an ordinary visit, but for the fields given."""
    fields: dict[str, Any] = {
        "instrument": "LSSTCam",
        "group": "2026-03-14T02:15:07.310",
        "sal_index": 1,
        "script_sal_index": 100_007,
        "coordinate_system": CoordinateSystem.ICRS,
        "position": (149.9, 2.2),
        "start_time": TaiSeconds(1_773_454_500.0),
        "rotation_system": RotationSystem.SKY,
        "camera_angle": 12.5,
        "filters": "r_57",
        "dome": Dome.OPEN,
        "duration": 35.0,
        "nimages": 1,
        "survey": "BLOCK-407",
        "total_checkpoints": 1,
        "sent": TaiSeconds(1_773_454_480.0),
    }
    return Visit(**{**fields, **changes})


def work_of(exposure: Exposure, **changes: Any) -> VisitDetector:
    """Build the visit-detector that an exposure is of, but for the visit's fields given."""
    facts = {"instrument": exposure.instrument, "group": exposure.group, **changes}
    return VisitDetector(visit(**facts), exposure.detector)
