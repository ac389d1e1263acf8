"""Every message that a stranger can send is applied or a dead letter, and stops nobody."""

import asyncio
import json
import random
import shutil
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from lsst.daf.butler import Butler
from lsst.resources import ResourcePath

from adapters.butler.shared.datastore_root import datastore_root
from adapters.butler.writer.central_registry import ButlerCentralRegistry
from adapters.memory.metrics import MemoryMetrics
from adapters.memory.outputs.output_events import MemoryOutputEvents
from adapters.memory.outputs.output_topic import MemoryOutputTopic
from application.worker.alongside import running_alongside
from application.write_outputs import OutputWriter
from tests.integration.butler_writer.repositories import (
    PER_MESSAGE,
    RUN,
    Messages,
    make_central,
    stored_rows,
)

pytestmark = pytest.mark.slow

_COUNT = 120
_VALUES: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    10**30,
    1e308,
    "",
    "x" * 5000,
    "\0",
    "\ud800",
    [],
    {},
    [[]],
    {"a": {}},
    "r_sim",
)


@pytest.fixture
def repository(tmp_path: Path) -> str:
    return make_central(tmp_path / "central")


@pytest.fixture
async def topic(repository: str) -> AsyncIterator[MemoryOutputTopic]:
    """What a writer at work reads."""
    topic, registry = MemoryOutputTopic(), ButlerCentralRegistry(repository)
    writer = OutputWriter(
        events=MemoryOutputEvents(topic), registry=registry, metrics=MemoryMetrics(), retry_delay=3600.0
    )
    async with running_alongside(writer.run()):
        yield topic
    await registry.close()


async def written(topic: MemoryOutputTopic, *messages: bytes) -> list[bytes]:
    """Let messages be written; returns those that were dead-lettered."""
    topic.messages += messages
    topic.changed.set()
    async with asyncio.timeout(120):
        while topic.committed < len(topic.messages):
            await asyncio.sleep(0.05)
    return [event.body for event, _ in topic.dead_letters]


def changed(message: bytes, change: Callable[[Any], object]) -> bytes:
    content = json.loads(message)
    change(content)
    return json.dumps(content).encode()


def messages(repository: str, *numbers: int) -> list[bytes]:
    with Butler.from_config(repository) as butler:
        return list(Messages(repository, butler.dimensions).many(numbers, detectors=[0]))


def count(repository: str) -> int:
    with Butler.from_config(repository) as butler:
        return len(butler.query_all_datasets([RUN], find_first=False, limit=None))


def _damaged(content: Any, dice: random.Random) -> Any:
    """Replace something, somewhere in a message."""
    if dice.random() < 0.15 or not isinstance(content, dict | list) or not content:
        return dice.choice(_VALUES)
    copy = content.copy()
    place = dice.choice(list(content)) if isinstance(content, dict) else dice.randrange(len(content))
    if isinstance(copy, dict) and dice.random() < 0.15:
        copy[dice.choice(["x", "name", "id"])] = copy.pop(place)
    else:
        copy[place] = _damaged(copy[place], dice)
    return copy


@pytest.mark.parametrize("seed", [1, 2])
async def test_damaged_messages_stop_nobody(repository: str, topic: MemoryOutputTopic, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - repeatable
    good = messages(repository, 1, 2)
    damaged = [json.dumps(_damaged(json.loads(good[0]), dice)).encode() for _ in range(_COUNT)]
    dead = await written(topic, good[0], *damaged, b"\xff", good[1])
    assert set(dead) <= {*damaged, b"\xff"}
    assert len(dead) > _COUNT / 3
    assert count(repository) >= 2 * PER_MESSAGE


def _at(address: str) -> Callable[[str], str]:
    return lambda path: f"{address}/{path}"


@pytest.mark.parametrize(
    "spoil",
    [
        _at("http://127.0.0.1:{port}"),
        _at("s3://other-bucket"),
        _at("gs://bucket"),
        _at("file:///etc"),
        _at("/etc"),
        _at(".."),
        _at("x" * 2000),
        lambda _: "",
        lambda path: path + "\0",
    ],
)
async def test_nobody_is_asked_for_what_is_elsewhere(
    repository: str, topic: MemoryOutputTopic, spoil: Callable[[str], str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        [first, second] = messages(repository, 1, 2)
        content = json.loads(first)
        for dataset in content["datasets"]:
            dataset["path"] = spoil(dataset["path"]).replace("{port}", str(server.getsockname()[1]))
        bad = json.dumps(content).encode()
        assert await written(topic, bad, second) == [bad]
        with pytest.raises(BlockingIOError):
            server.accept()
    assert count(repository) == PER_MESSAGE


async def test_addresses_within_the_datastore_are_taken(repository: str, topic: MemoryOutputTopic) -> None:
    [message] = messages(repository, 1)
    content = json.loads(message)
    for dataset in content["datasets"]:
        dataset["path"] = f"{Path(repository).as_uri()}/{dataset['path']}"
    assert await written(topic, json.dumps(content).encode()) == []
    assert count(repository) == PER_MESSAGE


async def test_a_module_that_ends_the_process_ends_nothing(
    repository: str, topic: MemoryOutputTopic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ending.py").write_text("raise SystemExit(3)")
    monkeypatch.syspath_prepend(tmp_path)
    [first, second] = messages(repository, 1, 2)
    bad = first.replace(b"lsst.daf.butler.formatters.json.JsonFormatter", b"ending.Formatter")
    assert await written(topic, bad, second) == [bad]


def _in_run(run: str) -> Callable[[Any], None]:
    def change(content: Any) -> None:
        for dataset in content["datasets"]:
            for ref in dataset["refs"].values():
                ref["run"] = run
            dataset["path"] = dataset["path"].replace(RUN, run)

    return change


def _another_formatter(content: Any) -> None:
    content["datasets"][0]["formatter"] = "subprocess.Popen"


def _another_visits_file(content: Any) -> None:
    content["datasets"][0]["path"] = content["datasets"][0]["path"].replace("/2_0", "/1_0")


def _thousands_of_types(content: Any) -> None:
    kind = content["dataset_types"][0]
    content["dataset_types"] += [{**kind, "name": f"type{number}"} for number in range(1000)]


def _a_file_that_is_not_there(content: Any) -> None:
    content["datasets"][0]["path"] = f"{RUN}/result/lost.json"


@pytest.mark.parametrize(
    "change",
    [
        _in_run("SimCam/calib/2026"),
        _in_run("refcats"),
        _in_run("SimCam/templates/v1"),
        _in_run(f"{RUN}/below"),
        _another_formatter,
        _another_visits_file,
        _thousands_of_types,
        _a_file_that_is_not_there,
    ],
)
async def test_nothing_stays_of_a_message_that_is_set_aside(
    repository: str, topic: MemoryOutputTopic, tmp_path: Path, change: Callable[[Any], None]
) -> None:
    first, second = messages(repository, 1, 2)
    assert await written(topic, first) == []
    datastore = Path(ResourcePath(datastore_root(repository)).ospath)
    files = shutil.copytree(datastore / RUN, tmp_path / "files")
    for run in ("SimCam/calib/2026", "refcats", "SimCam/templates/v1", f"{RUN}/below"):
        shutil.copytree(files, datastore / run)
    database = f"sqlite:///{repository}/gen3.sqlite3"
    before = stored_rows(database)

    def change_and_define(content: Any) -> None:
        change(content)
        for kind in content["dataset_types"]:
            if kind["name"] == "result":
                kind["name"] = "a_new_type"
        for dataset in content["datasets"]:
            for ref in dataset["refs"].values():
                ref["dataset_type_name"] = ref["dataset_type_name"].replace("result", "a_new_type")

    bad = changed(second, change_and_define)
    assert await written(topic, bad) == [bad]
    assert stored_rows(database) == before
    # What a bad message named first, a good one may have.
    good = changed(second, lambda _: None)
    assert await written(topic, good) == [bad]
    assert count(repository) == 2 * PER_MESSAGE
