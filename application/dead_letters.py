"""List, replay and discard what was dead-lettered (semantics 20)."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from attrs import field, frozen

from application.fan_out import FanOut
from domain.times import UtcSeconds
from domain.visit import Cancellation, Visit
from domain.work.outcomes import Completed
from ports.announcements import Announcement
from ports.dead_letters import DeadLetter, DeadLetters, ReplayableLetters
from ports.ledger import Ledger, LedgerRecordError
from ports.work_queue import QueueUpkeep

__all__ = [
    "AnnouncementDesk",
    "Dealt",
    "LetterDesk",
    "MessageDesk",
    "Selection",
    "WorkDesk",
    "discarded",
    "replayed",
]

_LOG = logging.getLogger(__name__)

_GONE = "it is there no more: somebody else replayed or discarded it"


@frozen(kw_only=True)
class Selection:
    """Which letters are meant: those to which all of this applies."""

    ids: frozenset[str] = frozenset()
    group: str | None = None
    visit: int | None = None
    detector: int | None = None
    reason: str | None = None
    """A part of it, in upper or lower case."""
    since: UtcSeconds | None = None
    before: UtcSeconds | None = None

    @property
    def is_all(self) -> bool:
        """Whether it leaves nothing out."""
        return self == Selection()

    def has(self, letter: DeadLetter) -> bool:
        """Say whether a letter is meant."""
        return (
            (not self.ids or letter.id in self.ids)
            and self.group in {None, letter.group}
            and self.visit in {None, letter.visit}
            and self.detector in {None, letter.detector}
            and (self.reason is None or self.reason.casefold() in letter.reason.casefold())
            and (self.since is None or letter.since >= self.since)
            and (self.before is None or letter.since < self.before)
        )


@frozen
class Dealt:
    """What became of one letter."""

    letter: DeadLetter
    is_done: bool
    said: str
    """What was done, or why not."""


class LetterDesk(Protocol):
    """One place of dead letters, and the way back from it."""

    @property
    def letters(self) -> DeadLetters:
        """The place."""
        ...

    async def hindrance(self, letter: DeadLetter) -> str:
        """Say why a letter cannot be replayed; blank if it may."""
        ...

    async def replay(self, letter: DeadLetter) -> Dealt:
        """Replay a letter that nothing hinders."""
        ...


@frozen
class WorkDesk:
    """Dead letters of the queue: work is put back after a mark in the ledger, as `reconcile` does it."""

    letters: ReplayableLetters
    ledger: Ledger
    queue: QueueUpkeep

    async def hindrance(self, letter: DeadLetter) -> str:
        """See `LetterDesk.hindrance`: what has changed anything is never done again."""
        identity = letter.identity
        if identity is None:
            return ""
        if identity in await self.queue.unfinished():
            return "its work is in the queue already"
        try:
            history = await self.ledger.history(identity)
        except LedgerRecordError as error:
            return str(error)
        if await self.ledger.has_claim(identity):
            return "an attempt may have made permanent changes: left to daytime processing"
        if history and isinstance(history[-1].outcome, Completed):
            return "its work was completed since"
        return ""

    async def replay(self, letter: DeadLetter) -> Dealt:
        """See `LetterDesk.replay`."""
        if letter.identity is not None:
            # Interrupted after this, the work counts as lost, and `reconcile` finds it.
            await self.ledger.mark_requeued(letter.identity)
        entry = await self.letters.replay(letter)
        return Dealt(letter, bool(entry), f"replayed as entry {entry}" if entry else _GONE)


@frozen
class MessageDesk:
    """Dead letters of the Butler Writer, which skips what is in the registry already."""

    letters: ReplayableLetters

    async def hindrance(self, letter: DeadLetter) -> str:
        """See `LetterDesk.hindrance`."""
        return "" if letter.is_whole else "its file is gone"

    async def replay(self, letter: DeadLetter) -> Dealt:
        """See `LetterDesk.replay`."""
        place = await self.letters.replay(letter)
        return Dealt(letter, bool(place), f"replayed as {place}" if place else _GONE)


@frozen
class AnnouncementDesk:
    """Dead letters of the fan-out: an announcement is read again and dealt with as if it came now."""

    letters: DeadLetters
    fan_out: FanOut
    decode: Callable[[DeadLetter], Awaitable[Announcement]]
    _read: dict[str, Announcement] = field(factory=dict, init=False)

    async def hindrance(self, letter: DeadLetter) -> str:
        """See `LetterDesk.hindrance`."""
        if not letter.is_whole:
            return "only the beginning of it was kept"
        return await self.fan_out.hindrance(await self._announcement(letter))

    async def replay(self, letter: DeadLetter) -> Dealt:
        """See `LetterDesk.replay`: published first, which a second time adds nothing, then removed."""
        match (await self._announcement(letter)).content:
            case Cancellation() as cancellation:
                await self.fan_out.cancel(cancellation)
                said = f"replayed: group {cancellation.group} is cancelled"
            case Visit() as visit:
                published = await self.fan_out.publish_again(visit)
                said = (
                    f"replayed: group {visit.group} is {published.novelty.value}, {published.copies} copies"
                )
            case other:
                return Dealt(letter, is_done=False, said=other.reason)
        await self.letters.discard(letter, said)
        return Dealt(letter, is_done=True, said=said)

    async def _announcement(self, letter: DeadLetter) -> Announcement:
        if letter.id not in self._read:
            self._read[letter.id] = await self.decode(letter)
        return self._read[letter.id]


async def replayed(desk: LetterDesk, letters: Sequence[DeadLetter], *, dry_run: bool) -> Sequence[Dealt]:
    """Replay letters, or with `dry_run` only say what would become of them."""
    done = []
    for letter in letters:
        hindrance = await desk.hindrance(letter)
        if hindrance:
            dealt = Dealt(letter, is_done=False, said=hindrance)
        elif dry_run:
            dealt = Dealt(letter, is_done=True, said="would be replayed")
        else:
            dealt = await desk.replay(letter)
            _LOG.log(
                logging.INFO if dealt.is_done else logging.WARNING,
                "dead letter %s: %s",
                letter.id,
                dealt.said,
            )
        done.append(dealt)
    return done


async def discarded(
    desk: LetterDesk, letters: Sequence[DeadLetter], reason: str, *, dry_run: bool
) -> Sequence[Dealt]:
    """Discard letters for a reason, or with `dry_run` only say which."""
    done = []
    for letter in letters:
        if dry_run:
            done.append(Dealt(letter, is_done=True, said="would be discarded"))
        elif await desk.letters.discard(letter, reason):
            of = f"group {letter.group} detector {letter.detector}" if letter.group else letter.origin
            _LOG.warning("dead letter %s (%s; %s) discarded: %s", letter.id, of, letter.reason, reason)
            done.append(Dealt(letter, is_done=True, said="discarded"))
        else:
            done.append(Dealt(letter, is_done=False, said=_GONE))
    return done
