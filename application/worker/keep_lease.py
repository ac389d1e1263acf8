"""Keep a lease for as long as its work goes on."""

import asyncio
import logging

from attrs import define, field

from application.retrying import retried
from ports.work_queue import Lease, LeaseLostError, QueueUnavailableError, WorkQueue
from ports.workspace import Workspace

__all__ = ["LeaseKeeper"]

_LOG = logging.getLogger(__name__)


@define
class LeaseKeeper:
    """Renews one lease, and lets the workspace know how long it is good.

    Parameters
    ----------
    queue, lease
        Of the delivery.
    workspace
        Where the work is done.
    seconds
        For how long a lease is good.
    renewal
        Seconds between two renewals.
    """

    _queue: WorkQueue
    _workspace: Workspace
    _lease: Lease
    _seconds: float
    _renewal: float
    _asked: float = field(default=0.0, init=False)
    """When the last renewal that succeeded was asked for."""

    async def confirm(self, retry_delay: float) -> None:
        """Renew the lease before any work: the queue may have been made anew since it began.

        A queue that is away is waited for.

        Raises
        ------
        LeaseLostError
            Raised if it is lost.
        """
        await retried(self._renew, QueueUnavailableError, _LOG, retry_delay)

    async def keep(self) -> None:
        """Renew the lease again and again.

        Raises
        ------
        LeaseLostError
            Raised if it is lost, and the attempt has no claim that goes on without.
        """
        self._workspace.hold(self._asked + self._seconds)  # Also if no other renewal ever succeeds.
        try:
            while True:
                await asyncio.sleep(self._renewal)
                try:
                    await self._renew()
                except QueueUnavailableError as error:
                    _LOG.warning("lease renewal failed: %s", error)
                except LeaseLostError as error:
                    await self._outlast(error)
                    raise
                else:
                    self._workspace.hold(self._asked + self._seconds)
        finally:
            self._workspace.hold(None)

    async def _renew(self) -> None:
        asked = asyncio.get_running_loop().time()
        await self._queue.renew(self._lease)
        self._asked = asked

    async def _outlast(self, error: LeaseLostError) -> None:
        """Wait for the end of the attempt's claim, if it has one: until then it needs no lease."""
        if not await self._workspace.surrender():
            return
        until = self._workspace.claimed_until or 0.0
        seconds = until - asyncio.get_running_loop().time()
        _LOG.warning("lease lost, going on for %.0f s at most under the claim: %s", seconds, error)
        await asyncio.sleep(seconds)
