"""`status` and `reconcile` as a person or a script calls them, on real servers."""

import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest
import redis
import yaml
from click.testing import CliRunner, Result
from moto.server import ThreadedMotoServer
from types_boto3_s3 import S3Client

from adapters.redis.queue.work_publisher import RedisWorkPublisher
from adapters.redis.queue.work_queue import RedisWorkQueue
from adapters.s3.client import S3Connection, connect
from domain.times import UtcSeconds, begin_of_day_obs, day_obs_of, tai_from_utc
from domain.visit import Visit
from domain.work.outcomes import Completed, NoImages, SnapResult, SnapStatus
from entrypoints.cli import main
from tests.contract_suites.samples import a_visit
from tests.integration.redis.benches import redis_ledger

pytestmark = pytest.mark.slow

INSTRUMENT = "LATISS"
UNREACHABLE = "127.0.0.1:1"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


class _Box:
    """A night of four visits to one detector: completed, missed, under way, and never announced."""

    def __init__(self, redis_url: str, endpoint: str, folder: Path) -> None:
        unique = uuid.uuid4().hex[:12]
        self.url = redis_url
        self.stream = f"instrument:latiss:{unique}"
        self.night = day_obs_of(UtcSeconds(time.time()))
        self._bucket = f"images-{unique}"
        self._unique = unique
        config = folder / "instruments.yaml"
        config.write_text(
            yaml.safe_dump({"redis-streams": {INSTRUMENT: self.stream}, "detectors": {INSTRUMENT: {0: True}}})
        )
        self.environment = {
            "COLUMNS": "200",
            "RUBIN_INSTRUMENT": INSTRUMENT,
            "REDIS_STREAM_HOST": redis_url.removeprefix("redis://").partition("/")[0],
            "REDIS_STREAM_NAME": self.stream,
            "REDIS_STREAM_CONSUMER_GROUP": "workers",
            "INSTRUMENT_CONFIG_FILE": str(config),
            "S3_ENDPOINT_URL": endpoint,
            "IMAGE_BUCKET": self._bucket,
            "AWS_ACCESS_KEY_ID": "simulator",
            "AWS_SECRET_ACCESS_KEY": "simulator",
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def visit(self, name: str) -> Visit:
        sent = UtcSeconds(max(time.time() - 300, begin_of_day_obs(self.night)))
        return a_visit(f"{name} {self._unique} [x]", instrument=INSTRUMENT, sent=tai_from_utc(sent))

    def expose(self, s3: S3Client, number: int, visit: Visit) -> int:
        """Land a raw and its sidecar; returns the exposure id."""
        day = f"{self.night:%Y%m%d}"
        stem = f"{INSTRUMENT}/{day}/AT_O_{day}_{number:06d}/AT_O_{day}_{number:06d}_R00_S00"
        cards = json.dumps({"GROUPID": visit.group, "CURINDEX": 1}).encode()
        s3.put_object(Bucket=self._bucket, Key=f"{stem}.json", Body=cards)
        s3.put_object(Bucket=self._bucket, Key=f"{stem}.fits", Body=b"SIMPLE  = T")
        return int(day) * 100_000 + number

    async def play(self, endpoint: str) -> Self:
        s3 = connect(S3Connection(endpoint_url=endpoint.replace("://", "://simulator:simulator@")))
        s3.create_bucket(Bucket=self._bucket)
        async with (
            redis_ledger(self.url) as ledger,
            RedisWorkPublisher(self.url, streams={INSTRUMENT: self.stream}) as publisher,
            RedisWorkQueue(self.url, stream=self.stream, group="workers", consumer="w 1") as queue,
        ):
            for number, name in enumerate(("completed", "missed", "under way"), start=1):
                await publisher.publish(self.visit(name), [0])
                exposure = self.expose(s3, number, self.visit(name))
                lease = await queue.lease(0.0)
                assert lease is not None
                assert lease.work is not None
                record = await ledger.begin(lease.work.identity, "w 1", lease)
                if name == "under way":
                    continue
                snaps = (SnapResult(exposure=exposure, result=SnapStatus.COMPLETED),)
                outcome = Completed(pipeline="ApPipe", snaps=snaps)
                ended = outcome if name == "completed" else NoImages(waited=90.0)
                await ledger.record(record.attempt, ended, final=True)
                await queue.acknowledge(lease)
            self.expose(s3, 4, self.visit("unheard of"))
        s3.close()
        return self

    def run(self, *arguments: str, **settings: str) -> Result:
        return CliRunner().invoke(main, arguments, env={**self.environment, **settings})

    def json(self, *arguments: str) -> Any:
        done = self.run(*arguments, "--json")
        assert done.exit_code == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
async def box(redis_url: str, endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> _Box:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    return await _Box(redis_url, endpoint, tmp_path).play(endpoint)


def _of(box: _Box, name: str, found: Any) -> list[Any]:
    return [each for each in found if each["group"] == box.visit(name).group]


def test_the_night_at_a_glance(box: _Box) -> None:
    status = box.json("status")
    assert (status["instrument"], status["night"]) == (INSTRUMENT, box.night.isoformat())
    assert status["queue"] == {"waiting": 0, "leased": 1, "delayed": 0, "dead": 0}
    (running,) = _of(box, "under way", status["running"])
    assert (running["detector"], running["attempt"], running["worker"]) == (0, 1, "w 1")
    (missed,) = _of(box, "missed", status["not_completed"])
    assert (missed["outcome"], missed["reason"]) == ("no images", "no images (waited 90 s)")
    assert not _of(box, "completed", status["not_completed"])
    told = box.run("status")
    assert told.exit_code == 0
    (line,) = [line for line in told.stdout.splitlines() if box.visit("missed").group in line]
    assert "no images (waited 90 s)" in line
    explained = box.json("explain", box.visit("missed").group, "0")
    assert explained["verdict"] == "no images (waited 90 s)"
    assert "reconcile" in explained["to_do"]
    assert "standard error" in explained["logs"]


def test_what_was_missed_is_listed_and_put_back_once(box: _Box) -> None:
    found = box.json("reconcile")
    assert found["images"] == 4
    (missed,) = _of(box, "missed", found["unprocessed"])
    # It landed after the end that was recorded, by a hair.
    assert missed["images"][0]["why"] in {"no images", "late"}
    assert (missed["hindrance"], missed["requeued"]) == ("", False)
    (unheard,) = _of(box, "unheard of", found["unprocessed"])
    assert (unheard["images"][0]["why"], unheard["hindrance"]) == (
        "never announced",
        "the announcement is not known",
    )
    assert len(found["unprocessed"]) == 2

    told = box.run("reconcile", "--requeue", "--night", box.night.isoformat(), "--instrument", INSTRUMENT)
    assert told.exit_code == 0, told.stderr
    lines = {
        name: line
        for line in told.stdout.splitlines()
        for name in ("missed", "unheard of")
        if box.visit(name).group in line
    }
    assert lines["missed"].rstrip().endswith("yes")
    assert lines["unheard of"].rstrip().endswith("no: the announcement is not known")
    assert box.json("status")["queue"] == {"waiting": 1, "leased": 1, "delayed": 0, "dead": 0}

    again = box.json("reconcile", "--requeue")
    assert not _of(box, "missed", again["unprocessed"])
    assert box.json("status")["queue"]["waiting"] == 1


@pytest.mark.parametrize("text", ["[]", '{"v":2,"tries":[]}'])
def test_a_record_that_is_not_ours_hides_no_other(
    box: _Box, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    group = box.visit("completed").group
    with redis.Redis.from_url(box.url) as client:
        client.hset(f"ledger:visit:{INSTRUMENT}:{group}", "0", text)
    status = box.json("status")
    assert _of(box, "under way", status["running"])
    assert _of(box, "missed", status["not_completed"])
    found = box.json("reconcile", "--requeue")
    assert _of(box, "missed", found["unprocessed"])[0]["requeued"]
    # Each process says it once, and puts nothing back.
    lines = [line for line in caplog.messages if group in line]
    assert len(lines) == 2
    damaged = [each["hindrance"] for each in _of(box, "completed", found["unprocessed"])]
    assert [group in hindrance for hindrance in damaged] == ([True] if text == "[]" else [])


def test_another_night_is_empty(box: _Box) -> None:
    assert box.json("reconcile", "--night", "2026-01-01") == {
        "instrument": INSTRUMENT,
        "night": "2026-01-01",
        "images": 0,
        "nameless": [],
        "unprocessed": [],
    }


@pytest.mark.parametrize(
    ("command", "variable", "value"),
    [
        ("status", "REDIS_STREAM_HOST", UNREACHABLE),
        ("status", "LEDGER_URL", f"redis://{UNREACHABLE}/0"),
        ("reconcile", "REDIS_STREAM_HOST", UNREACHABLE),
        ("reconcile", "S3_ENDPOINT_URL", f"http://{UNREACHABLE}"),
    ],
)
def test_a_neighbour_out_of_reach_is_named(box: _Box, command: str, variable: str, value: str) -> None:
    done = box.run(command, **{variable: value})
    assert done.exit_code == 1
    assert UNREACHABLE in done.stderr
    assert isinstance(done.exception, SystemExit)
    assert not done.stdout


@pytest.mark.parametrize(
    ("arguments", "settings", "word"),
    [
        (["reconcile"], {"RUBIN_INSTRUMENT": ""}, "--instrument"),
        (["reconcile", "--instrument", "HSC"], {}, "no stream is configured for instrument 'HSC'"),
        (["reconcile", "--night", "yesterday"], {}, "yesterday"),
        (["status"], {"REDIS_STREAM_NAME": ""}, "REDIS_STREAM_NAME"),
    ],
)
def test_what_it_is_told_wrongly_is_refused(
    box: _Box, arguments: list[str], settings: dict[str, str], word: str
) -> None:
    done = box.run(*arguments, **settings)
    assert done.exit_code == 2
    assert word in done.stderr
