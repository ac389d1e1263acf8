"""What a night needs outside of the cluster: Kafka, S3, Redis, schemas, and the repository on a volume."""

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import override

from attrs import astuple, frozen

from adapters.files.cameras import load_camera
from domain.times import UtcSeconds
from entrypoints.observatory.environment import Topics, within
from simulator.servers.object_store import ObjectStore
from simulator.servers.schema_registry import SchemaRegistry
from simulator.summit.demo import Demo, demo_plan
from tests.cluster.namespaces import ADDRESS
from tests.cluster.programs import Programs
from tests.integration.kafka.apache_kafka import ApacheKafka, kafka_classpath
from workbench.night.alerts import register_alert_schema
from workbench.night.apdb import make_apdb
from workbench.night_repository import make_repository

__all__ = ["BUCKET", "REDIS_PORT", "VOLUME", "World", "opened_world"]

VOLUME = Path("/srv/butler")
"""Has the same place in pods."""
BUCKET = "images"
REDIS_PORT = 6379
_CENTRAL = "central"
_USER = 1000


class _Kafka(ApacheKafka):
    """Tells its clients the node's address."""

    @override
    def address(self, listener: str) -> str:
        return f"{ADDRESS}:{super().address(listener).rpartition(':')[2]}"


@frozen(kw_only=True)
class World:
    """Where everything is, as pods see it."""

    demo: Demo
    kafka: str
    registry: str
    s3: Mapping[str, str]
    programs: Programs
    redis: str = f"{ADDRESS}:{REDIS_PORT}"
    repository: Path = VOLUME / "central"
    batches: Path = VOLUME / "batches"
    apdb: str

    def start_redis(self, port: int, settings: Mapping[str, str]) -> None:
        """Start another one, with TLS."""
        _start_redis(self.programs, port, settings)


@contextlib.contextmanager
def opened_world(programs: Programs, camera_file: str, seed: int) -> Iterator[World]:
    """Start all servers and make the repository."""
    VOLUME.mkdir()
    # Beside what is shared with pods.
    tempfile.tempdir = tempfile.mkdtemp(prefix="world-", dir="/srv")
    demo = demo_plan(load_camera(camera_file), seed=seed, now=UtcSeconds(time.time()))
    with contextlib.ExitStack() as stack:
        kafka = _Kafka(kafka_classpath(), Path(tempfile.mkdtemp()))
        stack.callback(kafka.stop)
        kafka.start()
        for name in astuple(Topics()):
            kafka.create(name, 4 if name == Topics().bucket else 1)
        address = kafka.address("PLAIN")
        store = stack.enter_context(
            ObjectStore(address, image_bucket=BUCKET, topic=Topics().bucket, other_buckets=(_CENTRAL,))
        )
        registry = stack.enter_context(SchemaRegistry())
        register_alert_schema(registry.url, Topics().alerts)
        _start_redis(programs, REDIS_PORT, {})
        s3 = {**store.environment, "S3_ENDPOINT_URL": _seen(store.url)}
        stack.enter_context(within(s3))
        (VOLUME / "batches").mkdir()
        apdb = make_apdb(VOLUME)
        make_repository(
            VOLUME / "central",
            demo.plan,
            datastore=f"s3://{_CENTRAL}/",
            reference=demo.sky.stars,
            skymap=demo.skymap,
            templates=demo.templates(),
        )
        _hand_over()
        yield World(
            programs=programs, demo=demo, kafka=address, registry=_seen(registry.url), s3=s3, apdb=apdb
        )


def _start_redis(programs: Programs, port: int, more: Mapping[str, str]) -> None:
    """Start Redis as production has it, for pods too; with TLS where `more` has certificates."""
    folder = tempfile.mkdtemp()
    ports = {"port": "0", "tls-port": str(port)} if more else {"port": str(port)}
    durable = {"appendonly": "yes", "appendfsync": "always", "dir": folder, "save": ""}
    options = {**ports, **durable, **more, "bind": "127.0.0.1", "protected-mode": "no"}
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    programs.start(f"redis-{port}", "redis-server", *words)


def _hand_over() -> None:
    """Give the volume to the pods' user."""
    for path in (VOLUME, *VOLUME.rglob("*")):
        os.chown(path, _USER, _USER)


def _seen(url: str) -> str:
    return url.replace("127.0.0.1", ADDRESS)
