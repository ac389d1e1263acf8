"""From header cards to an exposure, by a camera's rules alone."""

import math
from collections.abc import Callable, Mapping, Set
from typing import Final

import erfa
from attrs import evolve

from domain.cameras.camera import Camera, UnknownDetectorError
from domain.headers.cards import InvalidHeaderError
from domain.headers.facts import Facts, Moment
from domain.headers.observation import observation_of
from domain.raws.exposure import Exposure
from domain.raws.raw_keys import RawKey
from domain.times import TaiSeconds

__all__ = ["InvalidHeaderError", "group_and_snap", "read_exposure"]

_DAY: Final = 86_400.0
_UNKNOWN_FILTER: Final = "unknown"
type _Pointing = tuple[float | None, float | None, float | None]

_NO_POINTING: Final = frozenset({"bias", "dark", "flat"})
_NO_FILTER: Final = frozenset({"bias", "dark"})
_NO_EXPOSURE_TIME: Final = frozenset({"bias"})
_TURN: Final = (0.0, math.nextafter(360.0, 0.0))
_EITHER_WAY: Final = (-360.0, 360.0)
_LATITUDE: Final = (-90.0, 90.0)
_POSITIVE: Final = (0.0, math.inf)


def group_and_snap(camera: Camera, cards: Mapping[str, object]) -> tuple[str, int]:
    """Read which snap of which group a sidecar (or header) describes; without a word, it is the first.

    Raises
    ------
    InvalidHeaderError
        Raised if the group is absent, or one of them malformed.
    """
    facts = Facts(camera, cards, None)
    return facts.need("group", facts.text("group")), facts.integer("snap") or 0


def read_exposure(
    camera: Camera, cards: Mapping[str, object], key: RawKey | None = None, file: str | None = None
) -> Exposure:
    """Read a raw's header.

    What the header lacks, the object key tells; what neither tells and can be
    computed, is: day_obs from the begin, the exposure id from day_obs and
    number, the end from the exposure time; a group of its own from the
    exposure id.

    Parameters
    ----------
    camera
        Whose rules are followed.
    cards
        Cards by name; a value of None is an absent card.
    key
        The object key, where the header came with one.
    file
        Name of the file, where it is not that of the key.

    Raises
    ------
    InvalidHeaderError
        Raised if a fact is absent, malformed, or not the one that the key
        tells, or if this is no raw; the text names card and values.
    """
    facts = _corrected(Facts(camera, cards, key, key.key.rpartition("/")[2] if key and not file else file))
    if (reason := facts.processed()) is not None:
        raise InvalidHeaderError(f"this is a processed frame, no raw: {reason}")
    instrument = _instrument(facts)
    observed = observation_of(facts, facts.need("begin", facts.instant("begin")))
    facts = evolve(facts, moment=Moment(observed.day_obs, observed.seqnum, observed.begin))
    detector = _detector(facts)
    kind = camera.header.kind_of(facts.text("observation_type"))
    begin, end, exposure_time = _times(facts, kind)
    dark_time = facts.number("dark_time", _POSITIVE)
    physical_filter = _if_used(lambda: _physical_filter(facts), kind, _NO_FILTER, _UNKNOWN_FILTER)
    nowhere: _Pointing = (None, None, None)
    ra, dec, sky_angle = _if_used(lambda: _pointing(facts), kind, _NO_POINTING, nowhere)
    exposure = Exposure(
        instrument=instrument,
        detector=detector,
        exposure=observed.exposure,
        obs_id=observed.obs_id,
        group=observed.group,
        snap=observed.snap,
        day_obs=observed.day_obs,
        seqnum=observed.seqnum,
        physical_filter=physical_filter,
        exposure_time=exposure_time,
        dark_time=exposure_time if dark_time is None else dark_time,
        begin=begin,
        end=end,
        ra=ra,
        dec=dec,
        sky_angle=sky_angle,
        observation_type=kind,
    )
    if kind == "science":
        _check_needed(facts, exposure)
    return exposure


def _check_needed(facts: Facts, exposure: Exposure) -> None:
    for fact in facts.camera.header.needed:
        value = getattr(exposure, fact)
        facts.need(fact, None if value == _UNKNOWN_FILTER else value)


def _corrected(facts: Facts) -> Facts:
    """Put the cards right that the camera's list of corrections knows to be wrong."""
    corrections = facts.camera.header.corrections
    if not corrections:
        return facts
    obs_id = facts.text("obs_id") or (facts.key.obs_id if facts.key else None)
    return evolve(facts, cards={**facts.cards, **corrections.get(obs_id or "", {})})


def _if_used[T](read: Callable[[], T], kind: str, needless: Set[str], otherwise: T) -> T:
    """Read a fact that frames of some kinds do not need: what these say of it may be anything."""
    try:
        return read()
    except InvalidHeaderError:
        if kind in needless:
            return otherwise
        raise


def _pointing(facts: Facts) -> _Pointing:
    ra = facts.angle("ra", _TURN, longitude=True)
    dec = facts.angle("dec", _LATITUDE)
    if ra is not None and dec is not None and facts.camera.header.frame == "fk5":
        to_hipparcos, _ = erfa.fk5hip()
        ra, dec = map(math.degrees, erfa.c2s(to_hipparcos @ erfa.s2c(math.radians(ra), math.radians(dec))))
    return _turn(ra), dec, _turn(facts.angle("sky_angle", _EITHER_WAY))


def _turn(degrees: float | None) -> float | None:
    return None if degrees is None else degrees % 360.0 % 360.0


def _instrument(facts: Facts) -> str:
    camera = facts.camera
    said = facts.text("instrument")
    if said is not None and not camera.is_called(said):
        raise InvalidHeaderError(f"{facts.place('instrument')}: {said!r} is not {camera.instrument}")
    if facts.key is not None and facts.key.instrument != camera.instrument:
        raise InvalidHeaderError(f"the key {facts.key.key!r} is not one of {camera.instrument}")
    return camera.instrument


def _detector(facts: Facts) -> int:
    told = facts.key.detector if facts.key is not None else None
    number = facts.integer("detector")
    name = facts.text("detector_name")
    serial = facts.text("detector_serial")
    fact = "detector"
    try:
        by_number = facts.camera.detector(number).number if number is not None else None
        fact = "detector_name"
        by_name = facts.camera.detector_named(name.strip()).number if name is not None else None
        fact = "detector_serial"
        by_serial = facts.camera.detector_of_serial(serial).number if serial is not None else None
    except UnknownDetectorError as error:
        raise InvalidHeaderError(f"{facts.place(fact)}: {error}") from error
    facts.agreed("detector", by_number, told)
    # Where sensors are known by serial number, names in headers and keys are those of places for any of them.
    if by_serial is not None:
        return by_serial if told is None else told
    facts.agreed("detector_name", by_name, told)
    if by_number is not None and by_name is not None and by_number != by_name:
        raise InvalidHeaderError(
            f"{facts.place('detector')} says {by_number}, {facts.place('detector_name')} {by_name}"
        )
    found = next((value for value in (by_number, by_name, told) if value is not None), None)
    return facts.need("detector_name" if "detector_name" in facts.camera.header.facts else "detector", found)


def _physical_filter(facts: Facts) -> str:
    # Of several filter wheels those count that say something.
    written = facts.text("physical_filter", lenient=True)
    said = None if written is None else facts.camera.filter_called(written)
    told = facts.key.physical_filter if facts.key is not None else None
    if said is not None and told is not None:
        # One of the two may be the band only.
        if facts.camera.filters.get(said) == told:
            return said
        if facts.camera.filters.get(told) == said:
            return told
    return facts.agreed("physical_filter", said, told) or _UNKNOWN_FILTER


def _exposure_time(facts: Facts) -> float:
    return facts.need("exposure_time", facts.number("exposure_time", _POSITIVE))


def _times(facts: Facts, kind: str) -> tuple[TaiSeconds, TaiSeconds, float]:
    exposure_time = _if_used(lambda: _exposure_time(facts), kind, _NO_EXPOSURE_TIME, 0.0)
    begin = facts.need("begin", facts.instant("begin", exposure_time))
    end = facts.instant("end")
    if end is None:
        return begin, TaiSeconds(begin + max(exposure_time, 0.0)), exposure_time
    if end < begin and any(len(rule.cards) > 1 for rule in facts.rules("end")):
        # Joined from the date at begin and a time past midnight.
        end = TaiSeconds(end + _DAY)
    if end < begin:
        raise InvalidHeaderError(f"{facts.place('end')} is before {facts.place('begin')}")
    return begin, end, exposure_time
