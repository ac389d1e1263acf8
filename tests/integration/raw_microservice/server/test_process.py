"""The raw microservice's process, from its settings to its exit, between servers of a simulated night."""

import contextlib
import functools
import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import quote

import boto3
import pytest
import redis as redis_client
from attrs import frozen

from domain.times import UtcSeconds, day_obs_of
from simulator.servers.kafka import EmbeddedKafka
from simulator.servers.object_store import ObjectStore
from simulator.servers.redis_server import redis_server

pytestmark = pytest.mark.slow

_TOPIC = "rubin-prompt-processing"
_PATIENCE = 60.0


@frozen
class _Night:
    """The servers around the microservice."""

    kafka: EmbeddedKafka
    store: ObjectStore
    settings: Mapping[str, str]

    def land(self, seqnum: int) -> str:
        """Put a raw and its sidecar into the bucket, which notifies Kafka; returns its path in version 1."""
        day = day_obs_of(UtcSeconds(time.time())).strftime("%Y%m%d")
        obs_id = f"SC_O_{day}_{seqnum:06d}"
        stem = f"SimCam/{day}/{obs_id}/{obs_id}_R22_S11"
        group = f"2026-03-14T02:15:07.{seqnum}#2"
        environment = self.store.environment
        client = boto3.client(
            "s3",
            endpoint_url=self.store.url,
            region_name=environment["AWS_DEFAULT_REGION"],
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        )
        sidecar = json.dumps({"INSTRUME": "SimCam", "GROUPID": group, "CURINDEX": 1}).encode()
        for key, body in ((f"{stem}.json", sidecar), (f"{stem}.fits", b"SIMPLE")):
            client.put_object(Bucket="images", Key=key, Body=body)
        client.close()
        return f"/presence/SimCam/{quote(group, safe='')}/0/R22_S11"


class _Microservice:
    """One run of the process."""

    def __init__(self, settings: Mapping[str, str], **more: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "entrypoints", "raw-presence"],
            env={**os.environ, **settings, **more},
            stderr=subprocess.PIPE,
            text=True,
        )
        self.ports: dict[str, int] = {}
        assert self._process.stderr is not None
        for line in self._process.stderr:
            record = json.loads(line)
            if "metrics_port" in record:
                self.ports["metrics"] = record["metrics_port"]
            if record.get("ready"):
                self.ports["service"] = record["port"]
                break

    def get(self, path: str, port: str = "service") -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[port], timeout=10)
        with contextlib.closing(connection):
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def is_present(self, path: str) -> bool:
        status, body = self.get(path)
        assert status == 200
        return bool(json.loads(body)["present"])

    def end(self, number: signal.Signals) -> int:
        self._process.send_signal(number)
        self._process.communicate(timeout=30)
        return self._process.returncode


@pytest.fixture
def night() -> Iterator[_Night]:
    with contextlib.ExitStack() as stack:
        kafka, redis = EmbeddedKafka(), redis_server()
        for service in (kafka, redis):
            stack.callback(service.stop)
            service.start()
        kafka.create_topic(_TOPIC)
        store = ObjectStore(kafka.bootstrap_servers, image_bucket="images", topic=_TOPIC)
        stack.callback(store.stop)
        store.start()
        settings = {
            **store.environment,
            "KAFKA_CLUSTER": kafka.bootstrap_servers,
            "KAFKA_FETCH_WAIT": "0.005",
            "REDIS_HOST": f"127.0.0.1:{redis.port}",
            "IMAGE_BUCKET": "images",
            "SUPPORTED_INSTRUMENTS": "SimCam",
            "CAMERA_FILES": "simulated",
            "OFFSET": "earliest",
            "PORT": "0",
            "METRICS_PORT": "0",
        }
        yield _Night(kafka, store, settings)


@contextlib.contextmanager
def _running(settings: Mapping[str, str], **more: str) -> Iterator[_Microservice]:
    microservice = _Microservice(settings, **more)
    try:
        yield microservice
    finally:
        microservice.end(signal.SIGKILL)


def _eventually(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + _PATIENCE
    while not condition():
        assert time.monotonic() < end, "it does not come true"
        time.sleep(0.05)


def test_images_are_found_by_notification_and_the_process_ends_when_told(night: _Night) -> None:
    with _running(night.settings, CATCH_UP_AFTER="86400") as microservice:
        path = night.land(1)
        _eventually(lambda: microservice.is_present(path))
        assert microservice.get("/readyz")[0] == 200
        assert [microservice.get(probe, "metrics")[0] for probe in ("/healthz", "/readyz")] == [200, 200]
        for port in ("service", "metrics"):
            assert b'raws_indexed_total{instrument="SimCam"}' in microservice.get("/metrics", port)[1]
        assert microservice.end(signal.SIGTERM) == 0


def test_images_are_found_without_notifications(night: _Night) -> None:
    nobody_s = {**night.settings, "OFFSET": "latest", "CONSUMER_GROUP": "new"}
    before = night.land(1)
    with _running(nobody_s, BUCKET_TOPIC="silent", CATCH_UP_AFTER="1") as microservice:
        _eventually(lambda: microservice.is_present(before))
        after = night.land(2)
        _eventually(lambda: microservice.is_present(after))


def test_it_answers_on_one_port_from_an_index_that_another_process_fills() -> None:
    redis = redis_server()
    redis.start()
    try:
        client = redis_client.Redis(port=redis.port)
        client.set("GROUP:LSSTCam:2026-03-14T02:15:07.310#2:0:R22_S11", "s3://images/raw.fits.fz")
        client.close()
        with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as free:
            port = str(free.getsockname()[1])
        settings = {"REDIS_HOST": f"127.0.0.1:{redis.port}", "PORT": port, "METRICS_PORT": port}
        with _running(settings) as microservice:
            path = f"/presence/LSSTCam/{quote('2026-03-14T02:15:07.310#2', safe='')}/0/R22_S11"
            assert b"s3://images/raw.fits.fz" in microservice.get(path)[1]
            assert [microservice.get(probe)[0] for probe in ("/healthz", "/readyz", "/metrics")] == [200] * 3
            assert microservice.end(signal.SIGTERM) == 0
    finally:
        redis.stop()


def test_kills_lose_nothing(night: _Night) -> None:
    dice = random.Random(1)  # noqa: S311 - a plan, no secret
    # Longer than the mock cluster takes to form a group, or nobody ever gets a partition.
    settings = {**night.settings, "KAFKA_SESSION_TIMEOUT": "5"}
    paths: list[str] = []
    for _ in range(2):
        with _running(settings, CATCH_UP_AFTER="86400") as microservice:
            first = len(paths)
            paths += [night.land(first + number) for number in range(1, dice.randint(2, 6))]
            _eventually(functools.partial(microservice.is_present, paths[first]))
            paths += [night.land(len(paths) + number) for number in range(1, dice.randint(2, 6))]
            # From before the first of them is heard of until all are settled.
            time.sleep(dice.uniform(0.0, 0.2))
            microservice.end(signal.SIGKILL)
        paths.append(night.land(len(paths) + 1))
    with _running(settings, CATCH_UP_AFTER="86400") as microservice:
        _eventually(lambda: all(map(microservice.is_present, paths)))


@pytest.mark.parametrize(
    ("settings", "code", "said"),
    [
        ({"SUPPORTED_INSTRUMENTS": "MegaPrime"}, 2, "MegaPrime"),
        ({"DELETE_SEEN": "1"}, 2, "DELETE_SEEN"),
        ({"CAMERA_FILES": "/nowhere.yaml"}, 2, "nowhere.yaml"),
        ({"REDIS_HOST": "127.0.0.1:1"}, 1, "127.0.0.1:1"),
        ({"HOST": "192.0.2.1", "METRICS_HOST": "192.0.2.1"}, 1, "192.0.2.1"),
    ],
)
def test_what_keeps_it_from_starting_is_said(settings: Mapping[str, str], code: int, said: str) -> None:
    needed = {
        "KAFKA_CLUSTER": "127.0.0.1:1",
        "REDIS_HOST": "127.0.0.1:1",
        "S3_ENDPOINT_URL": "http://127.0.0.1:1",
        "IMAGE_BUCKET": "images",
        "METRICS_PORT": "0",
        "PORT": "0",
    }
    done = subprocess.run(
        [sys.executable, "-m", "entrypoints", "raw-presence"],
        env={**os.environ, **needed, **settings},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr
