"""One fan-out process from its start to SIGTERM."""

import time
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from domain.visit import Cancellation
from tests.contract_suites.samples import INSTRUMENT
from tests.integration.fan_out.box import DETECTORS, Box, until

pytestmark = pytest.mark.slow


def _consumers(box: Box) -> list[str]:
    consumers: Any = box.redis.xinfo_consumers(box.stream, "workers")
    return [consumer["name"] for consumer in consumers]


def test_it_does_all_that_a_night_asks_of_it(redis_url: str, tmp_path: Path, unique: str) -> None:
    with Box(redis_url, tmp_path, unique) as box:
        process = box.start(CONSUMER_GONE_SECONDS="2")
        process.wait_until_ready()

        box.announce(box.visit("a"), b"garbage", b"\0\0\0\0\1cut off", b"", box.visit("old", ago=4000.0))
        box.announce(Cancellation(sal_index=2, script_sal_index=17, group="a"))
        until(lambda: box.redis.exists(f"{box.stream}:cancelled:2:a") == 1)
        until(lambda: process.said("group old was announced"))
        assert Counter(box.copies()) == Counter(("a", detector) for detector in DETECTORS)
        assert [letter["body"] for letter in box.dead()] == ["garbage", "\0\0\0\0\1cut off", ""]
        assert all(letter["reason"].startswith("unreadable: ") for letter in box.dead())
        expired: Any = box.redis.hgetall(f"ledger:visit:{INSTRUMENT}:old")
        assert sorted(expired) == sorted(map(str, DETECTORS))
        notes: Any = box.redis.xrange(f"{box.stream}:control")
        assert [fields["kind"] for _, fields in notes] == ["cancelled"]
        # It lives as long as a visit may be worked on.
        assert 3590 < int(str(box.redis.ttl(f"{box.stream}:cancelled:2:a"))) <= 3600

        # A worker dies with a lease in its hands.
        box.redis.xgroup_create(box.stream, "workers", "0")
        box.redis.xreadgroup("workers", "mortal", {box.stream: ">"}, count=3)
        until(lambda: box.redis.xpending(box.stream, "workers")["pending"] == 0, 15.0)
        (group,) = box.redis.xinfo_groups(box.stream)
        assert group["lag"] == len(DETECTORS)
        assert len(box.copies()) == len(DETECTORS) + 3
        # One that begins with a dot marks the group.
        until(lambda: all(name.startswith(".") for name in _consumers(box)), 15.0)

        port = next(record["metrics_port"] for record in process.records if "metrics_port" in record)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            metrics = answer.read().decode()
        assert 'prompt_processing_announcements_dropped_total{reason="unreadable"} 3.0' in metrics
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz") as answer:
            assert answer.status == 200

        assert not process.said("not durable")
        begun = time.monotonic()
        assert process.stop() == 0
        assert time.monotonic() - begun < 10.0


def test_a_ledger_that_may_forget_is_said(fake_redis_url: str, tmp_path: Path, unique: str) -> None:
    with Box(fake_redis_url, tmp_path, unique) as box:
        process = box.start()
        process.wait_until_ready()
        assert process.said("the ledger may not be durable")
        assert process.stop() == 0
