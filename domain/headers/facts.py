"""What a header says, by a camera's rules, and what its object key tells beside it."""

from collections.abc import Callable, Mapping

from attrs import frozen

from domain.cameras.camera import Camera, CardRule
from domain.headers import cards as read
from domain.headers.cards import InvalidHeaderError
from domain.raws.raw_keys import RawKey
from domain.times import TaiSeconds

__all__ = ["Facts"]


@frozen
class Facts:
    """A header under a camera's rules, beside the key that it came with."""

    camera: Camera
    cards: Mapping[str, object]
    key: RawKey | None

    def rule(self, fact: str) -> CardRule | None:
        """Find the rule of a fact, if the camera has one."""
        return self.camera.header.facts.get(fact)

    def text(self, fact: str) -> str | None:
        """Read a fact's text, if any."""
        return self._read(fact, read.text)

    def integer(self, fact: str) -> int | None:
        """Read a fact's whole number, if any."""
        return self._read(fact, read.integer)

    def number(self, fact: str) -> float | None:
        """Read a fact's number, if any."""
        return self._read(fact, read.number)

    def angle(self, fact: str) -> float | None:
        """Read a fact's angle in degrees, if any."""
        return self._read(fact, read.angle)

    def instant(self, fact: str) -> TaiSeconds | None:
        """Read a fact's instant, if any."""
        return self._read(fact, read.instant)

    def place(self, fact: str) -> str:
        """Say where a fact stands, for an error's text."""
        rule = self.rule(fact)
        return f"card {' and '.join(rule.cards)} ({fact})" if rule is not None and rule.cards else fact

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

    def _read[T](self, fact: str, reader: Callable[[CardRule, Mapping[str, object]], T | None]) -> T | None:
        rule = self.rule(fact)
        return None if rule is None else reader(rule, self.cards)
