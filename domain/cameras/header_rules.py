"""Rules by which a camera's headers are read."""

import re
from collections.abc import Mapping
from typing import Final

from attrs import field, frozen

from domain.cameras.detectors import InvalidCameraError

__all__ = ["CardRule", "HeaderRules", "WcsRule"]


@frozen(kw_only=True)
class CardRule:
    """Where one fact stands in a raw's header.

    `value` if there is one, else the text of `cards` joined by `join`, else
    nothing is known. A number is multiplied by `factor`, then `offset` is
    added.
    """

    cards: tuple[str, ...] = ()
    join: str = ""
    value: str | float | int | None = None
    unit: str | None = None
    """Of an angle: ``deg`` or ``hourangle``; sexagesimal text is understood."""
    format: str | None = None
    """Of an instant: ``isot``, ``mjd`` or ``jd``."""
    time_scale: str | None = None
    """Of an instant: ``utc`` or ``tai``."""
    factor: float = 1.0
    offset: float = 0.0
    pattern: str | None = None
    """Regular expression; its first group is the part of the text that counts."""

    def __attrs_post_init__(self) -> None:
        if (self.value is None) == (not self.cards):
            raise InvalidCameraError("a header rule names either cards or a value")
        for card in self.cards:
            if card.strip() in _COMMENTS:
                raise InvalidCameraError(f"a header rule reads the card {card!r}, which is a comment")
        for name, allowed in _ALLOWED_WORDS.items():
            word = getattr(self, name)
            if word is not None and word not in allowed:
                raise InvalidCameraError(f"{name} {word!r} of a header rule is not {' or '.join(allowed)}")
        if (self.format is None) != (self.time_scale is None):
            raise InvalidCameraError("an instant in a header has both a format and a time_scale")
        if self.pattern is not None and _groups(self.pattern) != 1:
            raise InvalidCameraError(f"pattern {self.pattern!r} is not an expression with one group")


_ALLOWED_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "unit": ("deg", "hourangle"),
    "format": ("isot", "mjd", "jd"),
    "time_scale": ("utc", "tai"),
}

_COMMENTS: Final = frozenset({"", "COMMENT", "HISTORY"})
"""Keywords of cards that hold text for people and no facts; a blank one is such."""


def _groups(pattern: str) -> int | None:
    try:
        return re.compile(pattern).groups
    except re.error:
        return None


@frozen(kw_only=True)
class WcsRule:
    """How to read the sky WCS of a raw whose header holds a usable one."""

    projection: str | None = None
    """Replaces the projection in CTYPE, for headers that name another than they use."""


FACTS: Final = frozenset(
    {
        "begin", "day_obs", "dec", "detector", "detector_name", "end", "exposure", "exposure_time",
        "group", "instrument", "obs_id", "observation_type", "physical_filter", "ra", "seqnum",
        "sky_angle", "snap",
    }
)  # fmt: skip
"""What `HeaderRules` can tell of an exposure."""


@frozen(kw_only=True)
class HeaderRules:
    """Which cards of a raw (or of its sidecar) hold what the service needs."""

    facts: Mapping[str, CardRule]
    """By the field names of `domain.raws.exposure.Exposure`; ``detector`` may be given by
    number, or by name as ``detector_name``."""
    wcs: WcsRule | None = None
    """None: the WCS follows from pointing, rotation and geometry."""
    instruments: tuple[str, ...] = ()
    """What headers call the camera, beside its own name; letter case does not matter."""
    observation_types: Mapping[str, str] = field(factory=dict)
    """From the camera's word for a frame's kind to ``bias``, ``flat``, ``science``, ..."""

    def __attrs_post_init__(self) -> None:
        if unknown := sorted(set(self.facts) - FACTS):
            raise InvalidCameraError(f"header rules for unknown facts: {', '.join(unknown)}")
        for name in ("begin", "end"):
            if name in self.facts and self.facts[name].format is None:
                raise InvalidCameraError(f"the header rule for {name} states no format and time_scale")
