"""SIGKILL at seeded points between what reached Redis and what Kafka knows of it."""

import functools
import random
import threading
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.integration.fan_out.box import DETECTORS, Box, FanOutProcess, until
from tests.integration.fan_out.slow_answers import SlowAnswers

pytestmark = pytest.mark.slow

_VISITS = 8
_STEP = 4
_KILLS = _VISITS // _STEP
_ANSWER = 0.1
"""Seconds from the moment when copies are in Redis until the fan-out, which may commit then, is told."""


class _Killer:
    """Waits until the copies of certain visits are in Redis, and kills who put them there a little later.

    The first time it is before the fan-out knows, the other times before or
    after that.
    """

    def __init__(self, seed: int, box: Box) -> None:
        plan = random.Random(seed)  # noqa: S311 - a plan, no secret
        # Somebody has to be heard of before each.
        self._visits = [plan.randrange(first + 1, first + _STEP) for first in range(0, _VISITS, _STEP)]
        self._delays = [0.0, *(plan.uniform(0.0, 1.5 * _ANSWER) for _ in range(_KILLS - 1))]
        self._box = box
        self._owner: FanOutProcess | None = None
        self.killed: list[FanOutProcess] = []

    def heard(self, process: FanOutProcess, record: Mapping[str, Any]) -> None:
        """Take who speaks of visits for who works on them."""
        if str(record.get("message")).startswith("group visit "):
            self._owner = process

    def run(self) -> None:
        """Kill at each point of the plan."""
        for visit, delay in zip(self._visits, self._delays, strict=True):
            until(functools.partial(self._is_published, visit), 40.0)
            time.sleep(delay)
            assert self._owner is not None
            self._owner.kill()
            self.killed.append(self._owner)

    def _is_published(self, visit: int) -> bool:
        return int(str(self._box.redis.xlen(self._box.stream))) > visit * len(DETECTORS)


@pytest.mark.parametrize("seed", [1, 2])
def test_no_copy_is_missing_and_none_is_double(
    redis_url: str, tmp_path: Path, unique: str, seed: int
) -> None:
    garbage = [f"garbage {number}" for number in range(0, _VISITS, 3)]
    port = urlsplit(redis_url).port
    assert port is not None
    with SlowAnswers(port) as way, Box(redis_url, tmp_path, unique) as box:
        killer = _Killer(seed, box)
        # One works, the others stand by.
        members = [box.start(killer.heard, REDIS_HOST=f"127.0.0.1:{way.port}") for _ in range(_KILLS + 1)]
        for member in members:
            member.wait_until_ready()
        way.delay = _ANSWER
        killing = threading.Thread(target=killer.run)
        killing.start()
        for number in range(_VISITS):
            box.announce(box.visit(f"visit {number}"), *(each.encode() for each in garbage[number::3]))
        killing.join()
        everything = Counter((f"visit {number}", each) for number in range(_VISITS) for each in DETECTORS)
        until(lambda: len(set(box.copies())) == len(everything), 40.0)
        until(lambda: len({letter["body"] for letter in box.dead()}) == len(garbage))
        assert len(set(killer.killed)) == _KILLS
        assert Counter(box.copies()) == everything
        # At least what the first one that was killed had published was read again.
        until(lambda: any(member.said(" is repeated: 0 copies") for member in members))
        (last,) = [member for member in members if member not in killer.killed]
        assert last.stop() == 0
