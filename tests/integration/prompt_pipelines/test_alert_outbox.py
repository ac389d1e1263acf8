"""Alerts laid down by tasks before the APDB changes, and sent by the courier, on the real thing."""

import json
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import Any, cast, override

import pytest
from attrs import evolve
from click.testing import CliRunner, Result
from lsst.dax.apdb import Apdb
from lsst.resources import ResourcePath
from moto.server import ThreadedMotoServer

from adapters.alerts.folder import AlertFolderBroker
from adapters.alerts.outbox import AlertOutboxFiles
from adapters.apdb.stored_sources import ApdbStoredSources
from adapters.kafka.alert_broker import KafkaAlertBroker
from adapters.kafka.connection import KafkaConnection
from adapters.memory.history_store import MemoryClaimStore, MemoryHistoryStore
from adapters.memory.metrics import MemoryMetrics
from application.alerts.courier import AlertCourier, CourierPolicy, Looked
from application.ledger import StoredClaims, StoredLedger
from domain.work.outcomes import FailedAfterChange
from entrypoints.cli import main
from entrypoints.running import opened
from ports.alert_outbox import AlertBroker, AlertBrokerUnavailableError
from prompt_pipelines.alert_files import AlertFile
from prompt_pipelines.alert_outbox import LaidAlerts
from prompt_pipelines.alert_stream import AlertStream, forget_producers
from prompt_pipelines.apdb import ApdbError, open_apdb
from tests.contract_suites.alert_outbox import OWNER, AlertOutboxContract, OutboxBench
from tests.contract_suites.ledger import a_lease
from tests.contract_suites.samples import LoopClock
from tests.integration.kafka.mock_cluster import MockCluster
from tests.integration.prompt_pipelines.running import APDB_WARNINGS, close_apdb, make_apdb
from tests.integration.prompt_pipelines.test_association import _visit as visit_with_a_source
from tests.unit.prompt_pipelines.chain import associate, facts

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings(APDB_WARNINGS)]

OWNER_TEXT = '["LATISS", "a/group é", 4, 2]'


class _Bench(OutboxBench):
    def __init__(self, root: str) -> None:
        self._folder = ResourcePath(root, forceDirectory=True).join(".alert-outbox/2026-11-30/attempt/")
        self.outbox: AlertOutboxFiles = AlertOutboxFiles(root)

    def laid(self, visit: int = 7, detector: int = 4, owner: str = OWNER_TEXT) -> LaidAlerts:
        file = AlertFile(self._folder.join(f"{visit}-{detector}.avro").geturl())
        if self._folder.isLocal:
            Path(self._folder.dirname().ospath).parent.mkdir(parents=True, exist_ok=True)
        return LaidAlerts(file=file, visit=visit, detector=detector, owner=owner)

    @override
    async def lay(self, *messages: bytes, held: str = "") -> None:
        self.laid().lay(messages, range(1, len(messages) + 1), held)

    @override
    async def lay_nonsense(self) -> None:
        self.laid().file.write([b"whose?"])


class TestFolder(AlertOutboxContract):
    @pytest.fixture
    async def bench(self, tmp_path: Path) -> AsyncIterator[OutboxBench]:
        bench = _Bench(f"{tmp_path.as_uri()}/")
        async with opened(bench.outbox):
            yield bench


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "S3_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_ACCESS_KEY_ID": "simulator",
            "AWS_SECRET_ACCESS_KEY": "simulator",
            "AWS_DEFAULT_REGION": "us-east-1",
        }.items():
            patch.setenv(name, value)
        yield f"http://{host}:{port}"
    server.stop()


class TestObjectStore(AlertOutboxContract):
    @pytest.fixture
    async def bench(self, s3: str, tmp_path: Path) -> AsyncIterator[OutboxBench]:
        import boto3  # noqa: PLC0415 - after the environment says where

        bucket = tmp_path.name.replace("_", "-").lower()[:40]
        boto3.client("s3", endpoint_url=s3).create_bucket(Bucket=bucket)
        bench = _Bench(f"s3://{bucket}/prompt/")
        async with opened(bench.outbox):
            yield bench

    async def test_it_costs_a_visit_little_time(self, bench: _Bench) -> None:
        """What a visit-detector waits for: one object laid down, and one removed; 0.2 s at most."""
        alerts = [bytes(70_000) for _ in range(20)]
        bench.laid().lay(alerts, range(20))
        seconds = []
        for _ in range(5):
            begin = time.perf_counter()
            bench.laid().lay(alerts, range(20))
            bench.laid().file.remove()
            seconds.append(time.perf_counter() - begin)
        assert min(seconds) < 0.2


class _KilledError(BaseException):
    """What ends a child in the midst."""


class _DeadlyStream(AlertStream):
    @override
    def send(self, alerts: Iterable[bytes], kept: AlertFile | None = None) -> int:
        raise _KilledError


@pytest.fixture
def mock() -> Iterator[MockCluster]:
    cluster = MockCluster()
    yield cluster
    forget_producers()
    cluster.stop()


@pytest.fixture
def apdb(tmp_path: Path) -> Iterator[Apdb]:
    uri = make_apdb(tmp_path)
    yield open_apdb(uri)
    close_apdb(uri)


class _Night:
    """An attempt that ended after its claim, and the courier that comes after it."""

    def __init__(self, bench: _Bench, tmp_path: Path) -> None:
        self.bench = bench
        self.histories = MemoryHistoryStore(LoopClock())
        self.ledger = StoredLedger(self.histories)
        self.sources = ApdbStoredSources(str(tmp_path / "apdb.db"))

    async def end(self) -> str:
        """Have the attempt end; returns what its files call it."""
        identity = OWNER.identity
        attempt = (await self.ledger.begin(identity, "w", a_lease())).attempt
        StoredClaims(MemoryClaimStore(self.histories)).claim(attempt, [7])
        await self.ledger.record(attempt, FailedAfterChange(reason="killed"), final=True)
        return OWNER_TEXT.replace("4, 2", f"4, {attempt.number}")

    async def deliver(self, broker: AlertBroker, *neighbours: Any, settling: float = 3600.0) -> Looked:
        async with opened(self.bench.outbox, self.sources, *neighbours):
            return await AlertCourier(
                name="a",
                policy=CourierPolicy(settling=settling),
                outbox=self.bench.outbox,
                broker=broker,
                sources=self.sources,
                ledger=self.ledger,
                clock=LoopClock(),
                metrics=MemoryMetrics(),
            ).look()


@pytest.fixture
def night(tmp_path: Path) -> _Night:
    return _Night(_Bench(f"{tmp_path.as_uri()}/central/"), tmp_path)


async def test_a_child_killed_after_the_transaction_costs_no_alert(
    night: _Night, apdb: Apdb, mock: MockCluster
) -> None:
    mock.create("alerts")
    laid = night.bench.laid(facts().visit, facts().detector, await night.end())
    with pytest.raises(_KilledError):
        associate(visit_with_a_source(1), apdb, stream=_DeadlyStream("127.0.0.1:1", "alerts"), laid=laid)
    [packet] = laid.file.read()
    away = KafkaAlertBroker(KafkaConnection(bootstrap_servers="127.0.0.1:1"), "alerts", patience=1.0)
    with pytest.raises(AlertBrokerUnavailableError, match=r"127\.0\.0\.1:1"):
        await night.deliver(away, away)
    broker = KafkaAlertBroker(KafkaConnection(bootstrap_servers=mock.address), "alerts")
    assert await night.deliver(broker, broker) == Looked(sent=1)
    assert [message.value() for message in mock.messages("alerts")] == [packet]
    assert await night.deliver(broker, broker) == Looked()


async def test_a_child_killed_before_the_transaction_tells_the_world_nothing(
    night: _Night, apdb: Apdb, tmp_path: Path
) -> None:
    laid = night.bench.laid(facts().visit, facts().detector, await night.end())

    def die() -> None:
        raise _KilledError

    with pytest.raises(_KilledError):
        associate(
            visit_with_a_source(1),
            apdb,
            stream=AlertStream("127.0.0.1:1", "alerts"),
            laid=laid,
            meanwhile=die,
        )
    assert len(laid.file.read()) == 1
    (tmp_path / "alerts").mkdir()
    broker = AlertFolderBroker((tmp_path / "alerts").as_uri())
    assert await night.deliver(broker, broker) == Looked(left=1)
    assert await night.deliver(broker, broker, settling=-1.0) == Looked(discarded=1)
    assert not list((tmp_path / "alerts").rglob("*.avro"))


async def test_a_folder_in_a_broker_s_place_gets_what_is_stored(
    night: _Night, apdb: Apdb, tmp_path: Path
) -> None:
    laid = night.bench.laid(facts().visit, facts().detector, await night.end())
    with pytest.raises(_KilledError):
        associate(visit_with_a_source(1), apdb, stream=_DeadlyStream("127.0.0.1:1", "alerts"), laid=laid)
    packets = laid.file.read()
    (tmp_path / "alerts").mkdir()
    broker = AlertFolderBroker((tmp_path / "alerts").as_uri())
    assert await night.deliver(broker, broker) == Looked(sent=1)
    [file] = (tmp_path / "alerts").rglob("*.avro")
    assert AlertFile(file.as_uri()).read() == packets


async def test_alerts_beyond_a_limit_are_not_sent_until_they_are_released(
    night: _Night, apdb: Apdb, mock: MockCluster, caplog: pytest.LogCaptureFixture
) -> None:
    mock.create("alerts")
    laid = night.bench.laid(facts().visit, facts().detector, await night.end())
    stream, held = AlertStream(mock.address, "alerts"), ["too many sources"]
    associate(visit_with_a_source(1), apdb, stream=stream, laid=laid, held=held)
    assert "1 alerts are held in file:///" in caplog.text
    broker = KafkaAlertBroker(KafkaConnection(bootstrap_servers=mock.address), "alerts")
    assert await night.deliver(broker, broker) == Looked(left=1)
    assert mock.messages("alerts") == []
    async with opened(night.bench.outbox):
        packet = await night.bench.outbox.read(laid.file.uri)
        assert packet is not None
        assert packet.held == "too many sources"
        await night.bench.outbox.replace(evolve(packet, held=""))
    assert await night.deliver(broker, broker) == Looked(sent=1)
    assert [message.value() for message in mock.messages("alerts")] == [packet.alerts[0].message]


def test_held_alerts_without_an_outbox_are_not_sent_either(
    apdb: Apdb, mock: MockCluster, caplog: pytest.LogCaptureFixture
) -> None:
    mock.create("alerts")
    stream = AlertStream(mock.address, "alerts")
    associate(visit_with_a_source(1), apdb, stream=stream, held=["too many sources"])
    assert "1 alerts are held in prepared_alerts: too many sources" in caplog.text
    assert mock.messages("alerts") == []


class _Deaf:
    """An APDB whose answer to the transaction is lost, committed or not."""

    def __init__(self, apdb: Apdb, *, commits: bool) -> None:
        self._apdb = apdb
        self._commits = commits

    def __getattr__(self, name: str) -> Any:
        return getattr(self._apdb, name)

    def store(self, *tables: Any) -> None:
        if self._commits:
            self._apdb.store(*tables)
        raise ConnectionError("server closed the connection unexpectedly")


def test_a_lost_answer_to_the_transaction_is_resolved_by_asking(
    apdb: Apdb, mock: MockCluster, tmp_path: Path
) -> None:
    mock.create("alerts")
    laid = _Bench(f"{tmp_path.as_uri()}/central/").laid()
    stream = AlertStream(mock.address, "alerts")
    associate(visit_with_a_source(1), cast(Apdb, _Deaf(apdb, commits=True)), stream=stream, laid=laid)
    assert len(mock.messages("alerts")) == 1
    with pytest.raises(ApdbError, match="server closed"):
        associate(
            visit_with_a_source(2),
            cast(Apdb, _Deaf(apdb, commits=False)),
            seq_num=2,
            stream=stream,
            laid=laid,
        )
    assert len(mock.messages("alerts")) == 1
    assert len(laid.file.read()) == 1


def test_a_person_decides_over_what_is_held(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    central = tmp_path / "central"
    central.mkdir()
    (central / "butler.yaml").write_text("datastore: {root: <butlerRoot>}")
    bench = _Bench(f"{central.as_uri()}/")
    for visit, held in ((7, "too many sources"), (8, "too many sources"), (9, "")):
        bench.laid(visit).lay([b"alert"], [visit], held)
    bench.laid(10).file.write([b"whose?"])

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["alerts", *arguments], env={"CENTRAL_REPO": str(central)})

    def left() -> dict[int | None, str]:
        listed = json.loads(run("held", "--json").stdout)
        return {one.get("visit"): one.get("held", "unreadable") for one in listed}

    assert left() == {7: "too many sources", 8: "too many sources", 9: "", None: "unreadable"}
    assert "too many sources" in run("held").stdout
    done = run("release", "--visit", "7")
    assert (done.exit_code, "1 alerts of visit 7" in done.stdout) == (0, True)
    done = run("discard", "--visit", "8", "--why", "satellites")
    assert (done.exit_code, "discarded: satellites" in done.stdout) == (0, True)
    assert "discarded: satellites (held: too many sources)" in caplog.text
    assert left() == {7: "", 9: "", None: "unreadable"}
    # What is not held is the courier's.
    assert run("discard", "--visit", "9", "--why", "no").exit_code == 1
    assert run("release").exit_code == run("release", "--all", "--visit", "7").exit_code == 2
