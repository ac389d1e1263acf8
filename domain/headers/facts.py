"""What a header says, by a camera's rules, and what its object key tells beside it."""

import re
from collections.abc import Callable, Mapping

from attrs import frozen

from domain.cameras.camera import Camera, CardRule
from domain.headers import cards as read
from domain.headers.cards import ANY, InvalidHeaderError, Limits, UnmatchedError
from domain.headers.instants import instant
from domain.raws.raw_keys import RawKey
from domain.times import TaiSeconds

__all__ = ["Facts", "Moment"]

_AFTER_BEGIN = {"begin": 0.0, "middle": 0.5, "end": 1.0}


@frozen
class Moment:
    """Which exposure it is, for rules that hold for some only."""

    day_obs: int
    seqnum: int
    begin: TaiSeconds


@frozen
class Facts:
    """A header under a camera's rules, beside the key that it came with."""

    camera: Camera
    cards: Mapping[str, object]
    key: RawKey | None
    file: str | None = None
    """Name of the file."""
    moment: Moment | None = None
    """None: not known yet, and not asked for."""

    def rules(self, fact: str) -> tuple[CardRule, ...]:
        """List the rules of a fact that hold for this header."""
        return tuple(rule for rule in self.camera.header.facts.get(fact, ()) if self._holds(rule))

    def text(self, fact: str, *, lenient: bool = False) -> str | None:
        """Read a fact's text, if any."""
        return self._read(fact, lambda rule: read.text(rule, self.cards, self.file, lenient=lenient))

    def integer(self, fact: str) -> int | None:
        """Read a fact's whole number, if any."""
        return self._read(fact, lambda rule: read.integer(rule, self.cards, self.file))

    def number(self, fact: str, limits: Limits = ANY) -> float | None:
        """Read a fact's number, if any."""
        return self._read(fact, lambda rule: read.number(rule, self.cards, self.file, limits))

    def angle(self, fact: str, limits: Limits, *, longitude: bool = False) -> float | None:
        """Read a fact's angle in degrees, if any."""
        return self._read(
            fact, lambda rule: read.angle(rule, self.cards, self.file, limits, longitude=longitude)
        )

    def instant(self, fact: str, exposure_time: float = 0.0) -> TaiSeconds | None:
        """Read a fact's instant, if any: of an exposure of so many seconds, its begin."""

        def begin(rule: CardRule) -> TaiSeconds | None:
            found = instant(rule, self.cards, self.file)
            return None if found is None else TaiSeconds(found - _AFTER_BEGIN[rule.at] * exposure_time)

        return self._read(fact, begin)

    def processed(self) -> str | None:
        """Say which card tells that this is no raw; None if none does."""
        for rule in self.camera.header.processed:
            if self._holds(rule) and (said := read.text(rule, self.cards, self.file)) is not None:
                return f"card {' and '.join(rule.cards)} says {said!r}"
        return None

    def place(self, fact: str) -> str:
        """Say where a fact stands, for an error's text."""
        rules = self.camera.header.facts.get(fact, ())
        cards = dict.fromkeys(" and ".join(rule.cards) for rule in rules if rule.cards)
        return f"card {' or '.join(cards)} ({fact})" if cards else fact

    def need[T](self, fact: str, value: T | None) -> T:
        """Insist on a fact."""
        if value is None:
            raise InvalidHeaderError(f"{self.camera.instrument}: {self.place(fact)} is absent")
        return value

    def agreed[T](self, fact: str, said: T | None, told: T | None) -> T | None:
        """Take the header's word, else the key's; they must not differ."""
        if said is not None and told is not None and said != told:
            where = self.key.key if self.key is not None else "?"
            raise InvalidHeaderError(f"{self.place(fact)} says {said!r}, the key {where!r} says {told!r}")
        return told if said is None else said

    def _holds(self, rule: CardRule) -> bool:
        if rule.is_ranged and (
            self.moment is None or not rule.holds(self.moment.day_obs, self.moment.seqnum, self.moment.begin)
        ):
            return False
        return all(
            re.fullmatch(pattern, read.card_text(card, self.cards.get(card)) or "", re.IGNORECASE)
            for card, pattern in rule.when.items()
        )

    def _read[T](self, fact: str, reader: Callable[[CardRule], T | None]) -> T | None:
        rules = self.rules(fact)
        for rule in rules:
            try:
                value = reader(rule)
            except UnmatchedError:
                if rule is rules[-1]:
                    raise
                continue
            if value is not None:
                return value
        return None
