"""Both ways into the central registry leave the same rows, and the public one has the last word."""

import json
import logging
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, override

import pytest
from attrs import frozen
from lsst.daf.butler import Butler, FileDataset

from adapters.butler.shared.messages import Decoder, Outputs
from adapters.butler.writer.quick_ingest import QuickIngest
from adapters.butler.writer.registrar import Registrar
from tests.integration.butler_writer.repositories import (
    PER_MESSAGE,
    RUN,
    Messages,
    make_central,
    new_database,
    stored_rows,
)

pytestmark = pytest.mark.slow


@frozen
class Side:
    """One repository."""

    butler: Butler
    repository: str
    database: str

    @property
    def messages(self) -> Messages:
        return Messages(self.repository, self.butler.dimensions)

    def read(self, bodies: Sequence[bytes]) -> list[Outputs]:
        decoder = Decoder(self.butler.dimensions, self.butler.get_dataset_type)
        return [decoder.decode(body) for body in bodies]

    def datasets(self) -> list[Any]:
        refs = self.butler.query_all_datasets([RUN], find_first=False, limit=None)
        return [self.butler.get(ref) == {"of": str(ref.id)} for ref in refs]


type MakeSide = Callable[[str], Side]


@pytest.fixture(params=["SQLite, files", "PostgreSQL, S3"])
def make_side(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MakeSide]:
    butlers: list[Butler] = []
    if "S3" in request.param:
        request.getfixturevalue("object_store")

    def make(name: str) -> Side:
        database = f"sqlite:///{tmp_path}/{name}/gen3.sqlite3"
        if "S3" not in request.param:
            repository = make_central(tmp_path / name)
        else:
            database = new_database(request.getfixturevalue("postgresql"))
            repository = make_central(tmp_path / name, database=database, datastore="s3://central/")
        butlers.append(Butler.from_config(repository, writeable=True))
        return Side(butlers[-1], repository, database)

    yield make
    for butler in butlers:
        butler.close()


@pytest.fixture
def no_public_ingest(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the public way was taken")

    monkeypatch.setattr("lsst.daf.butler.direct_butler.DirectButler.ingest", refuse)


def test_both_ways_leave_the_same_rows(make_side: MakeSide, request: pytest.FixtureRequest) -> None:
    sides = {way: make_side(way) for way in ("public", "quick")}
    for way, side in sides.items():
        if way == "quick":
            request.getfixturevalue("no_public_ingest")
        registrar = Registrar(QuickIngest() if way == "quick" else None)
        messages = list(side.messages.many(range(1, 5)))
        # Some come again, in the same batch and in a later one, and also to another writer.
        for batch in (messages[:3], messages[:6], messages[4:] + messages[4:5]):
            registrar.register(side.butler, side.read(batch))
        Registrar(QuickIngest() if way == "quick" else None).register(side.butler, side.read(messages))
        assert side.datasets() == [True] * len(messages) * PER_MESSAGE
    rows = {way: stored_rows(side.database) for way, side in sides.items()}
    assert len(rows["public"]["file_datastore_records"]) == 8 * PER_MESSAGE
    assert len(rows["public"]["exposure"]) == 4
    assert rows["quick"] == rows["public"]


@pytest.fixture
def side(tmp_path: Path) -> Iterator[Side]:
    repository = make_central(tmp_path / "central")
    with Butler.from_config(repository, writeable=True) as butler:
        yield Side(butler, repository, f"sqlite:///{tmp_path}/central/gen3.sqlite3")


@pytest.mark.parametrize(
    "unusual", [{"formatter": None}, {"folder": "a folder"}, {"folder": "Größe"}, {"folder": "a/../b"}]
)
def test_what_is_not_plain_goes_the_public_way(side: Side, unusual: dict[str, Any]) -> None:
    batch = side.read([side.messages.one(1, 0, **unusual)])
    files = [file for outputs in batch for file in outputs.files]
    assert not QuickIngest().can_ingest(side.butler, files)
    Registrar(QuickIngest()).register(side.butler, batch)
    assert side.datasets() == [True] * PER_MESSAGE


def _with_other_ids(message: bytes) -> bytes:
    content = json.loads(message)
    for dataset in content["datasets"]:
        dataset["refs"] = {str(uuid.uuid4()): ref for ref in dataset["refs"].values()}
    return json.dumps(content).encode()


def _without_records(message: bytes) -> bytes:
    return json.dumps({**json.loads(message), "dimension_records": []}).encode()


def _with_lost_file(message: bytes) -> bytes:
    return message.replace(b"/result/3_0", b"/result/lost")


def _with_other_formatter(message: bytes) -> bytes:
    return message.replace(b"lsst.daf.butler.formatters.json.JsonFormatter", b"collections.Counter")


@pytest.mark.parametrize(
    ("number", "spoil"),
    [(1, _with_other_ids), (2, _without_records), (3, _with_lost_file), (3, _with_other_formatter)],
)
def test_what_is_wrong_is_refused_as_a_whole(
    side: Side, number: int, spoil: Callable[[bytes], bytes]
) -> None:
    registrar = Registrar(QuickIngest())
    registrar.register(side.butler, side.read([side.messages.one(1, 0)]))
    before = stored_rows(side.database)
    batch = side.read([side.messages.one(4, 0), spoil(side.messages.one(number, 0))])
    with pytest.raises(Exception):  # noqa: B017, PT011 - of many kinds, all mean the same
        registrar.register(side.butler, batch)
    assert stored_rows(side.database) == before
    registrar.register(side.butler, side.read([side.messages.one(4, 0)]))
    assert len(side.datasets()) == 2 * PER_MESSAGE


def test_datasets_that_share_a_path_are_all_registered(side: Side) -> None:
    messages = [side.messages.one(1, 0), side.messages.one(1, 1).replace(b"/1_1.json", b"/1_0.json")]
    Registrar(QuickIngest()).register(side.butler, side.read(messages))
    assert len(side.datasets()) == 2 * PER_MESSAGE


def test_records_that_are_stored_are_not_sent_again(side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    insert = type(side.butler.registry).insertDimensionData

    def watched(registry: Any, element: str, *records: Any, **options: Any) -> None:
        sent.extend(f"{element} {record.dataId}" for record in records)
        insert(registry, element, *records, **options)

    monkeypatch.setattr(type(side.butler.registry), "insertDimensionData", watched)
    registrar = Registrar(QuickIngest())
    for message in side.messages.many([1, 2], detectors=[0, 1, 2]):
        registrar.register(side.butler, side.read([message]))
    # A day, and a group and an exposure each.
    assert len(sent) == len(set(sent)) == 5


def test_records_that_somebody_removed_are_sent_again(
    side: Side, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    registrar = Registrar(QuickIngest())
    message = side.messages.one(1, 0)
    registrar.register(side.butler, side.read([message]))
    repository = make_central(tmp_path / "emptied")
    with Butler.from_config(repository, writeable=True) as butler:
        emptied = Side(butler, repository, "")
        registrar.register(butler, emptied.read([emptied.messages.one(1, 0)]))
        assert emptied.datasets() == [True] * PER_MESSAGE
    assert "fast ingest disabled" in caplog.text


@pytest.mark.parametrize("known", [True, False])
def test_another_release_of_the_butler_is_served_the_public_way(
    side: Side, caplog: pytest.LogCaptureFixture, known: bool
) -> None:
    tried: list[int] = []

    class Broken(QuickIngest):
        @override
        def ingest(self, butler: Butler, files: Sequence[FileDataset]) -> None:
            tried.append(len(files))
            raise AttributeError("_import_grouped_refs")

    unlike: dict[tuple[type, str], tuple[str, ...]] = {(Butler, "get"): ("self", "something_else")}
    registrar = Registrar(Broken() if known else Broken(unlike))
    with caplog.at_level(logging.WARNING):
        for message in side.messages.many([1, 2]):
            registrar.register(side.butler, side.read([message]))
    assert side.datasets() == [True] * 4 * PER_MESSAGE
    assert tried == ([PER_MESSAGE] if known else [])
    assert caplog.text.count("fast ingest disabled") == len(tried)
