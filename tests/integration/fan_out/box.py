"""The fan-out as a process, and what it talks to."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

import redis
import yaml

from benchmarks.services.announcements import encode_cancellation, encode_next_visit
from domain.times import UtcSeconds, tai_from_utc
from domain.visit import Cancellation, Visit
from tests.contract_files import contract_json
from tests.contract_suites.samples import INSTRUMENT, a_visit
from tests.integration.kafka.mock_cluster import MockCluster
from tests.integration.kafka.registry import Registry

__all__ = ["DETECTORS", "STREAM", "Box", "FanOutProcess", "until"]

DETECTORS = range(8)
STREAM = "instrument:lowell"
VISITS, CANCELLATIONS = "next-visit", "next-visit-canceled"
_VISIT_SCHEMA: dict[str, Any] = contract_json("next_visit.avsc")
_CANCELLATION_SCHEMA: dict[str, Any] = json.loads(
    (files("adapters.kafka") / "schemas" / "next_visit_canceled.avsc").read_text()
)


def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for something to be so."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to that in time"
        time.sleep(0.01)


class FanOutProcess:
    """``prompt-processing fan-out``; `heard` is told of each record that it logs."""

    def __init__(
        self, environment: Mapping[str, str], heard: Callable[["FanOutProcess", Mapping[str, Any]], None]
    ) -> None:
        self.records: list[Mapping[str, Any]] = []
        self._heard = heard
        self._process = subprocess.Popen(
            [sys.executable, "-m", "entrypoints", "fan-out"],
            env={**os.environ, **environment},
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def said(self, word: str) -> bool:
        """Say whether it logged something with this word."""
        return any(word in str(record.get("message")) for record in list(self.records))

    def wait_until_ready(self) -> None:
        """Wait for its word."""
        until(lambda: any(record.get("ready") for record in list(self.records)), 60.0)

    def kill(self) -> None:
        """End it without warning; harmless if it has ended."""
        self._process.kill()

    def stop(self) -> int:
        """Ask it to end; returns the exit code."""
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(20)
        self._reader.join()
        return code

    def close(self) -> None:
        """See to it that nothing is left of it."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
        if self._process.stderr is not None:
            self._process.stderr.close()

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            record = json.loads(line) if line.startswith("{") else {"message": line}
            self.records.append(record)
            self._heard(self, record)


class Box:
    """Kafka, its schema registry, and a Redis that others use too."""

    def __init__(self, redis_url: str, folder: Path, unique: str) -> None:
        self.kafka = MockCluster()
        self.kafka.form_groups_after(0.1)
        self.redis = redis.Redis.from_url(redis_url, decode_responses=True, encoding_errors="replace")
        self.registry = Registry({1: _VISIT_SCHEMA, 2: _CANCELLATION_SCHEMA})
        self.processes: list[FanOutProcess] = []
        self.stream = f"{STREAM}:{unique}"
        self.group = f"fan-out-{unique}"
        self._folder = folder
        for topic in (VISITS, CANCELLATIONS):
            self.kafka.create(topic, 1)
        self._config = folder / "instruments.yaml"
        self._config.write_text(
            yaml.safe_dump(
                {
                    "redis-streams": {INSTRUMENT: self.stream},
                    "detectors": {INSTRUMENT: dict.fromkeys(DETECTORS, True)},
                }
            )
        )
        self._address = redis_url.removeprefix("redis://").partition("/")[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            process.close()
        self.registry.shut()
        self.redis.close()
        self.kafka.stop()

    @property
    def environment(self) -> Mapping[str, str]:
        """Settings of the fan-out."""
        return {
            "KAFKA_CLUSTER": self.kafka.address,
            "KAFKA_FETCH_WAIT": "0.005",
            "KAFKA_SESSION_TIMEOUT": "1",
            "KAFKA_SCHEMA_REGISTRY_URL": self.registry.url,
            "SCHEMA_CACHE": str(self._folder / "schemas"),
            "CONSUMER_GROUP": self.group,
            "NEXT_VISIT_TOPIC": VISITS,
            "NEXT_VISIT_CANCELED_TOPIC": CANCELLATIONS,
            "OFFSET": "earliest",
            "MESSAGE_EXPIRATION": "3600",
            "SUPPORTED_INSTRUMENTS": INSTRUMENT,
            "REDIS_HOST": self._address,
            "REDIS_STREAM_CONSUMER_GROUP": "workers",
            "LEASE_SECONDS": "1",
            "LEDGER_URL": "",
            "INSTRUMENT_CONFIG_FILE": str(self._config),
            "METRICS_PORT": "0",
        }

    def start(
        self,
        heard: Callable[[FanOutProcess, Mapping[str, Any]], None] = lambda *_: None,
        **settings: str,
    ) -> FanOutProcess:
        """Start one more member of the group."""
        process = FanOutProcess({**self.environment, **settings}, heard)
        self.processes.append(process)
        return process

    def visit(self, group: str, ago: float = 0.0) -> Visit:
        """Make a visit that was announced some seconds ago."""
        return a_visit(group, sent=tai_from_utc(UtcSeconds(time.time() - ago)))

    def announce(self, *contents: Visit | Cancellation | bytes) -> None:
        """Put announcements into their topics, in order."""
        for content in contents:
            match content:
                case Visit():
                    self.kafka.send(VISITS, encode_next_visit(content, _VISIT_SCHEMA, 1))
                case Cancellation():
                    self.kafka.send(CANCELLATIONS, encode_cancellation(content, _CANCELLATION_SCHEMA, 2))
                case bytes():
                    self.kafka.send(VISITS, content)

    def bury(self, content: Visit | bytes) -> None:
        """Dead-letter an announcement, as the fan-out does."""
        body = content if isinstance(content, bytes) else encode_next_visit(content, _VISIT_SCHEMA, 1)
        fields: dict[Any, Any] = {
            "position": f"{VISITS}[0]@7",
            "reason": "test",
            "bytes": len(body),
            "body": body,
        }
        self.redis.xadd(f"fan-out:{self.group}:dead", fields)

    def copies(self) -> Sequence[tuple[str, int]]:
        """List group and detector of all that is in the stream."""
        entries: Any = self.redis.xrange(self.stream)
        return [(fields["groupId"], int(fields["detector"])) for _, fields in entries]

    def dead(self) -> Sequence[Mapping[str, str]]:
        """List what was dead-lettered."""
        entries: Any = self.redis.xrange(f"fan-out:{self.group}:dead")
        return [fields for _, fields in entries]
