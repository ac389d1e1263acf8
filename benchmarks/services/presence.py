"""The raw microservice under load: requests a second, and how long they take.

The process is the one that production runs. Meanwhile it reads 100 notifications
a second, of images and of their sidecars in equal parts as cameras send them,
reads each image's sidecar from an object store, and indexes the image. Redis
syncs its file once a second, which suffices for the index; and each write, as
it must where it holds the ledger too.
"""

import json
import os
import re
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from typing import Final
from urllib.parse import quote

import redis

from benchmarks.report import table
from benchmarks.services.http_load import Load, measure
from benchmarks.services.processes import cpu_seconds
from benchmarks.services.sidecar_store import group_of, sidecar_store
from simulator.servers.kafka import EmbeddedKafka
from simulator.servers.notifications import NewObject, NotificationSender
from simulator.servers.redis_server import redis_server

__all__ = ["main"]

_COMMAND = (sys.executable, "-P", "-m", "entrypoints", "raw-presence")
_TOPIC = "rubin-prompt-processing"
_CONNECTIONS = 32
_SECONDS = 4
_IMAGES_A_SECOND = 50  # And as many sidecars, each with a notification of its own.
_POLICIES: Final = ("everysec", "always")
_BEFORE = 500  # Images that are indexed before the load begins.


def main() -> None:
    """Measure, and print the figures."""
    with ExitStack() as stack:
        kafka, index = EmbeddedKafka(), redis_server()
        for service in (kafka, index):
            stack.callback(service.stop)
            service.start()
        kafka.create_topic(_TOPIC)
        store = stack.enter_context(sidecar_store())
        ports = stack.enter_context(_microservice(kafka.bootstrap_servers, index.port, store))
        sender = NotificationSender(kafka.bootstrap_servers, _TOPIC)
        images = _images(_BEFORE + 1000 * _SECONDS)
        for _ in range(_BEFORE):
            _notify(sender, next(images))
        _wait_until_indexed(ports["metrics"], _BEFORE)
        rows = []
        for policy in _POLICIES if index.is_real else ("in memory",):
            if index.is_real:
                _sync(index.port, policy)
            load, indexed, cpu = _loaded(ports, sender, images)
            rows.append((*_row(policy, load, indexed), f"{load.rate * _SECONDS / cpu:.0f}"))
    print(
        table(
            f"Raw presence at {_CONNECTIONS} connections, {_SECONDS} s each",
            (
                "index on disk",
                "requests/s",
                "median, ms",
                "99 %, ms",
                "failures",
                "notifications/s indexed",
                "a CPU-second",
            ),
            rows,
            (
                f"index: {index.description.partition(',')[0]}",
                f"load: {load.generator}, in a process of its own",
                "a CPU-second: requests for each second of CPU that the service took, indexing included;",
                "  what it would answer with a core of its own, whatever else the machine does",
                "aim: 10,000 requests/s or more, 99 % within 10 ms",
            ),
        )
    )


def _sync(port: int, policy: str) -> None:
    with closing(redis.Redis(port=port)) as client:
        client.config_set("appendfsync", policy)


def _row(policy: str, load: Load, indexed: float) -> tuple[str, ...]:
    times = [f"{seconds * 1e3:.1f}" for seconds in (load.median, load.p99)]
    return (policy, f"{load.rate:.0f}", *times, str(load.failures), f"{2 * indexed:.0f}")


def _loaded(
    ports: dict[str, int], sender: NotificationSender, images: Iterator[tuple[str, str]]
) -> tuple[Load, float, float]:
    """Put load on the service; returns that, images indexed a second, and CPU seconds taken."""
    stop = threading.Event()
    notifying = threading.Thread(target=_keep_notifying, args=(sender, images, stop))
    before, began = _indexed(ports["metrics"]), time.perf_counter()
    cpu = cpu_seconds(ports["process"])
    notifying.start()
    try:
        load = measure(ports["service"], _paths(), connections=_CONNECTIONS, seconds=_SECONDS)
    finally:
        stop.set()
        notifying.join()
        cpu = cpu_seconds(ports["process"]) - cpu
    return load, (_indexed(ports["metrics"]) - before) / (time.perf_counter() - began), cpu


def _images(number: int) -> Iterator[tuple[str, str]]:
    """Name images by observation id and key without extension."""
    for each in range(number):
        obs_id = f"MC_O_20260313_{each:06d}"
        yield obs_id, f"LSSTCam/20260313/{obs_id}/{obs_id}_R22_S11"


def _paths() -> Sequence[str]:
    """Ask for raws that have come and for as many that have not."""
    groups = [group_of(obs_id) for obs_id, _ in _images(_BEFORE)]
    return [
        f"/presence/LSSTCam/{quote(group, safe='')}/{snap}/R22_S11" for group in groups for snap in (0, 1)
    ]


def _notify(sender: NotificationSender, image: tuple[str, str]) -> None:
    _, stem = image
    for extension in (".json", ".fits"):
        sender.send(NewObject(bucket="images", key=stem + extension, size=1, etag="etag", event="Put"))


def _keep_notifying(
    sender: NotificationSender, images: Iterator[tuple[str, str]], stop: threading.Event
) -> None:
    due = time.perf_counter()
    while not stop.wait(max(0.0, due - time.perf_counter())):
        _notify(sender, next(images))
        due += 1 / _IMAGES_A_SECOND


@contextmanager
def _microservice(kafka: str, redis: int, store: str) -> Iterator[dict[str, int]]:
    settings = {
        "KAFKA_CLUSTER": kafka,
        "KAFKA_FETCH_WAIT": "0.005",
        "REDIS_HOST": f"127.0.0.1:{redis}",
        "S3_ENDPOINT_URL": store,
        "AWS_ACCESS_KEY_ID": "benchmark",
        "AWS_SECRET_ACCESS_KEY": "benchmark",
        "IMAGE_BUCKET": "images",
        "BUCKET_TOPIC": _TOPIC,
        "OFFSET": "earliest",
        "PORT": "0",
        "METRICS_PORT": "0",
        "SERVICE_LOG_LEVELS": ".=INFO",
    }
    process = subprocess.Popen(  # noqa: S603 - our own command
        _COMMAND, env={**os.environ, **settings}, stderr=subprocess.PIPE, text=True
    )
    try:
        yield {**_ports(process), "process": process.pid}
    finally:
        process.terminate()
        process.communicate(timeout=20)


def _ports(process: subprocess.Popen[str]) -> dict[str, int]:
    ports: dict[str, int] = {}
    said: list[str] = []
    for line in process.stderr or ():
        said.append(line)
        record = json.loads(line) if line.startswith("{") else {}
        if "metrics_port" in record:
            ports["metrics"] = record["metrics_port"]
        if record.get("ready"):
            ports["service"] = record["port"]
            return ports
    raise RuntimeError("the raw microservice did not come up:\n" + "".join(said))


def _indexed(port: int) -> float:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    values = re.findall(r"^prompt_processing_raws_indexed_total.* (\S+)$", text, re.MULTILINE)
    return sum(map(float, values))


def _wait_until_indexed(port: int, number: int) -> None:
    end = time.perf_counter() + 30
    while _indexed(port) < number:
        if time.perf_counter() > end:
            raise RuntimeError(f"{_indexed(port):.0f} of {number} images were indexed in 30 s")
        time.sleep(0.1)


if __name__ == "__main__":
    main()
