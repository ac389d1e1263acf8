"""What was dead-lettered, as a person looks at it again (semantics 20)."""

from collections.abc import Sequence
from typing import Protocol

from attrs import frozen

from domain.times import UtcSeconds
from domain.visit import Identity
from ports.neighbours import NeighbourUnavailableError

__all__ = ["DeadLetter", "DeadLetters", "DeadLettersUnavailableError", "ReplayableLetters"]


class DeadLettersUnavailableError(NeighbourUnavailableError):
    """The dead letters cannot be reached now; the same call may succeed later."""


@frozen(kw_only=True)
class DeadLetter:
    """One of them, and what can be told of its contents."""

    id: str
    """Names it within its place."""
    origin: str
    """Where it first stood: the queue's first entry of the work, or topic, partition and offset."""
    reason: str
    since: UtcSeconds
    """When it was dead-lettered."""
    instrument: str = ""
    group: str = ""
    visit: int | None = None
    detector: int | None = None
    body: bytes = b""
    """As it came, or what is kept of it."""
    is_whole: bool = True
    """Whether all of the body is kept."""

    @property
    def identity(self) -> Identity | None:
        """The work, if the letter can be read that far."""
        if not (self.instrument and self.group) or self.detector is None:
            return None
        return Identity(self.instrument, self.group, self.detector)


class DeadLetters(Protocol):
    """A place of dead letters.

    All methods raise `DeadLettersUnavailableError` if the place cannot be reached.
    """

    async def letters(self) -> Sequence[DeadLetter]:
        """List what is there, oldest first."""
        ...

    async def discard(self, letter: DeadLetter, reason: str) -> bool:
        """Remove one for good; False if it is there no more."""
        ...


class ReplayableLetters(DeadLetters, Protocol):
    """A place whose letters can be put back where they came from, as they came."""

    async def replay(self, letter: DeadLetter) -> str:
        """Put one back and remove it here, in one step: of two who try at once, one does.

        Returns
        -------
        position
            The new entry or place; it keeps the letter's origin. Blank if the letter is there no more.
        """
        ...
