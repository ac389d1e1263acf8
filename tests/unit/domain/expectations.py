"""Work, raws and exposures for the tests of expectations."""

from typing import Any

from attrs import evolve

from domain.raws.exposure import Exposure
from domain.raws.raws import RawImage, RawKey
from domain.times import TaiSeconds
from domain.visit import CoordinateSystem, Dome, RotationSystem, Visit, VisitDetector

__all__ = ["exposure_of", "raw_of", "work_of"]

_VISIT = Visit(
    instrument="Cam",
    group="2026-03-14T02:15:07.310#2",
    sal_index=1,
    script_sal_index=200023,
    coordinate_system=CoordinateSystem.ICRS,
    position=(149.96, 2.22),
    start_time=TaiSeconds(1773454540.0),
    rotation_system=RotationSystem.SKY,
    camera_angle=41.5,
    filters="i_39",
    dome=Dome.OPEN,
    duration=32.0,
    nimages=1,
    survey="BLOCK-407",
    total_checkpoints=2,
    sent=TaiSeconds(1773454519.4),
)


def work_of(nimages: int, **changes: Any) -> VisitDetector:
    """Make work that awaits a number of snaps."""
    return VisitDetector(evolve(_VISIT, nimages=nimages, **changes), 4)


def raw_of(
    exposure: int,
    snap: int = 0,
    *,
    version: str = "a",
    instrument: str = _VISIT.instrument,
    group: str = _VISIT.group,
    detector: int = 4,
) -> RawImage:
    """Make a raw of that work, or of other work."""
    key = f"{instrument}/{detector}/{group}/{snap}/{exposure}/i_39/x.fits"
    return RawImage(
        key=RawKey(key=key, instrument=instrument, detector=detector),
        uri=f"s3://raws/{key}",
        exposure=exposure,
        group=group,
        snap=snap,
        version=version,
    )


def exposure_of(raw: RawImage, sky_angle: float | None = _VISIT.camera_angle) -> Exposure:
    """Make what the header of a raw says."""
    return Exposure(
        instrument=raw.key.instrument,
        detector=raw.key.detector,
        exposure=raw.exposure,
        obs_id=f"E{raw.exposure}",
        group=raw.group,
        snap=raw.snap,
        day_obs=20260313,
        seqnum=raw.exposure % 1000,
        physical_filter="i_39",
        exposure_time=30.0,
        begin=TaiSeconds(1773454540.0),
        end=TaiSeconds(1773454570.0),
        ra=149.96,
        dec=2.22,
        sky_angle=sky_angle,
    )
