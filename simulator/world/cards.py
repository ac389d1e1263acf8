"""Headers of simulated raws: the way back from an exposure to the cards that a camera's rules read."""

import datetime

from domain.cameras.camera import Camera, CardRule
from domain.raws.exposure import Exposure
from domain.times import TaiSeconds, utc_from_tai
from simulator.errors import SimulatorError

__all__ = ["CardValue", "header_cards"]

type CardValue = str | int | float

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_EPOCH_MJD = 40_587.0
_EPOCH_JD = 2_440_587.5
_SECONDS_A_DAY = 86_400.0


def header_cards(camera: Camera, exposure: Exposure) -> dict[str, CardValue]:
    """Write the cards of which `domain.headers.header.read_exposure` makes the same exposure.

    Raises
    ------
    SimulatorError
        Raised if a rule cannot be turned around.
    """
    facts = _facts(camera, exposure)
    cards: dict[str, CardValue] = {}
    moment = (exposure.day_obs, exposure.seqnum, exposure.begin)
    for fact, rules in camera.header.facts.items():
        rule = next((one for one in rules if _can_say(one) and one.holds(*moment)), None)
        if rule is not None and (value := facts[fact]) is not None:
            cards |= _cards(fact, rule, value, lenient=fact == "physical_filter")
    return cards


def _can_say(rule: CardRule) -> bool:
    """Tell whether a rule's cards can be written without a look at other cards, or at what they say."""
    conditions = (rule.when or None, rule.matches, rule.above, rule.pattern)
    return bool(rule.cards) and all(condition is None for condition in conditions)


def _facts(camera: Camera, exposure: Exposure) -> dict[str, CardValue | None]:
    words = {kind: word for word, kind in camera.header.observation_types.items()}
    return {
        "instrument": exposure.instrument,
        "detector": exposure.detector,
        "detector_name": camera.detector(exposure.detector).name,
        "detector_serial": camera.detector(exposure.detector).serial,
        "exposure": exposure.exposure,
        "obs_id": exposure.obs_id,
        "group": exposure.group,
        "snap": exposure.snap,
        "day_obs": exposure.day_obs,
        "seqnum": exposure.seqnum,
        "physical_filter": exposure.physical_filter,
        "exposure_time": exposure.exposure_time,
        "dark_time": exposure.dark_time,
        "begin": exposure.begin,
        "end": exposure.end,
        "ra": exposure.ra,
        "dec": exposure.dec,
        "sky_angle": exposure.sky_angle,
        "observation_type": words.get(exposure.observation_type, exposure.observation_type),
    }


def _cards(fact: str, rule: CardRule, value: CardValue, *, lenient: bool) -> dict[str, CardValue]:
    written = _written(rule, value)
    if len(rule.cards) == 1:
        return {rule.cards[0]: written}
    parts = str(written).split(rule.join) if rule.join else []
    if len(parts) != len(rule.cards) and not (lenient and len(parts) < len(rule.cards)):
        raise SimulatorError(f"{fact}: {written!r} cannot be spread over the cards {', '.join(rule.cards)}")
    return dict(zip(rule.cards, parts, strict=False))


def _written(rule: CardRule, value: CardValue) -> CardValue:
    if isinstance(value, str):
        return next((card for card, text in rule.table.items() if text == value), value)
    if rule.format is not None:
        return _instant(rule, TaiSeconds(value))
    plain = (value - rule.offset) / rule.factor
    if rule.unit == "hourangle":
        plain /= 15
    # A whole number stays one: 1.0 is no sequence number.
    return int(plain) if isinstance(value, int) and plain == int(plain) else plain


def _instant(rule: CardRule, instant: TaiSeconds) -> CardValue:
    seconds: float = utc_from_tai(instant) if rule.time_scale == "utc" else instant
    match rule.format:
        case "mjd":
            return _EPOCH_MJD + seconds / _SECONDS_A_DAY
        case "jd":
            return _EPOCH_JD + seconds / _SECONDS_A_DAY
    text = (_EPOCH + datetime.timedelta(seconds=seconds)).isoformat(timespec="microseconds")
    return text.removesuffix("+00:00")
