"""The writer's looks into an outbox in which not everything can be read."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from adapters.kafka.outputs.outbox_watch import OutboxWatch

_INTERVAL = 0.05


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / ".prompt-outbox"
    folder.mkdir()
    return folder


@pytest.fixture
async def watch(folder: Path) -> AsyncIterator[OutboxWatch]:
    watch = OutboxWatch(str(folder.parent), interval=_INTERVAL, limit=2)
    watch.open()
    yield watch
    await watch.close()


async def looked(watch: OutboxWatch, looks: int = 1) -> dict[str, bytes]:
    """Look so many times; returns what came."""
    found: dict[str, bytes] = {}
    for _ in range(looks):
        async with asyncio.timeout(10):
            found.update({event.position: event.body for event in await watch.news()})
        await asyncio.sleep(watch.pause)
    return found


def _no_permission(place: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    place.write_bytes(b"x")
    place.chmod(0)


def _links_in_a_circle(place: Path) -> None:
    place.symlink_to(place)


def _invalid_name(place: Path) -> None:
    Path(os.fsdecode(os.fsencode(place.with_suffix("")) + b"\xff.json")).write_bytes(b"x")


@pytest.mark.parametrize(
    "lay_down", [Path.mkdir, os.mkfifo, _links_in_a_circle, _no_permission, _invalid_name]
)
async def test_what_cannot_be_read_holds_up_nothing(
    watch: OutboxWatch, folder: Path, lay_down: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(3):
        lay_down(folder / f"a{number}.json")
    for number in range(3):
        (folder / f"b{number}.json").write_bytes(str(number).encode())
    assert await looked(watch, 4) == {f"outbox b{number}.json": str(number).encode() for number in range(3)}
    assert caplog.text.count("outbox message unreadable, kept") == 3
    await watch.remove([f"outbox b{number}.json" for number in range(3)])
    assert len(list(folder.iterdir())) == 3


async def test_what_can_be_read_in_the_end_comes(watch: OutboxWatch, folder: Path) -> None:
    place = folder / "a.json"
    place.mkdir()
    assert await looked(watch, 2) == {}
    place.rmdir()
    place.write_bytes(b"late")
    assert await looked(watch, 8) == {"outbox a.json": b"late"}


@pytest.mark.parametrize("name", ["a#b.json", "a%41.json", "a?b.json", "a b.json", "ä.json"])
async def test_names_mean_nothing_else(watch: OutboxWatch, folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"x")
    assert await looked(watch) == {f"outbox {name}": b"x"}
    await watch.remove([f"outbox {name}"])
    assert list(folder.iterdir()) == []


async def test_what_cannot_be_deleted_comes_once(watch: OutboxWatch, folder: Path) -> None:
    place = folder / "a.json"
    place.write_bytes(b"x")
    assert await looked(watch) == {"outbox a.json": b"x"}
    aside = place.rename(folder / "aside")
    place.mkdir()
    await watch.remove(["outbox a.json"])
    place.rmdir()
    aside.rename(place)
    assert await looked(watch, 2) == {}
    assert not place.exists()


async def test_a_folder_that_cannot_be_listed_is_said(
    watch: OutboxWatch, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder.rmdir()
    folder.write_bytes(b"no folder")
    assert await looked(watch) == {}
    assert "outbox unavailable, retrying later" in caplog.text
