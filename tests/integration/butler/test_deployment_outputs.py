"""Butler repositories are prepared as the contract says."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from lsst.daf.butler import Butler, DatasetType

from ports.deployment_outputs import DeploymentOutputs, InitializerError
from tests.contract_suites.deployment_outputs import (
    DAY_CHAIN,
    DeploymentOutputsContract,
    Repository,
    plans,
)
from tests.integration.butler import night as n
from tests.integration.butler.night import Night

pytestmark = pytest.mark.slow


class ButlerRepository(Repository):
    pipelines = (n.PLAIN, n.CHANGE)

    def __init__(self, root: Path) -> None:
        self._root = root

    def outputs(self) -> DeploymentOutputs:
        return n.deployment_outputs(self._root)

    async def chain(self) -> Sequence[str]:
        with Butler.from_config(str(self._root)) as butler:
            return butler.collections.get_info(DAY_CHAIN).children

    async def break_off(self) -> None:
        shutil.rmtree(self._root)


@pytest.fixture
def root(untouched: tuple[Path, Night], tmp_path: Path) -> Path:
    return Path(shutil.copytree(untouched[0], tmp_path / "central"))


class TestDeploymentOutputs(DeploymentOutputsContract):
    @pytest.fixture
    def repository(self, root: Path) -> Repository:
        return ButlerRepository(root)


async def test_another_definition_of_a_dataset_type_is_an_error(root: Path) -> None:
    with Butler.from_config(str(root), writeable=True) as butler:
        other = DatasetType("count", ("instrument", "detector"), "ArrowAstropy", universe=butler.dimensions)
        butler.registry.registerDatasetType(other)
    with pytest.raises(InitializerError, match="count"):
        await n.deployment_outputs(root).prepare(DAY_CHAIN, plans([n.PLAIN], "d"), register=True)


async def test_a_pipeline_that_cannot_be_read_is_named(root: Path) -> None:
    with pytest.raises(InitializerError, match=r"nowhere/None\.yaml"):
        await n.deployment_outputs(root).prepare(DAY_CHAIN, plans(["nowhere/None.yaml"], "d"), register=True)


async def test_init_outputs_are_written_once(root: Path) -> None:
    await n.deployment_outputs(root).prepare(DAY_CHAIN, plans([n.CHANGE], "d"), register=True)
    before = _init_outputs(root)
    await n.deployment_outputs(root).prepare(DAY_CHAIN, plans([n.CHANGE, n.PLAIN], "d"), register=True)
    after = _init_outputs(root)
    assert before.keys() == {"count_schema", "count_config", "change_config", "after_config", "packages"}
    assert {name: after[name] for name in before} == before


def _init_outputs(root: Path) -> dict[str, object]:
    run = plans([n.CHANGE], "d")[0].run
    with Butler.from_config(str(root)) as butler:
        return {ref.datasetType.name: ref.id for ref in butler.query_all_datasets(run)}


async def test_a_run_that_lost_something_gets_it_back(root: Path) -> None:
    await n.deployment_outputs(root).prepare(DAY_CHAIN, plans([n.CHANGE], "d"), register=True)
    with Butler.from_config(str(root), writeable=True) as butler:
        refs = butler.query_all_datasets(plans([n.CHANGE], "d")[0].run, name="change_config")
        butler.pruneDatasets(refs, disassociate=True, unstore=True, purge=True)
    done = await n.deployment_outputs(root).prepare(DAY_CHAIN, plans([n.CHANGE], "d"), register=True)
    assert [line.split(": ")[1] for line in done] == ["change_config written"]
    assert "change_config" in _init_outputs(root)
