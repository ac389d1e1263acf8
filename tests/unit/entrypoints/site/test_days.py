"""The day's change goes by without a restart."""

import asyncio
import logging

import pytest

from domain.times import UtcSeconds
from entrypoints.site.days import DayNotPreparedError, prepare_days

_NOON = 1_773_403_200.0 - 37.0  # 2026-03-13T12:00 TAI: a day_obs begins.


class Clock:
    def __init__(self, begin: float) -> None:
        self._begin = begin

    def utc(self) -> UtcSeconds:
        return UtcSeconds(self._begin + asyncio.get_running_loop().time())


class Repository:
    """Notes when it is prepared; fails as often as it is told."""

    def __init__(self, clock: Clock, failures: int = 0) -> None:
        self.once = asyncio.Event()
        self.prepared: list[float] = []
        self._clock = clock
        self._failures = failures

    async def prepare(self) -> None:
        if self._failures:
            self._failures -= 1
            assert not self.once.is_set()
            raise DayNotPreparedError("the initializer ended with exit code 1")
        self.prepared.append(self._clock.utc() - _NOON)


async def run_for(seconds: float, clock: Clock, repository: Repository) -> None:
    running = asyncio.ensure_future(prepare_days(clock, repository.once, repository.prepare))
    await asyncio.sleep(seconds)
    running.cancel()
    await asyncio.wait([running])


@pytest.mark.looptime
async def test_each_day_is_prepared_soon_after_it_begins() -> None:
    clock = Clock(_NOON - 3600.0)
    repository = Repository(clock)
    await run_for(3600.0 + 2 * 86_400.0 + 300.0, clock, repository)
    assert len(repository.prepared) == 4
    assert all(0.0 <= begun % 86_400.0 <= 120.0 for begun in repository.prepared[1:])


@pytest.mark.looptime
async def test_what_fails_is_tried_again_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock(_NOON + 10.0)
    repository = Repository(clock, failures=3)
    with caplog.at_level(logging.ERROR):
        await run_for(600.0, clock, repository)
    assert len(repository.prepared) == 1
    assert repository.once.is_set()
    assert [record.levelname for record in caplog.records] == ["ERROR"]
