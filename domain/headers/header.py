"""From header cards to an exposure, by a camera's rules alone."""

from collections.abc import Callable, Mapping, Set
from typing import Final

from attrs import frozen

from domain.cameras.camera import Camera, CardRule, UnknownDetectorError
from domain.headers import cards as read
from domain.headers.cards import InvalidHeaderError
from domain.headers.facts import Facts
from domain.raws.exposure import Exposure
from domain.raws.exposure_ids import InvalidExposureIdError, ObservationId, exposure_id, parse_observation_id
from domain.raws.raw_keys import RawKey, exposure_id_of
from domain.times import TaiSeconds, day_obs_of, utc_from_tai

__all__ = ["InvalidHeaderError", "group_and_snap", "read_exposure"]

_DAY: Final = 86_400.0
_UNKNOWN_FILTER: Final = "unknown"
type _Pointing = tuple[float | None, float | None, float | None]

_NO_POINTING: Final = frozenset({"bias", "dark", "flat"})
_NO_FILTER: Final = frozenset({"bias", "dark"})
_NO_EXPOSURE_TIME: Final = frozenset({"bias"})


def group_and_snap(camera: Camera, cards: Mapping[str, object]) -> tuple[str, int]:
    """Read which snap of which group a sidecar (or header) describes.

    Raises
    ------
    InvalidHeaderError
        Raised if one of them is absent or malformed.
    """
    facts = Facts(camera, cards, None)
    return facts.need("group", facts.text("group")), facts.need("snap", facts.integer("snap"))


def read_exposure(camera: Camera, cards: Mapping[str, object], key: RawKey | None = None) -> Exposure:
    """Read a raw's header.

    What the header lacks, the object key tells; what neither tells and can be
    computed, is: day_obs from the begin, the exposure id from day_obs and
    number, the end from the exposure time, the group from the observation id
    where the camera has no sidecars.

    Parameters
    ----------
    camera
        Whose rules are followed.
    cards
        Cards by name; a value of None is an absent card.
    key
        The object key, where the header came with one.

    Raises
    ------
    InvalidHeaderError
        Raised if a fact is absent, malformed, or not the one that the key
        tells; the text names card and values.
    """
    facts = Facts(camera, cards, key)
    instrument = _instrument(facts)
    detector = _detector(facts)
    kind = facts.text("observation_type")
    kind = camera.header.observation_types.get(kind, kind.lower()) if kind else "science"
    begin, end, exposure_time = _times(facts, kind)
    observed = _observation(facts, begin)
    physical_filter = _if_used(lambda: _physical_filter(facts), kind, _NO_FILTER, _UNKNOWN_FILTER)
    nowhere: _Pointing = (None, None, None)
    ra, dec, sky_angle = _if_used(lambda: _pointing(facts), kind, _NO_POINTING, nowhere)
    return Exposure(
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
        begin=begin,
        end=end,
        ra=ra,
        dec=dec,
        sky_angle=sky_angle,
        observation_type=kind,
    )


def _if_used[T](read: Callable[[], T], kind: str, needless: Set[str], otherwise: T) -> T:
    """Read a fact that frames of some kinds do not need: what these say of it may be anything."""
    try:
        return read()
    except InvalidHeaderError:
        if kind in needless:
            return otherwise
        raise


def _pointing(facts: Facts) -> _Pointing:
    return _turn(facts.angle("ra")), _declination(facts), _turn(facts.angle("sky_angle"))


def _turn(degrees: float | None) -> float | None:
    return None if degrees is None else degrees % 360.0 % 360.0


def _declination(facts: Facts) -> float | None:
    dec = facts.angle("dec")
    if dec is not None and not -90 <= dec <= 90:
        raise InvalidHeaderError(f"{facts.place('dec')}: {dec} degrees is no declination")
    return dec


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
    try:
        by_number = facts.camera.detector(number).number if number is not None else None
        by_name = facts.camera.detector_named(name.strip()).number if name is not None else None
    except UnknownDetectorError as error:
        raise InvalidHeaderError(
            f"{facts.place('detector' if name is None else 'detector_name')}: {error}"
        ) from error
    facts.agreed("detector", by_number, told)
    facts.agreed("detector_name", by_name, told)
    if by_number is not None and by_name is not None and by_number != by_name:
        raise InvalidHeaderError(
            f"{facts.place('detector')} says {by_number}, {facts.place('detector_name')} {by_name}"
        )
    found = next((value for value in (by_number, by_name, told) if value is not None), None)
    return facts.need("detector_name" if "detector_name" in facts.camera.header.facts else "detector", found)


def _physical_filter(facts: Facts) -> str:
    said = facts.text("physical_filter")
    told = facts.key.physical_filter if facts.key is not None else None
    if said is not None and told is not None:
        # One of the two may be the band only.
        if facts.camera.filters.get(said) == told:
            return said
        if facts.camera.filters.get(told) == said:
            return told
    return facts.agreed("physical_filter", said, told) or _UNKNOWN_FILTER


def _exposure_time(facts: Facts) -> float:
    seconds = facts.need("exposure_time", facts.number("exposure_time"))
    if seconds < 0:
        raise InvalidHeaderError(f"{facts.place('exposure_time')}: {seconds} s is negative")
    return seconds


def _times(facts: Facts, kind: str) -> tuple[TaiSeconds, TaiSeconds, float]:
    begin = facts.need("begin", facts.instant("begin"))
    exposure_time = _if_used(lambda: _exposure_time(facts), kind, _NO_EXPOSURE_TIME, 0.0)
    end = facts.instant("end")
    if end is None:
        return begin, TaiSeconds(begin + exposure_time), exposure_time
    rule = facts.rule("end")
    if end < begin and rule is not None and len(rule.cards) > 1:
        # Joined from the date at begin and a time past midnight.
        end = TaiSeconds(end + _DAY)
    if end < begin:
        raise InvalidHeaderError(f"{facts.place('end')} is before {facts.place('begin')}")
    return begin, end, exposure_time


@frozen(kw_only=True)
class _Observation:
    exposure: int
    obs_id: str
    group: str
    snap: int
    day_obs: int
    seqnum: int


def _observation(facts: Facts, begin: TaiSeconds) -> _Observation:
    key = facts.key
    grouped = not facts.camera.raw_keys.scheme.has_sidecars
    obs_id = facts.agreed("obs_id", facts.text("obs_id"), key.obs_id if key else None)
    parsed = parse_observation_id(obs_id) if obs_id and not grouped else None
    day_obs = facts.agreed("day_obs", facts.integer("day_obs"), key.day_obs if key else None)
    seqnum = facts.agreed("seqnum", facts.integer("seqnum"), key.seqnum if key else None)
    _check_against(parsed, facts, day_obs, seqnum)
    if day_obs is None:
        day_obs = parsed.day_obs if parsed else int(f"{day_obs_of(utc_from_tai(begin)):%Y%m%d}")
    if seqnum is None and parsed:
        seqnum = parsed.seqnum
    exposure = facts.agreed("exposure", facts.integer("exposure"), key.exposure if key else None)
    if exposure is None:
        exposure = _computed_exposure(facts, parsed, day_obs, seqnum)
    if obs_id is None:
        obs_id = f"{facts.camera.instrument}_{exposure}"
    group = facts.agreed("group", facts.text("group"), key.group if key else None)
    snap = facts.agreed("snap", facts.integer("snap"), key.snap if key else None)
    return _Observation(
        exposure=exposure,
        obs_id=obs_id,
        group=facts.need("group", obs_id if group is None and grouped else group),
        snap=facts.need("snap", 0 if snap is None and grouped else snap),
        day_obs=day_obs,
        seqnum=exposure if seqnum is None else seqnum,
    )


def _check_against(
    observation: ObservationId | None, facts: Facts, day_obs: int | None, seqnum: int | None
) -> None:
    if observation is None:
        return
    for fact, implied, said in (
        ("day_obs", observation.day_obs, day_obs),
        ("seqnum", observation.seqnum, seqnum),
    ):
        if said is not None and said != implied:
            raise InvalidHeaderError(
                f"{facts.place('obs_id')}: {str(observation)!r} contradicts {fact} {said} of header or key"
            )


def _computed_exposure(
    facts: Facts, observation: ObservationId | None, day_obs: int, seqnum: int | None
) -> int:
    camera = facts.camera
    if observation is not None and (computed := exposure_id_of(camera, observation)) is not None:
        return computed
    if camera.raw_keys.timestamp_ids is not None:
        return _time_stamp(facts, camera.raw_keys.timestamp_ids.card)
    if camera.raw_keys.scheme.has_sidecars:
        obs_id = facts.need("obs_id", facts.text("obs_id"))
        raise InvalidHeaderError(f"{facts.place('obs_id')}: {obs_id!r} is no observation id")
    try:
        return exposure_id(day_obs, facts.need("seqnum", seqnum))
    except InvalidExposureIdError as error:
        raise InvalidHeaderError(f"no exposure id: {error}") from error


def _time_stamp(facts: Facts, card: str) -> int:
    """Make an exposure id of the digits of a time, to the tenth of a second, as LSST-TS8's were."""
    written = read.text(CardRule(cards=(card,)), facts.cards) or ""
    digits = "".join(character for character in written[:21] if character in "0123456789")
    if len(digits) != 15:
        raise InvalidHeaderError(
            f"card {card}: {written!r} is no time to the tenth of a second, which the exposure id is here"
        )
    return int(digits)
