"""Masters of a night's own biases, darks and flats, for a site that lacks them."""

import datetime
from functools import partial
from pathlib import Path

from domain.cameras.camera import Camera
from domain.times import utc_from_tai
from domain.upkeep import begin_of_night
from entrypoints.long_work import work
from entrypoints.saying import say
from entrypoints.settings.site import SiteFolder
from simulator.errors import SimulatorError
from workbench.masters.building import Built, build_masters
from workbench.masters.calibration_repository import CalibrationRepository
from workbench.masters.recorded_calibrations import FRAME_KINDS
from workbench.masters.stored_masters import StoredMaster
from workbench.pace import Pace
from workbench.recorded_frames import RecordedFrames, read_frames

__all__ = ["make_masters"]

_SLACK = datetime.timedelta(seconds=1)
"""Times are stored in TAI, rounded."""


def make_masters(site: SiteFolder, camera: Camera, folder: Path, *, replace: bool) -> None:
    """Make masters of a folder's frames, and certify those that the site lacks from the night's begin on.

    What cannot be made or has failed its checks is said, and left: images are
    processed without it.

    Parameters
    ----------
    site, camera
        The site.
    folder
        Of the frames.
    replace
        Whether the site lacks what it has of earlier nights only; else what it has none of for that time.
    """
    pace = Pace()
    try:
        frames = work("reading headers", partial(read_frames, folder, camera, pace), pace)
    except SimulatorError:
        return  # Each file is named when it is looked at.
    paths = sorted({frame.path for kind in FRAME_KINDS for frame in frames.of_kind(kind)})
    if not paths:
        return
    first = frames.frames[0].exposure
    begin = _datetime(begin_of_night(first.day_obs, camera.header.day_begins))
    with CalibrationRepository(str(site.central)) as calibrations:
        known = _used(calibrations.masters(camera.instrument), begin, _end(frames), own=replace)
    if not _wanted(frames) - known:
        say("the site has masters for that time: none are made of the night's frames")
        return
    try:
        built = work("making masters", partial(_build, site, camera, paths, pace), pace)
        _certify(site, built.run, known, begin, replace=replace)
    except SimulatorError as error:
        say(f"no masters are made: {error}", err=True)


def _build(site: SiteFolder, camera: Camera, paths: list[Path], pace: Pace) -> Built:
    name = f"{datetime.datetime.now(datetime.UTC):%Y%m%dT%H%M%SZ}"
    return build_masters(
        paths,
        camera,
        {},
        str(site.central),
        run=f"{camera.instrument}/calib/{name}",
        pictures=site.path / "calibrations" / name,
        pace=pace,
    )


type _Kind = tuple[str, int, str]


def _kind(master: StoredMaster) -> _Kind:
    return master.dataset_type, master.detector, master.physical_filter or ""


def _wanted(frames: RecordedFrames) -> frozenset[_Kind]:
    """List the masters that frames would make."""
    return frozenset(
        (kind, frame.exposure.detector, frame.exposure.physical_filter if kind == "flat" else "")
        for kind in FRAME_KINDS
        for frame in frames.of_kind(kind)
    )


def _used(
    masters: list[StoredMaster], begin: datetime.datetime, end: datetime.datetime, *, own: bool
) -> frozenset[_Kind]:
    """List those that are certified for any of a time; if only its `own`, not from an earlier time on."""
    return frozenset(
        _kind(master)
        for master in masters
        for first, last in master.valid
        if (first is None or _parsed(first) < end) and (last is None or _parsed(last) > begin)
        if not own or (first is not None and _parsed(first) > begin - _SLACK)
    )


def _certify(
    site: SiteFolder, run: str, known: frozenset[_Kind], begin: datetime.datetime, *, replace: bool
) -> None:
    """Use those of a run that the site lacks, from the night on, until others are used already."""
    with CalibrationRepository(str(site.central), writeable=True) as calibrations:
        new = [one for one in calibrations.of_run(run) if _kind(one) not in known]
        for one in new:
            if one.failures:
                say(f"not used: {one.name}: {', '.join(one.failures)}")
        good = [one for one in new if not one.failures]
        if good:
            calibrations.certify(good, begin, None, force=False, replace=replace, until_next=True)
            say(f"masters from {begin:%Y-%m-%d %H:%M} on: {', '.join(one.name for one in good)}")


def _parsed(instant: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(instant).replace(tzinfo=None)


def _end(frames: RecordedFrames) -> datetime.datetime:
    return _datetime(utc_from_tai(frames.frames[-1].exposure.end))


def _datetime(instant: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(instant, datetime.UTC).replace(tzinfo=None)
