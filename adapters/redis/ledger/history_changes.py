"""The compare-and-set of histories on Redis, for the ledger and the claims alike.

Written as steps that ask for calls and are sent their answers, so that one loop
serves a connection that is awaited and one that is not.
"""

from collections.abc import Collection, Generator, Sequence
from typing import Any, Final

from attrs import frozen

from adapters.common.history import history_from_json, history_to_json
from adapters.redis.connection import RedisConnection, SyncRedisConnection, lua
from adapters.redis.names import LedgerKeys
from domain.times import UtcSeconds
from domain.visit import Identity
from domain.work.attempts import Claim
from ports.history_store import Change
from ports.ledger import ClaimedElsewhereError, LedgerRecordError, LedgerUnavailableError

__all__ = ["ScriptCall", "Steps", "VisitHistories", "run_steps", "run_steps_now"]

_READ: Final = lua("read_histories")
_REPLACE: Final = lua("replace_histories")

_TRIES = 100
"""Against others that change the same history at the same time."""


@frozen
class ScriptCall:
    """A script that is to be run."""

    script: str
    keys: Sequence[str]
    arguments: Sequence[str | int]


type Steps[T] = Generator[ScriptCall, Any, T]
type _Answers[T] = dict[int, T | LedgerRecordError]


@frozen
class VisitHistories:
    """The histories of one visit: how they are read and replaced."""

    keys: LedgerKeys
    keep_seconds: int
    instrument: str
    group: str

    def read(self, detectors: Sequence[int]) -> Steps[tuple[Sequence[str | None], UtcSeconds]]:
        """Read histories as they are stored, and the server's time."""
        key = self.keys.visit(self.instrument, self.group)
        seconds, microseconds, *texts = yield ScriptCall(_READ, [key], detectors)
        return texts, UtcSeconds(int(seconds) + int(microseconds) / 1e6)

    def change[T](
        self, detectors: Collection[int], change: Change[T], claim: Claim | None = None
    ) -> Steps[_Answers[T]]:
        """Replace histories, and take a claim with them.

        Returns what the change answered for each detector, or why its record
        was left alone.
        """
        answers: _Answers[T] = {}
        left = sorted(detectors)
        for _ in range(_TRIES):
            if not left:
                return answers
            texts, now = yield from self.read(left)
            replacements: list[str | int] = []
            for detector, text in zip(left, texts, strict=True):
                try:
                    before = history_from_json(Identity(self.instrument, self.group, detector), text)
                except LedgerRecordError as error:
                    answers[detector] = error
                    continue
                after, answers[detector] = change(before, now)
                if after != before or claim is not None:
                    replacements += [detector, text or "", history_to_json(after)]
            left = (yield from self._replace(replacements, claim)) if replacements else []
        raise LedgerUnavailableError(f"{self.instrument} {self.group}: changed by others {_TRIES} times over")

    def _replace(self, replacements: Sequence[str | int], claim: Claim | None) -> Steps[list[int]]:
        """Replace what is still as it was read; returns the detectors of which it is not."""
        exposures = sorted(claim.exposures) if claim else []
        claimant = f"{self.group} {claim.number}" if claim else ""
        keys = [self.keys.visit(self.instrument, self.group), self.keys.visits(self.instrument)]
        keys += [self.keys.claims(self.instrument, exposure) for exposure in exposures]
        arguments = [self.keep_seconds, self.group, claimant, *replacements]
        verdict, *found = yield ScriptCall(_REPLACE, keys, arguments)
        if verdict == "claimed":
            number, holder = found
            raise ClaimedElsewhereError(f"exposure {exposures[number - 1]} is claimed by attempt {holder}")
        return [int(detector) for detector in found]


async def run_steps[T](redis: RedisConnection, steps: Steps[T]) -> T:
    """Run steps on a connection that is awaited."""
    try:
        call = next(steps)
        while True:
            call = steps.send(await redis.run(call.script, call.keys, call.arguments))
    except StopIteration as end:
        answer: T = end.value
        return answer


def run_steps_now[T](redis: SyncRedisConnection, steps: Steps[T]) -> T:
    """Run steps on a connection that is not."""
    try:
        call = next(steps)
        while True:
            call = steps.send(redis.run(call.script, call.keys, call.arguments))
    except StopIteration as end:
        answer: T = end.value
        return answer
