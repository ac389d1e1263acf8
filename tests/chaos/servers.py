"""What the processes of all seeds talk to: servers that can be broken, and the central repository."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import boto3
import yaml
from attrs import astuple, frozen
from sqlalchemy import make_url

from adapters.files.cameras import load_camera
from benchmarks.services.postgresql import PostgresqlServer
from domain.cameras.camera import Camera
from domain.times import UtcSeconds, tai_from_utc
from entrypoints.observatory.environment import Addresses, Topics, process_environment, variables, within
from simulator.servers.object_store import ObjectStore
from simulator.summit.night import NightPlan, PlannedVisit
from simulator.summit.simulated_night import SimulatedNight
from simulator.world.frames import SimulatedCamera
from simulator.world.sky import make_sky
from simulator.world.stars import Patch
from tests.chaos.kafka_proxy import KafkaProxy
from tests.chaos.plan import DETECTORS, Plan
from tests.chaos.s3_proxy import S3Proxy
from tests.chaos.tcp_proxy import TcpProxy
from tests.contract_files import contract_json
from tests.integration.kafka.apache_kafka import ApacheKafka, NoKafkaError, kafka_classpath
from tests.integration.kafka.mock_cluster import MockCluster
from tests.integration.kafka.registry import Registry
from tests.integration.redis.faults import RestartingRedis
from tests.ports import lasting_ports
from workbench.night.apdb import make_apdb
from workbench.night_repository import make_repository

__all__ = [
    "CANCELLATION_SCHEMA",
    "CANCELLED_TOPIC",
    "NO_RESTART",
    "VISIT_SCHEMA",
    "Servers",
    "opened_servers",
]

VISIT_SCHEMA: dict[str, Any] = contract_json("next_visit.avsc")
CANCELLATION_SCHEMA: dict[str, Any] = json.loads(
    (files("adapters.kafka") / "schemas" / "next_visit_canceled.avsc").read_text()
)
CANCELLED_TOPIC = "lsst.sal.ScriptQueue.logevent_nextVisitCanceled"
NO_RESTART = "the broker is librdkafka's mock cluster: not restarted, no transactions"
_IMAGES, _CENTRAL, _UNTOLD = "images", "central", "untold"
_SIZE = 64  # pixels


@frozen(kw_only=True)
class Servers:
    """Running servers, and where they are."""

    folder: Path
    camera_file: Path
    camera: Camera
    plans: tuple[Plan, ...]
    visits: dict[tuple[int, int], PlannedVisit]
    """By seed and number."""
    night: SimulatedNight
    addresses: Addresses
    """As the services see them: through the proxies."""
    kafka: ApacheKafka | MockCluster
    kafka_address: str
    """Without the proxy."""
    kafka_proxy: KafkaProxy
    alert_proxy: KafkaProxy
    """Before the same broker, for alerts alone."""
    s3_url: str
    """Without the proxy."""
    s3_proxy: S3Proxy
    redis: RestartingRedis
    redis_proxy: TcpProxy
    postgresql: PostgresqlServer | None
    """Of ledger, claims and registry; None: they are on Redis and SQLite."""
    postgresql_proxy: TcpProxy | None
    settings: dict[str, dict[str, str]]
    """Of each service."""

    @property
    def record(self) -> Path:
        """The file outside the system."""
        return self.folder / "record"

    @property
    def ledger(self) -> str:
        """The address of ledger and claims, without the proxy."""
        return self.redis.url if self.postgresql is None else self.postgresql.url

    @property
    def stream(self) -> str:
        """The queue's name."""
        return f"instrument:{self.camera.instrument.lower()}"

    @property
    def kills(self) -> Path:
        """Which processes end themselves where."""
        return self.folder / "kills.json"

    def s3(self) -> Any:
        """Make a client that does not go through the proxy."""
        return boto3.client(
            "s3",
            endpoint_url=self.s3_url,
            aws_access_key_id="x",
            aws_secret_access_key="x",  # noqa: S106 - the store checks none
            region_name="us-east-1",
        )


@contextlib.contextmanager
def opened_servers(plans: tuple[Plan, ...]) -> Iterator[Servers]:
    """Start everything that outlives a seed; stop it, and leave nothing."""
    with contextlib.ExitStack() as stack:
        folder = _make_folder(stack)
        camera_file = _small_camera(folder)
        camera = load_camera(camera_file)
        visits = _visits(plans)
        night = _night(camera, tuple(visits.values()))
        wires = _open_wires(stack, folder, plans)
        addresses = _addresses(wires, folder)
        night_plan = NightPlan(camera=camera, visits=tuple(visits.values()), raws=night, calibrations=night)
        stack.enter_context(within({**addresses.s3, "LSST_RESOURCES_TMPDIR": str(folder)}))
        make_repository(
            addresses.repository, night_plan, datastore=f"s3://{_CENTRAL}/", registry=wires.through_postgresql
        )
        settings = _settings(night_plan, camera_file, addresses, wires)
        _initialize(settings["initialize"], folder / "logs" / "initialize.log")
        yield Servers(
            folder=folder,
            camera_file=camera_file,
            camera=camera,
            plans=plans,
            visits=visits,
            night=night,
            addresses=addresses,
            kafka=wires.kafka,
            kafka_address=wires.kafka_address,
            kafka_proxy=wires.kafka_proxy,
            alert_proxy=wires.alert_proxy,
            s3_url=wires.store.url,
            s3_proxy=wires.s3_proxy,
            redis=wires.redis,
            redis_proxy=wires.redis_proxy,
            postgresql=wires.postgresql,
            postgresql_proxy=wires.postgresql_proxy,
            settings=settings,
        )


@frozen(kw_only=True)
class _Wires:
    """What is talked to over TCP."""

    kafka: ApacheKafka | MockCluster
    kafka_address: str
    kafka_proxy: KafkaProxy
    alert_proxy: KafkaProxy
    registry: Registry
    redis: RestartingRedis
    redis_proxy: TcpProxy
    store: ObjectStore
    s3_proxy: S3Proxy
    postgresql: PostgresqlServer | None
    postgresql_proxy: TcpProxy | None

    @property
    def through_postgresql(self) -> str | None:
        """The database's address through the proxy; None if there is none."""
        if self.postgresql is None or self.postgresql_proxy is None:
            return None
        own = make_url(self.postgresql.url).set(port=self.postgresql_proxy.port)
        return own.render_as_string(hide_password=False)


def _make_folder(stack: contextlib.ExitStack) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    for name in ("tmp", "batches", "local", "logs", "redis", "kafka"):
        (folder / name).mkdir()
    return folder


def _open_wires(stack: contextlib.ExitStack, folder: Path, plans: Sequence[Plan]) -> _Wires:
    kafka, kafka_address = _start_kafka(stack, folder)
    kafka_proxy = stack.enter_context(KafkaProxy(kafka_address))
    alert_proxy = stack.enter_context(KafkaProxy(kafka_address))
    registry = Registry({1: VISIT_SCHEMA, 2: CANCELLATION_SCHEMA})
    stack.callback(registry.shut)
    redis = stack.enter_context(RestartingRedis(folder / "redis"))
    redis_proxy = stack.enter_context(TcpProxy("127.0.0.1", redis.port))
    postgresql = postgresql_proxy = None
    if any(plan.needs_postgresql for plan in plans):
        postgresql = PostgresqlServer()
        postgresql.start()
        stack.callback(postgresql.stop)
        postgresql_proxy = stack.enter_context(TcpProxy("127.0.0.1", make_url(postgresql.url).port or 0))
    # Its own notifications go where nobody looks: the seeds send theirs, or do not.
    store = stack.enter_context(
        ObjectStore(kafka_address, image_bucket=_UNTOLD, topic="nobody", other_buckets=(_IMAGES, _CENTRAL))
    )
    return _Wires(
        kafka=kafka,
        kafka_address=kafka_address,
        kafka_proxy=kafka_proxy,
        alert_proxy=alert_proxy,
        registry=registry,
        redis=redis,
        redis_proxy=redis_proxy,
        store=store,
        s3_proxy=stack.enter_context(S3Proxy(store.url, plans[0].seed)),
        postgresql=postgresql,
        postgresql_proxy=postgresql_proxy,
    )


def _addresses(wires: _Wires, folder: Path) -> Addresses:
    return Addresses(
        kafka=wires.kafka_proxy.address,
        registry=wires.registry.url,
        redis=wires.redis_proxy.address,
        s3={**wires.store.environment, "S3_ENDPOINT_URL": wires.s3_proxy.url},
        bucket=_IMAGES,
        repository=folder / "central",
        folder=folder,
        batches=folder / "batches",
        apdb=make_apdb(folder),
    )


def _small_camera(folder: Path) -> Path:
    """The simulated camera, but for two detectors of few pixels."""
    content = yaml.safe_load((files("cameras") / "simulated.yaml").read_text())
    content["detectors"] = content["detectors"][: len(DETECTORS)]
    half = _SIZE // 2
    ccd = content["detector_types"]["ccd"] | {"nx": _SIZE, "ny": _SIZE, "pixel_size_um": 80.0}
    for amplifier, low in zip(ccd["amplifiers"], (0, half), strict=True):
        section = f"[{low + 1}:{low + half},1:{_SIZE}]"
        start = _SIZE + low // 4
        amplifier |= {
            "data": section,
            "image": section,
            "overscan": f"[{start + 1}:{start + half // 4},1:{_SIZE}]",
        }
    content["detector_types"]["ccd"] = ccd
    file = folder / "small.yaml"
    file.write_text(yaml.safe_dump(content))
    return file


def _visits(plans: tuple[Plan, ...]) -> dict[tuple[int, int], PlannedVisit]:
    return {
        (plan.seed, visit.number): PlannedVisit(
            group=f"chaos-{plan.seed}-{visit.number}#{int(time.time())}",
            detectors=DETECTORS,
            ra=149.9,
            dec=2.2,
            sky_angle=12.0,
            physical_filter="r_sim",
            exposure_time=1.0,
            snaps=visit.snaps,
            survey="CHAOS",
        )
        for plan in plans
        for visit in plan.visits
    }


def _night(camera: Camera, visits: tuple[PlannedVisit, ...]) -> SimulatedNight:
    patch = Patch(ra=149.9, dec=2.2, radius=0.02)
    sky = make_sky(patch, ("r",), seed=1, epoch=tai_from_utc(UtcSeconds(time.time())))
    return SimulatedNight(SimulatedCamera(camera=camera, seed=1), sky, visits)


def _start_kafka(stack: contextlib.ExitStack, folder: Path) -> tuple[ApacheKafka | MockCluster, str]:
    broker: ApacheKafka | MockCluster
    try:
        broker = ApacheKafka(kafka_classpath(), folder / "kafka")
        broker.start()
        address = broker.address("PLAIN")
    except NoKafkaError:
        broker = MockCluster()
        broker.form_groups_after(0.1)
        address = broker.address
    stack.callback(broker.stop)
    for name in ("nobody", CANCELLED_TOPIC, *astuple(Topics())):
        broker.create(name, 4 if name == Topics().bucket else 1)
    return broker, address


def _initialize(environment: dict[str, str], log: Path) -> None:
    words = [sys.executable, "-m", "entrypoints", "initialize", "--register-dataset-types"]
    with log.open("wb") as stream:
        subprocess.run(words, env=environment, stdout=stream, stderr=stream, check=True)  # noqa: S603 - as written


def _settings(
    plan: NightPlan, camera_file: Path, addresses: Addresses, wires: _Wires
) -> dict[str, dict[str, str]]:
    pipeline = "${PROMPT_PROCESSING_DIR}/tests/chaos/pipelines/NoScience.yaml"
    pipelines = {
        "PREPROCESSING_PIPELINES_CONFIG": [{"pipelines": []}],
        "MAIN_PIPELINES_CONFIG": [{"pipelines": [pipeline]}],
    }
    made = variables(plan, str(camera_file), pipelines, addresses, 3600.0)
    folder = addresses.folder
    (port,) = lasting_ports(1)
    quick = {"LEASE_SECONDS": "8", "KAFKA_SESSION_TIMEOUT": "3", "REPO_RETRY_DELAY": "1"}
    ledger = {"LEDGER_URL": wires.through_postgresql} if wires.through_postgresql else {}
    alerts = {"AP_KAFKA_SERVER": wires.alert_proxy.address}
    common = {
        **process_environment(addresses),
        **quick,
        **ledger,
        "TMPDIR": str(folder / "tmp"),
        "LSST_RESOURCES_TMPDIR": str(folder / "tmp"),
        "CHAOS_RECORD": str(folder / "record"),
        "CHAOS_KILLS": str(folder / "kills.json"),
        "PYTHONPATH": os.pathsep.join(
            [str(Path(__file__).parent / "skewed"), os.environ.get("PYTHONPATH", "")]
        ),
    }
    own = {
        "fan-out": {
            "NEXT_VISIT_CANCELED_TOPIC": CANCELLED_TOPIC,
            "SCHEMA_CACHE": str(folder / "schemas"),
            "REDIS_RETRY_INITIAL_DELAY": "0.5",
            # The fan-out itself shall have forgotten the consumers of killed workers when a seed ends.
            "CONSUMER_GONE_SECONDS": "10",
        },
        "raw-presence": {"PORT": str(port), "CATCH_UP_AFTER": "5"},
        "butler-writer": {"KAFKA_TRANSACTIONS": str(int(wires.kafka.has_transactions))},
        "alerts": {**alerts, "WORKER_TIMEOUT": "60"},
        "worker": {
            **alerts,
            "RAW_MICROSERVICE": f"http://127.0.0.1:{port}/presence",
            "IMAGE_TIMEOUT": "10",
            "WORKER_TIMEOUT": "60",
            "CLAIM_SECONDS": "60",
            "SHUTDOWN_GRACE": "6",
            "REDIS_RETRY_DELAY": "0.5",
            "LOCAL_REPOS": str(folder / "local"),
            "CHANGE_TASKS": "tests.chaos.tasks.NoScienceTask",
        },
    }
    return {name: {**common, **settings, **own.get(name, {})} for name, settings in made.items()}
