"""Play one seed: start the crew, break what the plan breaks, mend it all, and wait for the end."""

import asyncio
import time
from collections.abc import Collection, Iterable, Mapping, Sequence

from attrs import field, frozen

from adapters.redis.queue.queue_upkeep import RedisQueueUpkeep
from domain.visit import Identity
from domain.work.attempts import AttemptRecord
from domain.work.history import WorkHistory
from domain.work.outcomes import Completed
from entrypoints.containers.parts.serving import make_history_store
from entrypoints.settings.common import RedisSettings
from ports.neighbours import NeighbourUnavailableError
from ports.work_queue import QueueDepth
from tests.chaos.consumers import ConsumersSeen, Place, watch
from tests.chaos.excuses import Evidence, Occurrence, WorkerNames
from tests.chaos.places import alerted, outputs, stored
from tests.chaos.plan import Plan
from tests.chaos.player import Player
from tests.chaos.servers import Servers

__all__ = ["Played", "play"]

_PATIENT = RedisSettings(password=None, tls=False, ca_file=None, timeout=30.0)
_PATIENCE = 130.0
"""Seconds without a new attempt or outcome after which what has not ended is lost; a claim lasts 100."""


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
    evidence: Mapping[Identity, Evidence]
    """Of the last attempt on each."""
    occurrences: Sequence[Occurrence]
    consumers: ConsumersSeen
    forced: Sequence[str]
    """Processes that did not end when they were told to."""
    places: Mapping[str, Place]
    """In the crew, by name."""
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
    forced: list[str] = []
    try:
        player.start()
        player.play()
        _await_outputs(servers, asyncio.run(_see_through(servers, list(identities.values()))))
        forced += player.crew.stop_workers()
        _await_alerts(servers)
        gone_after = float(servers.settings["fan-out"]["CONSUMER_GONE_SECONDS"])
        consumers = watch(servers.redis.port, servers.stream, gone_after)
    finally:
        forced += player.crew.stop()
        player.close()
    within = _killed_within(servers, {identity.group for identity in identities.values()})
    # What was recorded while they ended counts as well.
    histories = asyncio.run(_histories(servers, list(identities.values())))
    return Played(
        plan=plan,
        identities=identities,
        histories={identity: history.records for identity, history in histories.items()},
        told=player.told,
        done={**player.done, "kill inside the pipeline": len(within)},
        evidence={
            identity: _evidence(player, history, _claim_seconds(servers, plan))
            for identity, history in histories.items()
        },
        occurrences=[*player.occurrences, *within],
        consumers=consumers,
        skewed=_names(player, [number for number, offset in enumerate(plan.offsets) if offset]),
        forced=forced,
        places={
            name: Place(pids=member.pids, codes=member.codes) for name, member in player.crew.members.items()
        },
        seconds=time.monotonic() - begin,
        skipped=sorted(player.skipped),
    )


def _claim_seconds(servers: Servers, plan: Plan) -> float:
    return float({**servers.settings["worker"], **plan.worker_settings}["CLAIM_SECONDS"])


def _evidence(player: Player, history: WorkHistory, claim_seconds: float) -> Evidence:
    last, claim = history.last, history.claim
    if last is None:
        return Evidence(claimed=None, handed_over=None)
    is_its_claim = claim is not None and claim.number == last.attempt.number
    until = claim.until if claim is not None and is_its_claim else None
    return Evidence(
        claimed=None if until is None else until - claim_seconds,
        handed_over=player.cleaned.get((history.identity, last.attempt.number)),
    )


async def _see_through(servers: Servers, identities: Sequence[Identity]) -> Mapping[Identity, WorkHistory]:
    """Wait until everything has a final outcome and the queue is empty, or nothing has happened for long.

    Work that was announced again, or put back under a worker, may be in the queue after its outcome.
    """
    before: tuple[object, object] = (None, None)
    end = 0.0
    while True:
        try:
            histories, depth = await _histories(servers, identities), await _depth(servers)
        except NeighbourUnavailableError:
            # On a busy machine it may take longer than its clients wait.
            await asyncio.sleep(1.0)
            continue
        if (histories, depth) != before:
            before, end = (histories, depth), time.monotonic() + _PATIENCE
        lasts = [history.last for history in histories.values()]
        are_final = all(last is not None and last.final for last in lasts)
        if (are_final and not depth.unfinished) or time.monotonic() > end:
            return histories
        await asyncio.sleep(1.0)


async def _depth(servers: Servers) -> QueueDepth:
    async with RedisQueueUpkeep(servers.redis.url, stream=servers.stream, group="workers") as upkeep:
        return await upkeep.depth()


async def _histories(servers: Servers, identities: Sequence[Identity]) -> Mapping[Identity, WorkHistory]:
    async with make_history_store(servers.ledger, _PATIENT) as store:
        return {identity: await store.history(identity) for identity in identities}


def _await_outputs(servers: Servers, histories: Mapping[Identity, WorkHistory]) -> None:
    """Wait until the writer has written what was completed, or the patience is over."""
    wanted = {
        (snap.exposure, identity.detector)
        for identity, history in histories.items()
        if history.last is not None and isinstance(history.last.outcome, Completed)
        for snap in history.last.outcome.snaps
        if snap.result == "completed"
    }
    end = time.monotonic() + 30.0
    while time.monotonic() < end:
        if wanted <= outputs(servers).keys():
            return
        time.sleep(1.0)


def _await_alerts(servers: Servers) -> None:
    """Wait until the alerts of all that is stored were sent, or the patience is over."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        if stored(servers.folder).keys() <= alerted(servers.kafka_address).keys():
            return
        time.sleep(2.0)


def _killed_within(servers: Servers, groups: Collection[str]) -> list[Occurrence]:
    """Find processes of these visits that ended themselves, or their parents too, at a point."""
    found = []
    for mark in servers.folder.glob("killed *"):
        _, group, detector, point = mark.name.split(" ")
        target, worker, begin = mark.read_text().split()
        if group in groups:
            detail = f"of process {worker} at {point} of {group} {detector}"
            found.append(
                Occurrence(kind=f"kill {target}", detail=detail, begin=float(begin), worker=int(worker))
            )
    return found
