"""Raws in the object store: their names, their sidecars, and whose they are (docs/contracts/raws.md)."""

import enum
from typing import Final

from attrs import evolve, field, frozen

from domain.cameras.camera import Camera, RawKeyScheme
from domain.errors import PromptProcessingError
from domain.raws.exposure import Exposure
from domain.raws.raw_keys import RawKey, parse_raw_key, parse_raw_keys
from domain.visit import VisitDetector

__all__ = [
    "RAW_EXTENSIONS",
    "Belongs",
    "RawImage",
    "RawKey",
    "UnnameableRawError",
    "belongs",
    "make_raw_key",
    "parse_raw_key",
    "parse_raw_keys",
    "raw_keys_of_sidecar",
    "raw_prefixes",
    "sidecar_in_folder",
    "sidecar_key",
]

RAW_EXTENSIONS: Final = (".fits", ".fits.fz", ".fits.gz")
"""Of raws that have sidecars."""

_SIDECAR: Final = ".json"


class UnnameableRawError(PromptProcessingError):
    """The camera's scheme has no object key for this exposure."""


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
    found_by: str = field(default="", eq=False)
    """In which way it was found; blank if nobody says."""


class Belongs(enum.Enum):
    """Whether a raw is one of a visit-detector."""

    YES = "yes"
    NO = "no"
    ASK_SIDECAR = "ask the sidecar"


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
        exposure and, where the object is one detector's, detector.

    Raises
    ------
    UnnameableRawError
        Raised if the exposure is another camera's, or the scheme cannot
        express it.
    UnknownDetectorError
        Raised if the camera has no such detector.
    """
    name = camera.detector(exposure.detector).in_keys
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
        case RawKeyScheme.MOSAIC:
            folder = f"{exposure.group}/{exposure.snap}/{exposure.exposure}/{exposure.physical_filter}"
            file = stem or str(exposure.exposure)
    key = f"{exposure.instrument}/{folder}/{file}{extension}"
    parsed = parse_raw_key(camera, key, exposure.detector)
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
    if camera.raw_keys.scheme.names_detector:
        return tuple(f"{name}/{work.detector}/{work.visit.group}/" for name in names)
    return tuple(f"{name}/{work.visit.group}/" for name in names)


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
    name = camera.detector(detector).in_keys
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
