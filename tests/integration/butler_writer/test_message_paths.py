"""What workers copy to the central datastore is registered; removing a run takes nothing else along."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from lsst.daf.butler import Butler, ButlerConfig, DatasetType
from lsst.resources import ResourcePath

from adapters.butler.repository.datastores import copy_datasets
from adapters.butler.shared.messages import encode, pack_records
from adapters.butler.shared.records import make_record
from adapters.butler.writer.central_registry import ButlerCentralRegistry
from adapters.butler.writer.message_rules import MessageRules
from ports.central_registry import OutputEvent, UnappliableEventError
from tests.integration.butler_writer.repositories import RUN, Messages, make_central

pytestmark = pytest.mark.slow

_GROUP = "2026-03-14T02:15:07.310"
_GROUPS = (_GROUP, f"{_GROUP}#2", "a group/of words", "g~1 (b)", "größer")


@pytest.fixture(params=["files", "S3"])
def repository(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    root = tmp_path / "a central #1"
    if request.param == "files":
        return make_central(root)
    return make_central(root, datastore=f"{request.getfixturevalue('object_store')}repository/")


@pytest.fixture
async def registry(repository: str) -> AsyncIterator[ButlerCentralRegistry]:
    registry = ButlerCentralRegistry(repository, rules=MessageRules(runs=".+"))
    yield registry
    await registry.close()


def exported(local: str, repository: str, run: str, group: str) -> bytes:
    """Let a worker make a dataset and copy it to the central datastore; returns its message."""
    with Butler.from_config(local, writeable=True) as butler:
        names = ("instrument", "group", "detector")
        plan = DatasetType("plan", names, "StructuredDataDict", universe=butler.dimensions)
        butler.registry.registerDatasetType(plan)
        record = make_record(butler.dimensions, "group", instrument="SimCam", name=group)
        butler.registry.insertDimensionData("group", record)
        butler.collections.register(run)
        ref = butler.put({"of": group}, plan, instrument="SimCam", group=group, detector=0, run=run)
        return encode(pack_records([record]), [plan], copy_datasets(butler, ButlerConfig(repository), [ref]))


@pytest.mark.parametrize("run", [RUN, "u/me/a run: what?", "u/me/run#2", "u/größe/a~b", "u//me/./x"])
async def test_what_workers_copy_is_found(
    registry: ButlerCentralRegistry, repository: str, tmp_path: Path, run: str
) -> None:
    local = make_central(tmp_path / "local")
    bodies = [exported(local, repository, run, group) for group in _GROUPS]
    datasets = await registry.apply([OutputEvent(body=body, position="a message") for body in bodies])
    with Butler.from_config(repository, writeable=True) as butler:
        refs = [butler.get_dataset(dataset) for dataset in datasets]
        assert [butler.get(ref) for ref in refs if ref is not None] == [{"of": group} for group in _GROUPS]
        uris = [butler.getURI(ref) for ref in refs if ref is not None]
        butler.removeRuns([run])
        assert not [uri for uri in uris if uri.exists()]


@pytest.mark.parametrize(
    "path",
    [
        "gen3.sqlite3",
        "butler.yaml",
        f"{RUN}/../../../../../gen3.sqlite3",
        ".prompt-outbox/x.json",
        "SimCam/calib/bias.json",
        f"{RUN}/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/gen3.sqlite3",
        "{root}gen3.sqlite3",
        f"{{root}}{RUN}/%252e%252e/%252e%252e/%252e%252e/%252e%252e/%252e%252e/gen3.sqlite3",
    ],
)
async def test_a_run_that_is_removed_takes_nothing_else_along(
    registry: ButlerCentralRegistry, repository: str, path: str
) -> None:
    with Butler.from_config(repository) as butler:
        [root] = [root for root in butler.get_datastore_roots().values() if root is not None]
        messages = Messages(repository, butler.dimensions)
        good, content = messages.one(1, 0), json.loads(messages.one(2, 0))
    where = path.replace("{root}", root.geturl())
    # All are there, as they are written and as they might be read, so that this is no reason to refuse them.
    targets = [ResourcePath(where, root=root, forceDirectory=False), root.join(where, forceDirectory=False)]
    for target in targets:
        if not target.exists():
            target.write(b"{}")
    content["datasets"][0]["path"] = where
    bad = OutputEvent(body=json.dumps(content).encode(), position="the bad one")
    with pytest.raises(UnappliableEventError, match="the bad one"):
        await registry.apply([bad])
    await registry.apply([OutputEvent(body=good, position="the good one")])
    with Butler.from_config(repository, writeable=True) as butler:
        butler.removeRuns([RUN])
    assert all(target.exists() for target in targets)
    with Butler.from_config(repository) as butler:
        assert butler.registry.queryDatasetTypes("result")
