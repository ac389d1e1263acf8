"""The same visit with raws and central datastore in an object store."""

import json
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import boto3
import pytest
from attrs import evolve
from lsst.daf.butler import Butler, Config
from lsst.resources import ResourcePath
from moto.server import ThreadedMotoServer

from adapters.butler.writer.central_registry import ButlerCentralRegistry
from domain.raws.raws import RawImage
from domain.work.outcomes import Export
from ports.central_registry import OutputEvent, RegistryUnavailableError, UnappliableEventError
from ports.workspace import WorkspaceError
from tests.integration.butler import night as n
from tests.integration.butler.night import MakeWorkspace, Night
from tests.integration.butler.repository import make_central
from tests.integration.minio import PASSWORD, USER, MinioServer, NoMinioError, minio_binary

pytestmark = pytest.mark.slow

type Stop = Callable[[], None]

BUCKETS = ("images", "central")
FOLDER = "any folder/what? #1;é+%41"


@pytest.fixture(autouse=True)
def stop_store(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stop]:
    """Start MinIO where it was built, moto else."""
    try:
        binary = minio_binary()
    except NoMinioError:
        store = _moto()
    else:
        store = _minio(binary, tmp_path_factory.mktemp("minio"))
    with store as (url, stop):
        for name, value in {
            "S3_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": USER,
            "AWS_SECRET_ACCESS_KEY": PASSWORD,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_MAX_ATTEMPTS": "1",
        }.items():
            monkeypatch.setenv(name, value)
        yield stop


@contextmanager
def _minio(binary: str, folder: Path) -> Iterator[tuple[str, Stop]]:
    with MinioServer(binary, folder, buckets=BUCKETS) as server:
        yield server.url, server.stop
        server.client.close()


@contextmanager
def _moto() -> Iterator[tuple[str, Stop]]:
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    client = boto3.client(
        "s3",
        endpoint_url=url,
        aws_access_key_id=USER,
        aws_secret_access_key=PASSWORD,
        region_name="us-east-1",
    )
    for bucket in BUCKETS:
        client.create_bucket(Bucket=bucket)
    client.close()
    yield url, server.stop
    server.stop()


@pytest.fixture
def registry_config() -> Mapping[str, Any]:
    """SQLite, if nothing else is said."""
    return {}


@pytest.fixture
def central(tmp_path: Path, registry_config: Mapping[str, Any]) -> Path:
    """A repository whose files are in the object store, and whose registry is not."""
    changed = Config({"datastore": {"root": "s3://central/prompt/"}, **registry_config})
    make_central(tmp_path / "central", n.CAMERA, (n.DETECTOR,), changed=changed)
    n.initialize_now(tmp_path / "central", [n.CHANGE, n.CHANGE_ALERT, n.PRELOAD])
    return tmp_path / "central"


@pytest.fixture
def night(untouched: tuple[Path, Night]) -> Night:
    return evolve(untouched[1], raws=tuple(_upload(raw) for raw in untouched[1].raws))


def _upload(raw: RawImage) -> RawImage:
    uri = f"s3://images/{quote(FOLDER)}/{raw.key.key}"
    ResourcePath(uri).write(ResourcePath(raw.uri).read())
    return evolve(raw, uri=uri)


@pytest.fixture
async def registry(central: Path) -> AsyncIterator[ButlerCentralRegistry]:
    registry = ButlerCentralRegistry(str(central))
    yield registry
    await registry.close()


@n.both_ways
async def test_outputs_are_found_in_the_object_store(
    make_workspace: MakeWorkspace, night: Night, central: Path, registry: ButlerCentralRegistry
) -> None:
    workspace = make_workspace()
    workspace.prepare(night.assignment(main=[n.CHANGE], preprocessing=[n.PRELOAD]))
    assert workspace.process([workspace.ingest(raw).exposure for raw in night.raws]).failure == ""
    for _ in range(2):  # a second export replaces the files of the first
        message = workspace.export(Export.EVERYTHING)
        assert message is not None
        datasets = await registry.apply([OutputEvent(body=message, position="1")])
    with Butler.from_config(str(central), collections=f"SimCam/prompt/output-{n.DAY}") as butler:
        refs = [butler.get_dataset(number, dimension_records=True) for number in datasets]
        uris = [butler.getURI(ref) for ref in refs if ref is not None]
        assert len(uris) == len(datasets)
        assert {uri.scheme for uri in uris} == {"s3"}
        assert all(uri.exists() for uri in uris)
        assert butler.get("after", instrument="SimCam", visit=night.raws[0].exposure, detector=4)
        assert butler.get("preloaded", instrument="SimCam", group=n.GROUP, detector=4)


def test_alerts_that_no_broker_took_lie_in_the_object_store(
    make_workspace: MakeWorkspace, night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AP_KAFKA_SERVER", "127.0.0.1:1")
    monkeypatch.setenv("AP_KAFKA_TOPIC", "alerts")
    workspace = make_workspace()
    workspace.prepare(night.assignment(main=[n.CHANGE_ALERT]))
    exposures = [workspace.ingest(raw).exposure for raw in night.raws]
    assert workspace.process(exposures, time.monotonic()).failure == ""
    waiting = workspace.waiting_alerts()
    assert waiting is not None
    assert waiting.number == 6
    assert waiting.place.startswith(f"s3://central/prompt/.alert-outbox/{n.DAY}/")


async def test_an_object_that_is_not_there_is_unappliable(
    make_workspace: MakeWorkspace, night: Night, registry: ButlerCentralRegistry
) -> None:
    workspace = make_workspace()
    workspace.prepare(night.assignment(main=[n.CHANGE]))
    workspace.process([workspace.ingest(raw).exposure for raw in night.raws])
    message = workspace.export(Export.EVERYTHING)
    assert message is not None
    first = json.loads(message)["datasets"][0]["path"]
    ResourcePath("s3://central/prompt/").join(first).remove()
    with pytest.raises(UnappliableEventError):
        await registry.apply([OutputEvent(body=message, position="1")])


async def test_an_object_store_out_of_reach_is_no_fault_of_a_message(
    stop_store: Stop,
    make_workspace: MakeWorkspace,
    night: Night,
    registry: ButlerCentralRegistry,
) -> None:
    workspace = make_workspace()
    workspace.prepare(night.assignment(main=[n.CHANGE]))
    workspace.process([workspace.ingest(raw).exposure for raw in night.raws])
    message = workspace.export(Export.EVERYTHING)
    assert message is not None
    stop_store()
    with pytest.raises(WorkspaceError):
        workspace.export(Export.EVERYTHING)
    with pytest.raises(RegistryUnavailableError):
        await registry.apply([OutputEvent(body=message, position="1")])


class TestOnPostgresql:
    """As in production: the registry on PostgreSQL, the files in an object store."""

    @pytest.fixture
    def registry_config(self, postgresql_url: str) -> Mapping[str, Any]:
        return {"registry": {"db": postgresql_url, "namespace": f"night_{uuid4().hex}"}}

    @n.both_ways
    async def test_a_visit_by_the_writer(
        self, make_workspace: MakeWorkspace, night: Night, central: Path, registry: ButlerCentralRegistry
    ) -> None:
        workspace = make_workspace()
        workspace.prepare(night.assignment(main=[n.CHANGE], preprocessing=[n.PRELOAD]))
        assert workspace.process([workspace.ingest(raw).exposure for raw in night.raws]).failure == ""
        message = workspace.export(Export.EVERYTHING)
        assert message is not None
        datasets = await registry.apply([OutputEvent(body=message, position="1")])
        assert set(await registry.apply([OutputEvent(body=message, position="1")])) == set(datasets)
        with Butler.from_config(str(central), collections=f"SimCam/prompt/output-{n.DAY}") as butler:
            assert butler.get("after", instrument="SimCam", visit=night.raws[0].exposure, detector=4)
            assert len(butler.query_datasets("prompt_provenance", find_first=False)) == 2

    async def test_a_visit_without_a_writer(
        self, make_workspace: MakeWorkspace, night: Night, central: Path
    ) -> None:
        workspace = make_workspace(use_writer=False)
        workspace.prepare(night.assignment(main=[n.CHANGE]))
        assert workspace.process([workspace.ingest(raw).exposure for raw in night.raws]).failure == ""
        assert workspace.export(Export.EVERYTHING) is None
        with Butler.from_config(str(central), collections=f"SimCam/prompt/output-{n.DAY}") as butler:
            assert len(butler.query_datasets("count")) == 2
