"""Watch over queues by what is known of them outside their store, and have them rebuilt (semantics 19)."""

import asyncio
import logging
from collections.abc import Mapping

from attrs import evolve, frozen

from application.recovery.rebuild import Rebuilder
from domain.errors import PromptProcessingError
from domain.work.standing import Loss, QueueStanding, loss_between
from ports.announcements import Announcements
from ports.ledger import Ledger
from ports.metrics import Counter, Metrics
from ports.work_queue import RebuildableQueue

__all__ = ["GuardPolicy", "QueueGuard"]

_LOG = logging.getLogger(__name__)
_MARK = "records kept"  # What the ledger has lost if it has lost everything.
_FOR_EVER = 10 * 365 * 86_400.0

type Standings = Mapping[str, QueueStanding]


@frozen(kw_only=True)
class GuardPolicy:
    """How closely queues are watched; seconds."""

    look_every: float = 5.0
    shares_store: bool = True
    """Whether the ledger is kept by the queues' own server, and comes back as old as they do."""


class QueueGuard:
    """Compares each queue with what was noted of it where announcements are settled.

    Only who reads announcements does so; `lock` is held while one is dealt
    with, since publishing and rebuilding exclude each other.
    """

    def __init__(
        self,
        *,
        policy: GuardPolicy,
        queues: Mapping[str, RebuildableQueue],
        announcements: Announcements,
        rebuilder: Rebuilder,
        ledger: Ledger,
        metrics: Metrics,
    ) -> None:
        self.lock = asyncio.Lock()
        self._policy = policy
        self._queues = queues
        self._announcements = announcements
        self._rebuilder = rebuilder
        self._ledger = ledger
        self._metrics = metrics
        self._is_marked = False

    async def run(self) -> None:
        """Look from time to time, until cancelled."""
        failing = False
        while True:
            try:
                async with self.lock:
                    if standings := await self.check():
                        await self._announcements.note(standings)
            except PromptProcessingError as error:
                if not failing:
                    _LOG.error("queues cannot be checked for losses, retrying: %s", error)
                failing = True
            else:
                failing = False
            await asyncio.sleep(self._policy.look_every)

    async def check(self) -> Standings:
        """Rebuild what lost work since it was noted; returns the standings as they then are.

        Nothing is done, and nothing returned, by whom no announcements come to.
        """
        noted = await self._announcements.noted()
        if noted is None:
            return {}
        found = await self._standings()
        lost = {
            name: loss
            for name, standing in found.items()
            if name in noted and (loss := loss_between(noted[name], standing)) is not None
        }
        if lost:
            await self._rebuild(lost, noted, found)
            found = await self._standings()
            await self._announcements.note(found)
        # Last: by what is repaired a loss would have been found out.
        for name, queue in self._queues.items():
            if await queue.repair_lag():
                _LOG.warning("queue %s: the server had lost count of its lag, and was told it", name)
                self._metrics.count(Counter.QUEUE_LAGS_REPAIRED, queue=name)
        return found

    async def expected(self, before: Standings, published: Mapping[str, int]) -> Standings:
        """Reckon what is to be noted after visits were published.

        Parameters
        ----------
        before
            As the queues were when the announcement was begun.
        published
            How many visits were published to each since.
        """
        if not self._is_marked and before:
            self._is_marked = await self._ledger.take_turn(_MARK, "the ledger", _FOR_EVER)
        now = await self._standings() if before else {}
        # A store that was replaced since then shows less than it was given.
        return {
            name: evolve(
                standing,
                steps=max(standing.steps, before[name].steps + published.get(name, 0)),
            )
            for name, standing in now.items()
        }

    async def _standings(self) -> Standings:
        return {name: await queue.standing() for name, queue in self._queues.items()}

    async def _rebuild(self, lost: Mapping[str, Loss], noted: Standings, found: Standings) -> None:
        is_ledger_lost = await self._ledger.take_turn(_MARK, "a look", 0.001)
        self._is_marked = False
        for name, loss in lost.items():
            _LOG.error(
                "queue %s lost work (%s; noted: %s; found: %s): announcements are read again, and"
                " what has no final outcome is published again",
                name,
                loss.value,
                noted[name],
                found[name],
            )
            self._metrics.count(Counter.QUEUES_LOST, queue=name, kind=loss.value)
            if loss.ends_leases:
                seen = max(noted[name].incarnation, found[name].incarnation)
                await self._queues[name].raise_incarnation(seen + 1)
        are_claims_lost = is_ledger_lost or (self._policy.shares_store and Loss.OLDER in lost.values())
        await self._rebuilder.rebuild(
            {name: self._queues[name] for name in lost}, are_claims_lost=are_claims_lost
        )
