"""One worker as a process of its own: leases, claims, changes something outside, records, acknowledges.

Run as ``python -m tests.integration.redis.fighter URL STREAM NAME LEASE FILE IDLE``; ends when idle.
"""

import asyncio
import os
import sys
from pathlib import Path

from attrs import frozen

from adapters.redis.queue.work_queue import RedisWorkQueue
from domain.work.attempts import Attempt
from domain.work.outcomes import Completed, FailedAfterChange
from ports.ledger import (
    ClaimedElsewhereError,
    Claims,
    HeldElsewhereError,
    Ledger,
    NotTheHolderError,
    OutdatedLeaseError,
)
from ports.work_queue import Lease, LeaseLostError
from tests.integration.redis.benches import GROUP, redis_claims, redis_ledger

_STEP = 0.01
"""Seconds between two steps, in which a signal may come."""


@frozen
class Fighter:
    """A worker, and the file in which it changes something that cannot be taken back."""

    name: str
    queue: RedisWorkQueue
    ledger: Ledger
    claims: Claims
    changes: Path

    async def work(self, idle: float) -> None:
        """Work until nothing comes for `idle` seconds."""
        while (lease := await self.queue.lease(idle)) is not None:
            try:
                await self._see_through(lease)
            except (LeaseLostError, NotTheHolderError, OutdatedLeaseError):
                continue
            except HeldElsewhereError:
                await self.queue.give_back(lease)
                await asyncio.sleep(_STEP)
        await self.queue.leave()

    async def _see_through(self, lease: Lease) -> None:
        assert lease.work is not None
        identity = lease.work.identity
        record = await self.ledger.begin(identity, self.name, lease)
        if not record.final:
            for _ in range(3):
                await asyncio.sleep(_STEP)
                await self.queue.renew(lease)
            await self._change(record.attempt)
            await asyncio.sleep(_STEP)
        await self.queue.acknowledge(lease)

    async def _change(self, attempt: Attempt) -> None:
        identity = attempt.identity
        try:
            self.claims.claim(attempt, [1000 + int(identity.group[1:])])
        except ClaimedElsewhereError as error:
            if not await self.ledger.has_claim(identity):
                raise NotTheHolderError(str(error)) from error
            await self.ledger.record(attempt, FailedAfterChange(reason=str(error)), final=True)
            return
        await asyncio.sleep(_STEP)
        _append(self.changes, f"{identity.group} {identity.detector} {attempt.number}\n")
        await asyncio.sleep(_STEP)
        await self.ledger.record(attempt, Completed(pipeline="p"), final=True)


async def fight(words: list[str]) -> None:
    """Run one worker by the words of its command line."""
    url, stream, name, lease_seconds, changes, idle = words
    queue = RedisWorkQueue(url, stream=stream, group=GROUP, consumer=name, lease_seconds=float(lease_seconds))
    async with queue, redis_ledger(url) as ledger:
        with redis_claims(url) as claims:
            await Fighter(name, queue, ledger, claims, Path(changes)).work(float(idle))


def _append(path: Path, line: str) -> None:
    # One write to a file opened for appending is whole, whoever else writes.
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(handle, line.encode())
    finally:
        os.close(handle)


if __name__ == "__main__":
    asyncio.run(fight(sys.argv[1:]))
