"""Which exposure a header is of."""

import re

from attrs import frozen

from domain.cameras.camera import CardRule
from domain.headers import cards as read
from domain.headers.cards import InvalidHeaderError
from domain.headers.facts import Facts
from domain.raws.exposure_ids import InvalidExposureIdError, ObservationId, exposure_id, parse_observation_id
from domain.raws.raw_keys import exposure_id_of
from domain.times import TaiSeconds, day_obs_of, utc_from_tai

__all__ = ["Observation", "observation_of"]


@frozen(kw_only=True)
class Observation:
    """An exposure by all its names."""

    exposure: int
    obs_id: str
    group: str
    snap: int
    day_obs: int
    seqnum: int
    begin: TaiSeconds
    """As it is written, whichever instant of the exposure that is."""


def observation_of(facts: Facts, begin: TaiSeconds) -> Observation:
    """Find which exposure a header is of.

    Raises
    ------
    InvalidHeaderError
        Raised if that cannot be told, or header and key disagree.
    """
    key = facts.key
    grouped = not facts.camera.raw_keys.scheme.has_sidecars
    obs_id = facts.agreed("obs_id", facts.text("obs_id"), key.obs_id if key else None)
    parsed = parse_observation_id(obs_id) if obs_id and not grouped else None
    day_obs = facts.agreed("day_obs", facts.integer("day_obs"), key.day_obs if key else None)
    seqnum = facts.agreed("seqnum", facts.integer("seqnum"), key.seqnum if key else None)
    _check_against(parsed, facts, day_obs, seqnum)
    if day_obs is None:
        begins = facts.camera.header.day_begins
        day_obs = parsed.day_obs if parsed else int(f"{day_obs_of(utc_from_tai(begin), begins):%Y%m%d}")
    if seqnum is None and parsed:
        seqnum = parsed.seqnum
    exposure = facts.agreed("exposure", facts.integer("exposure"), key.exposure if key else None)
    if exposure is None:
        exposure = _computed_exposure(facts, parsed, day_obs, seqnum)
    if obs_id is None:
        obs_id = f"{facts.camera.instrument}_{exposure}"
    group = facts.agreed("group", facts.text("group"), key.group if key else None)
    snap = facts.agreed("snap", facts.integer("snap"), key.snap if key else None)
    return Observation(
        exposure=exposure,
        obs_id=obs_id,
        group=group or (obs_id if grouped else str(exposure)),
        snap=snap or 0,
        day_obs=day_obs,
        seqnum=_renumbered(facts, day_obs, exposure if seqnum is None else seqnum),
        begin=begin,
    )


def _renumbered(facts: Facts, day_obs: int, seqnum: int) -> int:
    """Take the number within the day of an exposure id that only the key tells.

    The header's is then another if the counter began again, and the frame was
    given a number of its own.
    """
    told = facts.key.exposure if facts.key is not None else None
    if told is None or facts.camera.raw_keys.scheme.has_sidecars:
        return seqnum
    day, number = divmod(told, 100_000)
    return number if day == day_obs else seqnum


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
        if not re.fullmatch(f"[A-Z]+_[A-Z]_{day_obs}_{seqnum or 0:06d}", obs_id):
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
