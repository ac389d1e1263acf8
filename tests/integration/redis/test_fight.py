"""Processes that fight for the same deliveries, paused, woken and killed at any moment."""

import asyncio
import collections
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import redis

from adapters.redis.queue.queue_upkeep import RedisQueueUpkeep
from adapters.redis.queue.work_publisher import RedisWorkPublisher
from domain.visit import Identity
from domain.work.outcomes import Completed, FailedAfterChange
from simulator.servers.process import start_process, stop_process
from tests.contract_suites.samples import INSTRUMENT, a_visit
from tests.integration.redis import fighter
from tests.integration.redis.benches import GROUP, a_stream, redis_ledger

pytestmark = pytest.mark.slow

_GROUPS, _DETECTORS = [f"g{number}" for number in range(16)], range(8)
_LEASE = 0.5
_FIGHTERS = 3


class _Ring:
    """The processes, and what is done to them."""

    def __init__(self, *words: str, seed: int) -> None:
        self._words = words
        self._random = random.Random(seed)  # noqa: S311 - a plan that can be repeated, no secret
        self._fighters: dict[str, subprocess.Popen[str]] = {}
        self._started = 0
        self.kills = 0
        self.pauses = 0

    def fill(self) -> None:
        self._fighters = {name: one for name, one in self._fighters.items() if one.poll() is None}
        while len(self._fighters) < _FIGHTERS:
            self._started += 1
            name = f"fighter-{self._started}"
            url, stream, file = self._words
            words = [sys.executable, "-m", fighter.__name__, url, stream, name, str(_LEASE), file, "60"]
            self._fighters[name] = start_process(words)

    async def hurt_one(self, holders: set[str]) -> None:
        """Kill or pause a fighter, one that holds a lease if there is one."""
        names = sorted(holders & set(self._fighters)) or sorted(self._fighters)
        victim = self._fighters[self._random.choice(names)]
        await asyncio.sleep(self._random.uniform(0.0, 0.05))
        if self._random.random() < 0.25:
            victim.kill()
            stop_process(victim)
            self.kills += 1
            return
        victim.send_signal(signal.SIGSTOP)
        self.pauses += 1
        # Longer than a lease for half of them.
        await asyncio.sleep(self._random.uniform(0.0, 2 * _LEASE))
        victim.send_signal(signal.SIGCONT)

    def clear(self) -> None:
        for one in self._fighters.values():
            one.kill()
            stop_process(one)


def _workers(client: redis.Redis, stream: str) -> list[str]:
    """List the consumers but the one that marks the group."""
    consumers: Any = client.xinfo_consumers(stream, GROUP)
    names = [
        name if isinstance(name, str) else name.decode() for name in (each["name"] for each in consumers)
    ]
    return [name for name in names if name != ".incarnation"]


def _holders(url: str, stream: str) -> set[str]:
    with redis.Redis.from_url(url, decode_responses=True) as client:
        try:
            consumers: Any = client.xinfo_consumers(stream, GROUP)
        except redis.ResponseError:
            return set()
    return {consumer["name"] for consumer in consumers if consumer["pending"]}


@pytest.mark.parametrize("seed", [1, 2])
async def test_each_piece_of_work_ends_once(redis_url: str, tmp_path: Path, seed: int) -> None:
    stream, changes = a_stream(), tmp_path / "changes"
    changes.touch()
    with redis.Redis.from_url(redis_url) as client:
        client.flushdb()
    async with (
        RedisWorkPublisher(redis_url, streams={INSTRUMENT: stream}) as publisher,
        RedisQueueUpkeep(
            redis_url, stream=stream, group=GROUP, lease_seconds=_LEASE, gone_seconds=0.0
        ) as upkeep,
        redis_ledger(redis_url) as ledger,
    ):
        ring = _Ring(redis_url, stream, str(changes), seed=seed)
        try:
            for group in _GROUPS:
                ring.fill()
                await publisher.publish(a_visit(group), _DETECTORS)
                while not (holders := _holders(redis_url, stream)):
                    await asyncio.sleep(0.01)
                    ring.fill()
                await ring.hurt_one(holders)
                await upkeep.put_back_expired()
        finally:
            ring.clear()
        await fighter.fight([redis_url, stream, "last", str(_LEASE), str(changes), str(4 * _LEASE)])

        everything = {Identity(INSTRUMENT, group, detector) for group in _GROUPS for detector in _DETECTORS}
        lines = [tuple(line.split()) for line in changes.read_text().splitlines()]
        changed = collections.Counter((group, int(detector)) for group, detector, _ in lines)
        assert not {work: count for work, count in changed.items() if count > 1}
        latest = await ledger.latest(INSTRUMENT)
        assert all(record.final for record in latest)
        finals = {record.attempt.identity: record for record in latest}
        assert set(finals) == everything
        outcomes = collections.Counter(type(record.outcome) for record in finals.values())
        assert outcomes[Completed] + outcomes[FailedAfterChange] == len(everything)
        # Only who was hurt between claim and record can have failed after it.
        assert outcomes[FailedAfterChange] <= ring.kills + ring.pauses + _FIGHTERS
        for identity, record in finals.items():
            if isinstance(record.outcome, Completed):
                assert (identity.group, identity.detector) in changed
        depth = await upkeep.depth()
        assert (depth.waiting, depth.leased, depth.dead) == (0, 0, 0)
        await upkeep.trim()
        with redis.Redis.from_url(redis_url) as client:
            assert _workers(client, stream) == []
            assert client.xlen(stream) == 0
        assert ring.kills
        assert ring.pauses
