"""Object keys of raws, read (docs/contracts/raws.md).

That a key is not a raw is an answer, never an error: most objects of the
bucket concern nobody.
"""

import re
from fnmatch import fnmatchcase
from typing import Final

from attrs import frozen

from domain.cameras.camera import Camera, RawKeyScheme
from domain.raws.exposure_ids import ObservationId, exposure_id, is_day_obs, parse_observation_id

__all__ = ["RawKey", "exposure_id_of", "parse_raw_key", "parse_raw_keys"]

_EXTENSION = r"\.fits(?:\.fz|\.gz)?"
_LSST_KEY = re.compile(r"([^/]+)/([0-9]{8})/([A-Z]+_[A-Z]_[0-9]{8}_[0-9]{6})/\3_([^/]+?)" + _EXTENSION)
_IMSIM_KEY = re.compile(
    r"([^/]+)/([0-9]{8})/([0-9]{1,18})/\3_([^/]+)_([0-9]{1,9})_(R[0-9]{2}_S[0-9A-Z][0-9])" + _EXTENSION
)
_GROUPED_NAME = re.compile(r"[^/]+\.f[^/]*")
_LARGEST_NUMBER: Final = 18  # Digits of an exposure id that a registry can hold.


@frozen(kw_only=True)
class RawKey:
    """What the object key of one detector's raw tells; None where it does not.

    An object that holds the raws of several detectors has one for each.
    """

    key: str
    instrument: str
    """Of the camera, whatever first folder is read as it."""
    detector: int
    """Its number."""
    exposure: int | None = None
    group: str | None = None
    snap: int | None = None
    physical_filter: str | None = None
    obs_id: str | None = None
    day_obs: int | None = None
    """YYYYMMDD."""
    seqnum: int | None = None


def parse_raw_keys(camera: Camera, key: str) -> tuple[RawKey, ...]:
    """Read an object key: as one for each detector whose raw the object holds, none if it is no raw."""
    match camera.raw_keys.scheme:
        case RawKeyScheme.LSST:
            found = _parse_lsst(camera, key)
        case RawKeyScheme.IMSIM:
            found = _parse_imsim(camera, key)
        case RawKeyScheme.GROUPED:
            found = _parse_grouped(camera, key)
        case RawKeyScheme.MOSAIC:
            return _parse_mosaic(camera, key)
    return () if found is None else (found,)


def parse_raw_key(camera: Camera, key: str, detector: int | None = None) -> RawKey | None:
    """Read an object key as that of one detector's raw; None if it is none.

    Parameters
    ----------
    camera
        Whose scheme is followed.
    key
        The key.
    detector
        Its number; may be left out where keys name it.

    Raises
    ------
    ValueError
        Raised if the key is that of several detectors, and none was asked for.
    """
    found = parse_raw_keys(camera, key)
    if detector is None and len(found) > 1:
        raise ValueError(f"{key!r} is the key of {len(found)} detectors of {camera.instrument}")
    return next((one for one in found if detector in {None, one.detector}), None)


def exposure_id_of(camera: Camera, observation: ObservationId) -> int | None:
    """Compute the exposure id that an observation id implies; None if the camera used time stamps then."""
    stamps = camera.raw_keys.timestamp_ids
    if stamps is not None and stamps.apply_to(str(observation), observation.day_obs):
        return None
    return exposure_id(observation.day_obs, observation.seqnum, observation.controller)


def _parse_lsst(camera: Camera, key: str) -> RawKey | None:
    match = _LSST_KEY.fullmatch(key)
    if match is None:
        return None
    name, folder_day, obs_id, detector_name = match.groups()
    detector = camera.numbers.get(detector_name)
    observation = parse_observation_id(obs_id)
    if (
        detector is None
        or observation is None
        or name not in camera.names
        or observation.abbreviation != camera.raw_keys.abbreviation
        or observation.day_obs != int(folder_day)
    ):
        return None
    return RawKey(
        key=key,
        instrument=camera.instrument,
        detector=detector,
        exposure=exposure_id_of(camera, observation),
        obs_id=obs_id,
        day_obs=observation.day_obs,
        seqnum=observation.seqnum,
    )


def _parse_imsim(camera: Camera, key: str) -> RawKey | None:
    match = _IMSIM_KEY.fullmatch(key)
    if match is None:
        return None
    name, day, exposure, physical_filter, detector, detector_name = match.groups()
    day_obs, number = int(day), int(detector)
    if name not in camera.names or camera.numbers.get(detector_name) != number or not is_day_obs(day_obs):
        return None
    return RawKey(
        key=key,
        instrument=camera.instrument,
        detector=number,
        exposure=int(exposure),
        physical_filter=physical_filter,
        day_obs=day_obs,
    )


def _parse_grouped(camera: Camera, key: str) -> RawKey | None:
    parts = key.split("/")
    if len(parts) < 7:
        return None
    # A group may hold slashes; nothing after it does.
    name, detector, *groups, snap, exposure, physical_filter, file = parts
    group = "/".join(groups)
    if not (_is_number(detector) and _is_number(snap) and _is_number(exposure)):
        return None
    if (
        name not in camera.names
        or not camera.has_detector(int(detector))
        or not (group.strip() and physical_filter and _GROUPED_NAME.fullmatch(file))
    ):
        return None
    return RawKey(
        key=key,
        instrument=camera.instrument,
        detector=int(detector),
        exposure=int(exposure),
        group=group,
        snap=int(snap),
        physical_filter=physical_filter,
    )


def _parse_mosaic(camera: Camera, key: str) -> tuple[RawKey, ...]:
    parts = key.split("/")
    if len(parts) < 6:
        return ()
    # A group may hold slashes; nothing after it does.
    name, *groups, snap, exposure, physical_filter, file = parts
    group = "/".join(groups)
    if (
        name not in camera.names
        or not (_is_number(snap) and _is_number(exposure))
        or not (group.strip() and physical_filter and _GROUPED_NAME.fullmatch(file))
    ):
        return ()
    return tuple(
        RawKey(
            key=key,
            instrument=camera.instrument,
            detector=detector.number,
            exposure=int(exposure),
            group=group,
            snap=int(snap),
            physical_filter=physical_filter,
        )
        for detector in camera.detectors
        if fnmatchcase(file, detector.file)
    )


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _LARGEST_NUMBER
