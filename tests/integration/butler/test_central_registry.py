"""The Butler Writer's registry keeps to the contract."""

import json
from collections.abc import AsyncIterator, Collection
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from lsst.daf.butler import Butler

from adapters.butler.workspace.workspace import ButlerWorkspace
from adapters.butler.writer.central_registry import ButlerCentralRegistry
from domain.work.outcomes import Export
from ports.central_registry import OutputEvent, UnappliableEventError
from tests.contract_suites.central_registry import CentralRegistryContract, Registry
from tests.integration.butler import night as n
from tests.integration.butler.night import Bench, MakeWorkspace, Night

pytestmark = pytest.mark.slow


class ButlerWorld(Registry):
    """Attempts on one visit stand for those on many: each exports datasets of its own."""

    def __init__(self, workspace: ButlerWorkspace, bench: Bench, night: Night, central: Path) -> None:
        self.registry = self.butler_registry = ButlerCentralRegistry(str(central))
        self._workspace = workspace
        self._bench = bench
        self._night = night
        self._central = central
        self._pipelines = iter([n.PLAIN, n.CHANGE, n.COUNT_RAISE])
        self._exported: list[OutputEvent] = []

    async def export(self) -> OutputEvent:
        self._bench.claims.held.clear()
        pipeline = next(self._pipelines)
        self._workspace.prepare(self._night.assignment(main=[pipeline]))
        exposure = self._workspace.ingest(self._night.raws[0])
        self._workspace.process([exposure.exposure])
        body = self._workspace.export(Export.EVERYTHING)
        assert body is not None
        self._exported.append(OutputEvent(body=body, position=pipeline))
        return self._exported[-1]

    async def conflicting(self) -> OutputEvent:
        """Give the same data id in the same run another dataset."""
        message = json.loads(self._exported[0].body)
        for dataset in message["datasets"]:
            dataset["refs"] = {str(uuid4()): ref for ref in dataset["refs"].values()}
        return OutputEvent(body=json.dumps(message).encode(), position="conflict")

    async def registered(self) -> Collection[UUID]:
        with Butler.from_config(str(self._central)) as butler:
            runs = butler.collections.query(f"SimCam/prompt/output-{n.DAY}/*", flatten_chains=True)
            refs = butler.query_all_datasets(runs, find_first=False)
            return {ref.id for ref in refs if "detector" in ref.dimensions}

    async def break_off(self) -> None:
        self._central.rename(self._central.with_name("away"))

    async def recover(self) -> None:
        self._central.with_name("away").rename(self._central)


@pytest.fixture
async def butler_world(
    make_workspace: MakeWorkspace, bench: Bench, night: Night, central: Path
) -> AsyncIterator[ButlerWorld]:
    world = ButlerWorld(make_workspace(), bench, night, central)
    yield world
    await world.butler_registry.close()


class TestCentralRegistry(CentralRegistryContract):
    @pytest.fixture
    def world(self, butler_world: ButlerWorld) -> Registry:
        return butler_world


async def test_a_file_that_is_not_there_is_unappliable(butler_world: ButlerWorld, central: Path) -> None:
    event = await butler_world.export()
    first = json.loads(event.body)["datasets"][0]["path"]
    (central / first).unlink()
    with pytest.raises(UnappliableEventError):
        await butler_world.registry.apply([event])
    assert not await butler_world.registered()


@pytest.mark.parametrize(
    ("part", "wrong"),
    [
        ("dimension_records", [{"definition": "nothing", "record": {}}]),
        ("dimension_records", [{"definition": "group", "record": {"instrument": "SimCam"}}]),
        ("dimension_records", [{"definition": "group", "record": {"instrument": "Other", "name": "g"}}]),
        ("dataset_types", [{"name": "count", "storageClass": "ArrowAstropy", "dimensions": ["detector"]}]),
        ("dataset_types", [{"name": "new", "storageClass": "NoSuchClass", "dimensions": ["detector"]}]),
    ],
)
async def test_what_contradicts_the_repository_is_unappliable(
    butler_world: ButlerWorld, part: str, wrong: list[Any]
) -> None:
    message = json.loads((await butler_world.export()).body)
    message[part] = wrong
    event = OutputEvent(body=json.dumps(message).encode(), position="wrong")
    with pytest.raises(UnappliableEventError):
        await butler_world.registry.apply([event])
    assert not await butler_world.registered()


async def test_older_senders_do_not_name_dataset_types(butler_world: ButlerWorld) -> None:
    message = json.loads((await butler_world.export()).body)
    del message["dataset_types"]
    event = OutputEvent(body=json.dumps(message).encode(), position="old")
    assert set(await butler_world.registry.apply([event])) == set(await butler_world.registered())


async def test_a_dataset_type_registered_meanwhile_is_found(butler_world: ButlerWorld, central: Path) -> None:
    await butler_world.registry.apply([])
    message = json.loads((await butler_world.export()).body)
    await n.initialize(central, [n.SINGLE_FRAME])
    dataset = message["datasets"][0]
    (key,) = dataset["refs"]
    new = {
        "path": dataset["path"],
        "formatter": None,
        "refs": {
            str(uuid4()): {
                **dataset["refs"][key],
                "dataset_type_name": "single_visit_sources",
                "data_id": {"instrument": "SimCam", "detector": n.DETECTOR, "visit": 2026031300001},
            }
        },
    }
    message["datasets"] = [new]
    event = OutputEvent(body=json.dumps(message).encode(), position="new")
    assert len(await butler_world.registry.apply([event])) == 1
