"""Put work off while a neighbour is away, and lease no more until that answers again."""

import asyncio
import logging
import zlib
from collections.abc import Mapping

from attrs import frozen

from ports.neighbours import Neighbour, NeighbourUnavailableError, Probe
from ports.work_queue import Lease, WorkQueue
from ports.workspace import Workspace, WorkspaceError

__all__ = ["Postponer", "PostponingPolicy", "WorkspaceProbe", "varied"]

_LOG = logging.getLogger(__name__)
_PATIENCE = 30.0  # Seconds for an answer.


@frozen(kw_only=True)
class PostponingPolicy:
    """Pauses, in seconds."""

    first: float
    """REDIS_RETRY_DELAY: before postponed work comes back, doubled each time, and before the first probe."""
    longest: float = 60.0
    longest_wait: float = 600.0
    """For an answer; then another delivery is tried, since what is too old needs no neighbour to end."""


class Postponer:
    """What one worker does about neighbours that are away."""

    def __init__(self, queue: WorkQueue, probes: Mapping[str, Probe], policy: PostponingPolicy) -> None:
        self._queue = queue
        self._probes = probes
        self._policy = policy
        self._away = ""

    async def postpone(self, lease: Lease, away: str, reason: str, times: int, open_attempt: int = 0) -> None:
        """Put work off, for longer the more often that was done before.

        Parameters
        ----------
        lease
            Of the delivery.
        away
            Who is awaited before anything else is leased; blank: nobody.
        reason
            For the log.
        times
            How often it was postponed before.
        open_attempt
            See `ports.work_queue.Lease.open_attempt`.
        """
        pause = min(self._policy.first * 2.0 ** min(times, 30), self._policy.longest)
        pause = varied(pause, f"{lease.entry} {times}")
        who = f", the {away} is away" if away else ""
        _LOG.warning("postponed for %.1f s%s: %s", pause, who, reason)
        self._away = away
        await self._queue.postpone(lease, pause, open_attempt)

    async def wait(self, stop: asyncio.Event) -> None:
        """Wait until the neighbour answers for which work was postponed, if there is one."""
        away, self._away = self._away, ""
        probe = self._probes.get(away)
        if probe is None:
            return
        loop = asyncio.get_running_loop()
        end = loop.time() + self._policy.longest_wait
        pause = min(self._policy.first, self._policy.longest)
        while not stop.is_set() and loop.time() < end:
            try:
                await probe.check()
            except NeighbourUnavailableError as error:
                _LOG.warning("leasing nothing, the %s is away; asking again in %g s: %s", away, pause, error)
                try:
                    async with asyncio.timeout(pause):
                        await stop.wait()
                except TimeoutError:
                    pause = min(2 * pause, self._policy.longest)
            else:
                return


class WorkspaceProbe:
    """Asks a neighbour of the workspace's process (`ports.neighbours.Probe`)."""

    def __init__(self, workspace: Workspace, neighbour: Neighbour) -> None:
        self._workspace = workspace
        self._neighbour = neighbour

    async def check(self) -> None:
        """See `ports.neighbours.Probe`; no answer in time is none."""
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._workspace.probe(self._neighbour)
        except TimeoutError as error:
            raise NeighbourUnavailableError(f"no answer within {_PATIENCE:g} s") from error
        except WorkspaceError as error:
            raise NeighbourUnavailableError(str(error)) from error


def varied(seconds: float, word: str) -> float:
    """Vary a pause by up to a quarter, so that workers do not come back all at once."""
    return seconds * (0.75 + 0.5 * zlib.crc32(word.encode()) / 0xFFFFFFFF)
