"""Play one seed: start the crew, break what the plan breaks, mend it all, and wait for the end."""

import asyncio
import socket
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import field, frozen
from lsst.daf.butler import Butler

from adapters.redis.ledger.history_store import RedisHistoryStore
from adapters.redis.queue.queue_upkeep import RedisQueueUpkeep
from application.ledger import StoredLedger
from domain.visit import Identity
from domain.work.attempts import AttemptRecord
from domain.work.outcomes import Completed
from ports.work_queue import QueueDepth
from tests.chaos.plan import Plan
from tests.chaos.player import Player
from tests.chaos.servers import Servers

__all__ = ["Played", "WorkerNames", "outputs", "play"]

_PATIENCE = 130.0
"""Seconds without a new attempt or outcome after which what has not ended is lost; a claim lasts 100."""


@frozen
class WorkerNames:
    """Names in the ledger of processes of this host; the random part of a name is not known outside."""

    pids: frozenset[int]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.rpartition("-")[0] in {
            f"{socket.gethostname()}-{pid}" for pid in self.pids
        }


@frozen(kw_only=True)
class Played:
    """What was seen of a seed."""

    plan: Plan
    identities: Mapping[tuple[int, int], Identity]
    """By visit and detector."""
    histories: Mapping[Identity, Sequence[AttemptRecord]]
    told: Sequence[str]
    """What was broken, in the order of time."""
    done: Mapping[str, int]
    """How often each kind of thing was broken."""
    skewed: WorkerNames
    """Names of workers whose clock was off."""
    cramped: WorkerNames
    """Names of workers whose disk was full for a while."""
    struck: frozenset[Identity]
    """Those whose worker or child was killed at work on them."""
    forced: Sequence[str]
    """Processes that did not end when they were told to."""
    codes: Mapping[str, Sequence[int]]
    """How processes ended, by name."""
    seconds: float
    skipped: Sequence[str] = field(factory=tuple)


def _names(player: Player, workers: Iterable[int]) -> WorkerNames:
    """Name workers as the ledger does, those included that took the place of killed ones."""
    return WorkerNames(
        frozenset(pid for number in workers for pid in player.crew.members[f"worker {number}"].pids)
    )


def play(servers: Servers, plan: Plan) -> Played:
    """Play a seed to its end; the servers stay as they were."""
    begin = time.monotonic()
    player = Player(servers, plan)
    identities = player.identities()
    try:
        player.start()
        player.play()
        histories = asyncio.run(_see_through(servers, list(identities.values())))
        _await_outputs(servers, histories)
    finally:
        forced = player.crew.stop()
        player.close()
    ended = _ended_themselves(servers) & set(identities.values())
    # What was recorded while they ended counts as well.
    histories = asyncio.run(_histories(servers, list(identities.values())))
    return Played(
        plan=plan,
        identities=identities,
        histories=histories,
        told=player.told,
        done={**player.done, "kill inside the pipeline": len(ended)},
        struck=frozenset(player.struck | ended),
        cramped=_names(player, [plan.small_disk] if player.done.get("full disk") else []),
        skewed=_names(player, [number for number, offset in enumerate(plan.offsets) if offset]),
        forced=forced,
        codes={name: member.codes for name, member in player.crew.members.items()},
        seconds=time.monotonic() - begin,
        skipped=sorted(player.skipped),
    )


async def _see_through(
    servers: Servers, identities: Sequence[Identity]
) -> Mapping[Identity, Sequence[AttemptRecord]]:
    """Wait until everything has a final outcome and the queue is empty, or nothing has happened for long.

    Work that was announced again, or put back under a worker, may be in the queue after its outcome.
    """
    before: tuple[object, object] = (None, None)
    end = 0.0
    while True:
        histories, depth = await _histories(servers, identities), await _depth(servers)
        if (histories, depth) != before:
            before, end = (histories, depth), time.monotonic() + _PATIENCE
        are_final = all(records and records[-1].final for records in histories.values())
        if (are_final and not depth.unfinished) or time.monotonic() > end:
            return histories
        await asyncio.sleep(1.0)


async def _depth(servers: Servers) -> QueueDepth:
    stream = f"instrument:{servers.camera.instrument.lower()}"
    async with RedisQueueUpkeep(servers.redis.url, stream=stream, group="workers") as upkeep:
        return await upkeep.depth()


async def _histories(
    servers: Servers, identities: Sequence[Identity]
) -> Mapping[Identity, Sequence[AttemptRecord]]:
    async with RedisHistoryStore(servers.redis.url) as store:
        ledger = StoredLedger(store)
        return {identity: await ledger.history(identity) for identity in identities}


def _await_outputs(servers: Servers, histories: Mapping[Identity, Sequence[AttemptRecord]]) -> None:
    """Wait until the writer has written what was completed, or the patience is over."""
    wanted = {
        (snap.exposure, identity.detector)
        for identity, records in histories.items()
        for record in records[-1:]
        if isinstance(record.outcome, Completed)
        for snap in record.outcome.snaps
        if snap.result == "completed"
    }
    end = time.monotonic() + 30.0
    while time.monotonic() < end:
        if wanted <= outputs(servers).keys():
            return
        time.sleep(1.0)


def outputs(servers: Servers) -> dict[tuple[int, int], list[Any]]:
    """List what the pipeline put into the central repository, by exposure and detector."""
    found: dict[tuple[int, int], list[Any]] = {}
    with Butler.from_config(str(servers.addresses.repository), writeable=False) as butler:
        refs = butler.query_datasets("chaos_change", "*", find_first=False, explain=False, limit=None)
        for ref in refs:
            key = (int(ref.dataId["exposure"]), int(ref.dataId["detector"]))
            found.setdefault(key, []).append(ref)
    return found


def _ended_themselves(servers: Servers) -> set[Identity]:
    """Find those whose process ended itself at a point."""
    found = set()
    for mark in servers.folder.glob("killed *"):
        _, group, detector, _ = mark.name.split(" ")
        found.add(Identity(servers.camera.instrument, group, int(detector)))
    return found
