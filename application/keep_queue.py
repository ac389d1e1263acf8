"""Keep queues in order: put work back, forget what is finished, tell how much there is."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from attrs import frozen

from domain.errors import PromptProcessingError
from ports.history_store import HistoryStore
from ports.metrics import Gauge, Metrics
from ports.work_queue import QueueUpkeep

__all__ = ["QueueKeeper", "UpkeepPolicy"]

_LOG = logging.getLogger(__name__)


@frozen(kw_only=True)
class UpkeepPolicy:
    """How often things are done; seconds."""

    put_back_every: float = 5.0
    """So long after its lease expired, or it was due, at most, work counts as waiting again."""
    trim_every: float = 60.0
    look_every: float = 5.0
    """Between two looks at how much there is to do."""
    forget_every: float = 3600.0
    """Between two deletions of old records of the ledger."""


class QueueKeeper:
    """Does for queues what no worker would; any number of processes may.

    Parameters
    ----------
    queues
        By their names.
    metrics
        Told how much there is to do.
    histories
        What the ledger keeps, whose old records are deleted; None: somebody else's business.
    """

    def __init__(
        self,
        queues: Mapping[str, QueueUpkeep],
        policy: UpkeepPolicy,
        metrics: Metrics,
        histories: HistoryStore | None = None,
    ) -> None:
        self._queues = queues
        self._policy = policy
        self._metrics = metrics
        self._histories = histories

    async def run(self) -> None:
        """Keep all queues until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for name, queue in self._queues.items():
                what = f"expired leases of {name} cannot be put back"
                tasks.create_task(_repeat(queue.put_back_expired, self._policy.put_back_every, what))
                what = f"postponed work of {name} cannot be put back"
                tasks.create_task(_repeat(queue.put_back_due, self._policy.put_back_every, what))
                what = f"{name} cannot be trimmed"
                tasks.create_task(_repeat(queue.trim, self._policy.trim_every, what))
                what = f"depth of {name} cannot be read"
                look = partial(self._look, name, queue)
                tasks.create_task(_repeat(look, self._policy.look_every, what))
            if self._histories is not None:
                what = "old records of the ledger cannot be deleted"
                tasks.create_task(_repeat(self._histories.forget, self._policy.forget_every, what))
            await asyncio.Event().wait()

    async def _look(self, name: str, queue: QueueUpkeep) -> None:
        depth = await queue.depth()
        self._metrics.set(Gauge.QUEUE, depth.waiting, queue=name, state="waiting")
        self._metrics.set(Gauge.QUEUE, depth.leased, queue=name, state="leased")
        self._metrics.set(Gauge.QUEUE, depth.delayed, queue=name, state="delayed")
        self._metrics.set(Gauge.QUEUE, depth.dead, queue=name, state="dead")


async def _repeat(action: Callable[[], Awaitable[object]], pause: float, failure: str) -> None:
    """Do something again and again; a failure is logged when it begins and when it is over."""
    failing = False
    while True:
        try:
            await action()
        except PromptProcessingError as error:
            if not failing:
                _LOG.error("%s, retrying: %s", failure, error)
            failing = True
        else:
            if failing:
                _LOG.info("recovered, no longer so: %s", failure)
            failing = False
        await asyncio.sleep(pause)
