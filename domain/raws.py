"""Object keys of raws: what they tell, and whose they are (contract 3).

That a key is not a raw is an answer, never an error: most objects of the
bucket concern nobody.
"""

import enum
import re
from typing import Final

from attrs import evolve, frozen

from domain.camera import Camera, RawKeyScheme
from domain.errors import PromptProcessingError
from domain.exposure import Exposure
from domain.exposure_ids import ObservationId, exposure_id, is_day_obs, parse_observation_id
from domain.visit import VisitDetector

__all__ = [
    "RAW_EXTENSIONS",
    "Belongs",
    "RawImage",
    "RawKey",
    "UnnameableRawError",
    "belongs",
    "exposure_id_of",
    "make_raw_key",
    "parse_raw_key",
    "raw_keys_of_sidecar",
    "raw_prefixes",
    "sidecar_in_folder",
    "sidecar_key",
]

RAW_EXTENSIONS: Final = (".fits", ".fits.fz", ".fits.gz")
"""Of raws that have sidecars."""

_SIDECAR: Final = ".json"
_EXTENSION = r"\.fits(?:\.fz|\.gz)?"
_LSST_KEY = re.compile(r"([^/]+)/([0-9]{8})/([A-Z]+_[A-Z]_[0-9]{8}_[0-9]{6})/\3_([^/]+?)" + _EXTENSION)
_IMSIM_KEY = re.compile(
    r"([^/]+)/([0-9]{8})/([0-9]{1,18})/\3_([^/]+)_([0-9]{1,9})_(R[0-9]{2}_S[0-9A-Z][0-9])" + _EXTENSION
)
_GROUPED_NAME = re.compile(r"[^/]+\.f[^/]*")
_LARGEST_NUMBER: Final = 18  # Digits of an exposure id that a registry can hold.


class UnnameableRawError(PromptProcessingError):
    """The camera's scheme has no object key for this exposure."""


@frozen(kw_only=True)
class RawKey:
    """What the object key of a raw tells; None where it does not."""

    key: str
    instrument: str
    """Of the camera, whatever first folder is read as it."""
    detector: int
    exposure: int | None = None
    group: str | None = None
    snap: int | None = None
    physical_filter: str | None = None
    obs_id: str | None = None
    day_obs: int | None = None
    """YYYYMMDD."""
    seqnum: int | None = None


@frozen(kw_only=True)
class RawImage:
    """A raw of which group and snap are known."""

    key: RawKey
    uri: str
    exposure: int
    group: str
    snap: int
    """From 0."""
    version: str = ""
    """Differs if the object was rewritten (etag or time); blank if unknown."""


class Belongs(enum.Enum):
    """Whether a raw is one of a visit-detector."""

    YES = "yes"
    NO = "no"
    ASK_SIDECAR = "ask the sidecar"


def parse_raw_key(camera: Camera, key: str) -> RawKey | None:
    """Read an object key; None if it is no raw of this camera."""
    match camera.raw_keys.scheme:
        case RawKeyScheme.LSST:
            return _parse_lsst(camera, key)
        case RawKeyScheme.IMSIM:
            return _parse_imsim(camera, key)
        case RawKeyScheme.GROUPED:
            return _parse_grouped(camera, key)


def make_raw_key(camera: Camera, exposure: Exposure, *, extension: str = ".fits", stem: str = "") -> str:
    """Name the object of a raw, so that `parse_raw_key` reads the same back.

    Parameters
    ----------
    camera
        The camera whose scheme is followed.
    exposure
        The exposure and detector.
    extension
        One of `RAW_EXTENSIONS`.
    stem
        File name without extension, where the scheme leaves it free; blank is
        exposure and detector.

    Raises
    ------
    UnnameableRawError
        Raised if the exposure is another camera's, or the scheme cannot
        express it.
    UnknownDetectorError
        Raised if the camera has no such detector.
    """
    name = camera.detector(exposure.detector).name
    match camera.raw_keys.scheme:
        case RawKeyScheme.LSST:
            folder = f"{exposure.day_obs}/{exposure.obs_id}"
            file = f"{exposure.obs_id}_{name}"
        case RawKeyScheme.IMSIM:
            folder = f"{exposure.day_obs}/{exposure.exposure}"
            file = f"{exposure.exposure}_{exposure.physical_filter}_{exposure.detector}_{name}"
        case RawKeyScheme.GROUPED:
            folder = (
                f"{exposure.detector}/{exposure.group}/{exposure.snap}/{exposure.exposure}"
                f"/{exposure.physical_filter}"
            )
            file = stem or f"{exposure.exposure}_{exposure.detector}"
    key = f"{exposure.instrument}/{folder}/{file}{extension}"
    parsed = parse_raw_key(camera, key)
    if parsed is None or not _tells(parsed, exposure):
        raise UnnameableRawError(
            f"{camera.instrument} cannot name a raw {key!r} so that it reads back the same"
        )
    return key


def _tells(key: RawKey, exposure: Exposure) -> bool:
    facts = (
        (key.instrument, exposure.instrument),
        (key.detector, exposure.detector),
        (key.exposure, exposure.exposure),
        (key.group, exposure.group),
        (key.snap, exposure.snap),
        (key.physical_filter, exposure.physical_filter),
        (key.day_obs, exposure.day_obs),
        (key.seqnum, exposure.seqnum),
    )
    return all(told is None or told == fact for told, fact in facts)


def sidecar_key(key: RawKey) -> str | None:
    """Name the sidecar of a raw; None if its own key holds the group."""
    if key.group is not None:
        return None
    return key.key[: key.key.rindex(RAW_EXTENSIONS[0])] + _SIDECAR


def raw_keys_of_sidecar(camera: Camera, key: str) -> tuple[RawKey, ...]:
    """List the raws, one for each extension, that a sidecar may describe; none if it is no sidecar."""
    if not camera.raw_keys.scheme.has_sidecars or not key.endswith(_SIDECAR):
        return ()
    stem = key.removesuffix(_SIDECAR)
    first = parse_raw_key(camera, stem + RAW_EXTENSIONS[0])
    if first is None or sidecar_key(first) != key:
        return ()
    return tuple(evolve(first, key=stem + extension) for extension in RAW_EXTENSIONS)


def raw_prefixes(camera: Camera, work: VisitDetector, day_obs: int) -> tuple[str, ...]:
    """List the prefixes below which the bucket may hold raws of a visit-detector.

    Where the key holds the group, every object below them is looked at. Where
    it does not, they hold one folder per exposure of the day: list them with
    delimiter ``/`` and go on with `sidecar_in_folder`.

    Parameters
    ----------
    camera
        The camera.
    work
        The visit and detector.
    day_obs
        Observing day of the exposures, YYYYMMDD; used where keys hold it.
    """
    names = (camera.instrument, *camera.raw_keys.prefixes)
    if camera.raw_keys.scheme.has_sidecars:
        return tuple(f"{name}/{day_obs}/" for name in names)
    return tuple(f"{name}/{work.detector}/{work.visit.group}/" for name in names)


def sidecar_in_folder(camera: Camera, folder: str, detector: int) -> str | None:
    """Name a detector's sidecar in the folder of an exposure.

    Parameters
    ----------
    camera
        The camera.
    folder
        ``{instrument}/{day_obs}/{obs_id}/``, with or without the last slash.
    detector
        Number of the detector.

    Returns
    -------
    key
        None if the name depends on more than that (the filter, say): list the
        folder then.

    Raises
    ------
    UnknownDetectorError
        Raised if the camera has no such detector.
    """
    name = camera.detector(detector).name
    if camera.raw_keys.scheme is not RawKeyScheme.LSST:
        return None
    folder = folder.removesuffix("/")
    return f"{folder}/{folder.rpartition('/')[2]}_{name}{_SIDECAR}"


def belongs(key: RawKey, work: VisitDetector) -> Belongs:
    """Tell whether a raw is one of a visit-detector."""
    if key.detector != work.detector or key.instrument != work.visit.instrument:
        return Belongs.NO
    if key.group is None:
        return Belongs.ASK_SIDECAR
    return Belongs.YES if key.group == work.visit.group else Belongs.NO


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


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _LARGEST_NUMBER
