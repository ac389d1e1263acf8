"""`dead-letters` as a person or a script calls it, on a real server."""

import json
import uuid
from typing import Any

import pytest
from click.testing import CliRunner, Result

from adapters.redis.queue.work_publisher import RedisWorkPublisher
from adapters.redis.queue.work_queue import RedisWorkQueue
from domain.work.outcomes import FailedBeforeChange
from entrypoints.cli import main
from tests.contract_suites.samples import INSTRUMENT, a_visit
from tests.integration.redis.benches import redis_ledger

pytestmark = pytest.mark.slow


class _Box:
    """Two detectors of a visit that failed too often."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.group = f"g-{uuid.uuid4()}"
        self.stream = f"instrument:{uuid.uuid4()}"
        self._environment = {
            "RUBIN_INSTRUMENT": INSTRUMENT,
            "REDIS_STREAM_HOST": url.removeprefix("redis://").partition("/")[0],
            "REDIS_STREAM_NAME": self.stream,
            "REDIS_STREAM_CONSUMER_GROUP": "workers",
        }

    def queue(self) -> RedisWorkQueue:
        return RedisWorkQueue(self.url, stream=self.stream, group="workers", consumer="a")

    async def fail(self) -> None:
        async with (
            redis_ledger(self.url) as ledger,
            RedisWorkPublisher(self.url, streams={INSTRUMENT: self.stream}) as publisher,
            self.queue() as queue,
        ):
            await publisher.publish(a_visit(self.group), [4, 5])
            for _ in range(2):
                lease = await queue.lease(0.0)
                assert lease is not None
                assert lease.work is not None
                record = await ledger.begin(lease.work.identity, "a", lease)
                await ledger.record(record.attempt, FailedBeforeChange(reason="no APDB"), final=True)
                await queue.set_aside(lease, "no APDB")

    def run(self, *arguments: str, **settings: str) -> Result:
        return CliRunner().invoke(main, ["dead-letters", *arguments], env={**self._environment, **settings})

    def listed(self) -> list[dict[str, Any]]:
        done = self.run("list", "--json")
        assert done.exit_code == 0, done.stderr
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found


@pytest.fixture
async def box(redis_url: str) -> _Box:
    box = _Box(redis_url)
    await box.fail()
    return box


def test_they_are_listed_shown_replayed_and_discarded(box: _Box) -> None:
    first, second = box.listed()
    assert (first["group"], first["detector"], first["reason"]) == (box.group, 4, "no APDB")
    assert box.group in box.run("list", COLUMNS="200").stdout
    assert "no APDB" in box.run("list", COLUMNS="80").stdout
    shown = json.loads(box.run("show", first["id"]).stdout)
    assert json.loads(shown["body"])["groupId"] == box.group
    assert "would be replayed" in box.run("replay", "--all", "--dry-run").stdout
    assert len(box.listed()) == 2
    done = box.run("replay", "--detector", "4", "--group", box.group)
    assert (done.exit_code, "replayed as entry" in done.stdout) == (0, True)
    done = box.run("discard", second["id"], "--why", "a test")
    assert (done.exit_code, "discarded" in done.stdout) == (0, True)
    assert box.listed() == []


def test_exit_codes_tell_what_went_wrong(box: _Box) -> None:
    assert box.run("replay").exit_code == 2
    assert box.run("replay", "--all", "--detector", "4").exit_code == 2
    assert box.run("discard", "--all").exit_code == 2
    assert box.run("list", "--of", "writer").exit_code == 2
    assert box.run("replay", "--detector", "99").exit_code == 1
    away = box.run("list", REDIS_STREAM_HOST="127.0.0.1:1")
    assert (away.exit_code, "127.0.0.1:1" in away.stderr) == (1, True)
