"""Rules by which a camera's headers are read."""

import functools
from collections.abc import Mapping, Sequence
from typing import Final

from attrs import field, frozen

from domain.cameras.card_rule import Bound, CardRule, CardValue
from domain.cameras.detectors import InvalidCameraError

__all__ = ["Bound", "CardRule", "HeaderRules", "WcsRule"]


@frozen(kw_only=True)
class WcsRule:
    """How to read the sky WCS of a raw whose header holds a usable one."""

    projection: str | None = None
    """Replaces the projection in CTYPE, for headers that name another than they use."""


_FIRST: Final = frozenset({"begin", "day_obs", "exposure", "group", "instrument", "obs_id", "seqnum", "snap"})
"""Read before it is known which exposure it is."""

FACTS: Final = _FIRST | {
    "dark_time", "dec", "detector", "detector_name", "detector_serial", "end", "exposure_time",
    "observation_type", "physical_filter", "ra", "sky_angle",
}  # fmt: skip
"""What `HeaderRules` can tell of an exposure."""

OPTIONAL: Final = frozenset({"dec", "physical_filter", "ra", "sky_angle"})
"""What an exposure may lack."""

_FRAMES: Final = ("icrs", "fk5")

_INSTANTS: Final = ("begin", "end")


def _alternatives(
    facts: Mapping[str, CardRule | Sequence[CardRule]],
) -> Mapping[str, tuple[CardRule, ...]]:
    return {fact: (one,) if isinstance(one, CardRule) else tuple(one) for fact, one in facts.items()}


@frozen(kw_only=True)
class HeaderRules:
    """Which cards of a raw (or of its sidecar) hold what the service needs."""

    facts: Mapping[str, tuple[CardRule, ...]] = field(converter=_alternatives)
    """By the field names of `domain.raws.exposure.Exposure`, the first rule that says something;
    ``detector`` may be given by number, by ``detector_name`` or by ``detector_serial``."""
    wcs: WcsRule | None = None
    """None: the WCS follows from pointing, rotation and geometry."""
    instruments: tuple[str, ...] = ()
    """What headers call the camera, beside its own name; letter case does not matter."""
    observation_types: Mapping[str, str] = field(factory=dict)
    """From the camera's word for a frame's kind to ``bias``, ``flat``, ``science``, ...; letter case
    does not matter."""
    needed: tuple[str, ...] = ()
    """Facts without which a science frame is not to be used, of those that may be absent."""
    processed: tuple[CardRule, ...] = ()
    """A header of which one of them says something is of no raw."""
    corrections: Mapping[str, Mapping[str, CardValue | None]] = field(factory=dict)
    """By observation id, what its cards should say; None is a card that should not be there."""
    frame: str = "icrs"
    """Of ``ra`` and ``dec`` in headers: ``icrs`` or ``fk5``, which is turned by 0.02 arcseconds."""
    day_begins: float = 12.0
    """Hours after midnight TAI at which day_obs changes."""

    def __attrs_post_init__(self) -> None:
        if unknown := sorted(set(self.facts) - FACTS):
            raise InvalidCameraError(f"header rules for unknown facts: {', '.join(unknown)}")
        if unknown := sorted(set(self.needed) - OPTIONAL):
            raise InvalidCameraError(f"needed: {', '.join(unknown)} is none of {', '.join(sorted(OPTIONAL))}")
        for fact, rules in self.facts.items():
            if not rules:
                raise InvalidCameraError(f"there is no header rule for {fact}")
            if fact in _INSTANTS and any(rule.format is None for rule in rules):
                raise InvalidCameraError(f"the header rule for {fact} states no format and time_scale")
            if fact in _FIRST and any(rule.is_ranged for rule in rules):
                raise InvalidCameraError(f"the header rule for {fact} cannot hold for a range of exposures")
        if self.frame not in _FRAMES:
            raise InvalidCameraError(f"frame {self.frame!r} is not {' or '.join(_FRAMES)}")
        if not -24 <= self.day_begins <= 24:
            raise InvalidCameraError(f"day_begins {self.day_begins} is no hour of a day")

    def kind_of(self, word: str | None) -> str:
        """Tell what the camera's word for a frame's kind means; without one it is a science frame."""
        if word is None:
            return "science"
        return self._kinds.get(word.strip().casefold(), word.strip().lower())

    @functools.cached_property
    def _kinds(self) -> Mapping[str, str]:
        return {word.casefold(): kind for word, kind in self.observation_types.items()}
