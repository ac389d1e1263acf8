"""One service of the image, from its start to its end, as an engine would have it."""

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import IO

import yaml

from simulator.servers.kafka import EmbeddedKafka
from simulator.servers.redis_server import redis_server
from simulator.servers.schema_registry import SchemaRegistry
from tests.container.engine import Engine

__all__ = ["try_service"]

_START_SECONDS = 120.0
_TOPIC = "nextVisit"


def try_service(engine: Engine, image: str) -> None:
    """Start the fan-out, see it become ready and healthy by the image's own check, and end on SIGTERM.

    Raises
    ------
    AssertionError
        Raised if any of that is not so.
    """
    with ExitStack() as stack:
        kafka = stack.enter_context(EmbeddedKafka())
        registry = stack.enter_context(SchemaRegistry())
        redis = stack.enter_context(redis_server())
        kafka.create_topic(_TOPIC)
        config = stack.enter_context(tempfile.NamedTemporaryFile("w", suffix=".yaml"))
        config.write(yaml.safe_dump({"redis-streams": {"SimCam": "s"}, "detectors": {"SimCam": {0: True}}}))
        config.flush()
        Path(config.name).chmod(0o644)
        settings = {
            "KAFKA_CLUSTER": kafka.bootstrap_servers,
            "KAFKA_GROUP_PROTOCOL": "consumer",
            "MESSAGE_EXPIRATION": "3600",
            "KAFKA_SCHEMA_REGISTRY_URL": registry.url,
            "CONSUMER_GROUP": "fan-out",
            "NEXT_VISIT_TOPIC": _TOPIC,
            "SUPPORTED_INSTRUMENTS": "SimCam",
            "REDIS_HOST": f"127.0.0.1:{redis.port}",
            "REDIS_STREAM_CONSUMER_GROUP": "workers",
            "INSTRUMENT_CONFIG_FILE": config.name,
            "METRICS_PORT": str(_free_port()),
        }
        log = stack.enter_context(tempfile.TemporaryFile())
        _play(engine, image, settings, config.name, log)


def _play(engine: Engine, image: str, settings: Mapping[str, str], config: str, log: IO[bytes]) -> None:
    name = f"trial-{os.getpid()}"
    options = [word for item in settings.items() for word in ("--env", "=".join(item))]
    start = engine.command(image, ["fan-out"], ["--name", name, *options], [config])
    check = engine.inspect(image)["Healthcheck"]["Test"][1:]
    begin = time.monotonic()
    process = subprocess.Popen(start, stdout=log, stderr=log)
    try:
        while _ready(settings["METRICS_PORT"]) != HTTPStatus.OK:
            assert process.poll() is None, _said(log)
            assert time.monotonic() - begin < _START_SECONDS, _said(log)
            time.sleep(0.1)
        print(f"yes: fan-out was ready in {time.monotonic() - begin:.1f} s", flush=True)
        assert engine.execute(name, check) == 0, "the image's health check fails"
        assert engine.execute(name, ["/usr/bin/env", "METRICS_PORT=1", *check]) != 0, "it never fails"
        print(
            "yes: the image's health check is content, and not with a port where nothing answers", flush=True
        )
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0, _said(log)
        print("yes: fan-out, as process 1, ended on SIGTERM with exit code 0", flush=True)
    finally:
        process.kill()
        process.wait()


def _ready(port: str) -> int:
    connection = HTTPConnection("127.0.0.1", int(port), timeout=10)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


def _said(log: IO[bytes]) -> str:
    log.seek(0)
    return log.read().decode(errors="replace")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])
