"""The console before a long night of a large camera, and before large images."""

import asyncio
import itertools
import multiprocessing
import random
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from multiprocessing.synchronize import Event
from pathlib import Path
from urllib.request import urlopen

from attrs import frozen

from adapters.butler.library.fits_planes import read_image
from adapters.console.access import Access
from adapters.console.app import make_app
from adapters.console.events import Announcer
from adapters.console.night import ConsoleNight
from adapters.console.pictures.store import Pictures
from adapters.console.server import ConsoleServer
from adapters.files.cameras import find_camera
from adapters.memory.console.night_board import MemoryLogArchive, MemoryNightBoard
from adapters.memory.history_store import MemoryHistoryStore
from application.ledger import StoredLedger
from benchmarks.report import table
from benchmarks.visits.our_worker import OurWorker
from benchmarks.visits.science import camera_of_size
from benchmarks.visits.visit_night import AP_PIPE, make_night
from domain.results.images import ImageKind, ImagePixels, KeptImage, PixelBox
from domain.times import UtcSeconds, day_obs_of
from domain.visit import Identity
from domain.work.attempts import Attempt, AttemptRecord
from domain.work.outcomes import Completed, FailedBeforeChange

__all__ = ["main"]

_CAMERA = "LSSTCam"
_VISITS = 1_000
_DETECTORS = 189
_CADENCE = 34.0  # seconds
_COMPLETED = Completed(pipeline="ApPipe")
_FAILED = FailedBeforeChange(reason="8 of 214 stars fit")
_BEGIN = UtcSeconds(1_936_576_800.0)
_VIEWERS = (1, 50)
_WATCHED = 10.0  # seconds
_STARTING = 60.0  # seconds
_SIDE = 4096  # pixels
_PAGES = ("/", f"/?visit={_VISITS - 1}", "/troubles", "/nights", f"/visit?group=visit-{_VISITS - 2}")


@frozen
class _StillClock:
    now: UtcSeconds

    def utc(self) -> UtcSeconds:
        """Tell the time."""
        return self.now


def main() -> None:
    """Measure, and print the figures."""
    asyncio.run(_pages())
    with tempfile.TemporaryDirectory(prefix="benchmark-console-") as folder:
        print(asyncio.run(_pictures(_processed(Path(folder)))))


async def _pages() -> None:
    """Time pages of a night, and what it costs to tell viewers what changes."""
    board = MemoryNightBoard(_CAMERA, day_obs_of(_BEGIN), _BEGIN)
    began = time.perf_counter()
    board.tell(*_records(), at=UtcSeconds(_BEGIN + _VISITS * _CADENCE))
    rows = [("the night is read", _seconds(began), "")]
    clock = _StillClock(UtcSeconds(_BEGIN + _VISITS * _CADENCE))
    night = ConsoleNight(
        board=board, ledger=StoredLedger(MemoryHistoryStore(clock)), clock=clock,
        logs=MemoryLogArchive(), camera=find_camera(_CAMERA),
    )  # fmt: skip
    announcer = Announcer(board)
    server = ConsoleServer(make_app(night, announcer, Access()), host="127.0.0.1", port=0)
    async with AsyncExitStack() as stack:
        await server.open()
        stack.push_async_callback(server.close)
        follower = asyncio.create_task(announcer.run())
        stack.callback(follower.cancel)
        rows += [await _page(server.address, path) for path in _PAGES]
        costs = [
            (str(viewers), f"{await _watched(server.address, board, viewers):.2f}") for viewers in _VIEWERS
        ]
    title = f"Pages of a night of {_VISITS:,} visits of {_DETECTORS} detectors"
    print(table(title, ("", "s", "kB"), rows))
    print(
        table(f"CPU seconds in {_WATCHED:g} s in which 30 records a second change", ("viewers", "s"), costs)
    )


def _records() -> Iterator[AttemptRecord]:
    chance = random.Random(1)  # noqa: S311 - a made-up night is no secret
    for visit in range(_VISITS):
        begun = UtcSeconds(_BEGIN + visit * _CADENCE)
        for detector in range(_DETECTORS):
            process = chance.gauss(31, 2)
            failed = chance.random() < 0.001
            yield AttemptRecord(
                attempt=Attempt(Identity(_CAMERA, f"visit-{visit}", detector), 1),
                worker=f"worker-{detector}",
                begun=begun,
                ended=UtcSeconds(begun + process + 30),
                outcome=_FAILED if failed else _COMPLETED,
                final=True,
                seconds={"prepare": 6.0, "wait": 20.0, "transfer": 4.0, "ingest": 0.5, "process": process},
                since_shutter=None if failed else process + 6,
            )


async def _page(address: str, path: str) -> tuple[str, str, str]:
    began = time.perf_counter()
    content = await asyncio.to_thread(_get, address.rstrip("/") + path)
    return path, _seconds(began), f"{len(content) / 1000:.0f}"


def _get(address: str) -> bytes:
    with urlopen(address) as answer:  # noqa: S310 - the server of this process
        content: bytes = answer.read()
    return content


async def _watched(address: str, board: MemoryNightBoard, viewers: int) -> float:
    """Let viewers in another process follow what changes, and tell the CPU time of this one."""
    context = multiprocessing.get_context("spawn")
    all_there = context.Event()
    spawned = context.Process(target=_look, args=(address, viewers, all_there))
    spawned.start()
    try:
        if not await asyncio.to_thread(all_there.wait, _STARTING):
            raise RuntimeError(f"{viewers} viewers did not begin within {_STARTING:g} s")
        changing = itertools.cycle(_last_visit())
        cpu, end = time.process_time(), time.monotonic() + _WATCHED
        while time.monotonic() < end:
            board.tell(*itertools.islice(changing, 3))
            await asyncio.sleep(0.1)
        return time.process_time() - cpu
    finally:
        spawned.terminate()
        spawned.join()


def _look(address: str, viewers: int, all_there: Event) -> None:
    asyncio.run(_all_look(address, viewers, all_there))


async def _all_look(address: str, viewers: int, all_there: Event) -> None:
    there = asyncio.Barrier(viewers + 1)
    async with asyncio.TaskGroup() as tasks:
        for _ in range(viewers):
            tasks.create_task(_view(address, there))
        await there.wait()
        all_there.set()


async def _view(address: str, there: asyncio.Barrier) -> None:
    """Do what an open page does: ask for itself at each event."""
    host, port = address.removeprefix("http://").strip("/").split(":")
    events, asking = await _asked(host, port, "/events")
    is_first = True
    while line := await events.readline():
        if line.startswith(b"data:"):
            page, asking_for_page = await _asked(host, port, "/")
            await page.read()
            asking_for_page.close()
            if is_first:
                await there.wait()
            is_first = False
    asking.close()


async def _asked(host: str, port: str, path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    return reader, writer


def _last_visit() -> list[AttemptRecord]:
    """Let the stages of the last visit's detectors begin, one after the other."""
    group = f"visit-{_VISITS - 1}"
    begun = UtcSeconds(_BEGIN + _VISITS * _CADENCE)
    return [
        AttemptRecord(
            attempt=Attempt(Identity(_CAMERA, group, detector), 2),
            worker=f"worker-{detector}",
            begun=begun,
            stage=stage,
            stage_begun=begun,
        )
        for stage in ("prepare", "wait", "ingest", "process", "export")
        for detector in range(_DETECTORS)
    ]


class _OneImage:
    """`ports.image_archive.ImageArchive` of one file."""

    def __init__(self, image: KeptImage, path: Path) -> None:
        self._image = image
        self._path = path

    async def images(self, group: str, detector: int | None = None) -> Sequence[KeptImage]:  # noqa: ARG002 - one image
        """List it."""
        return [self._image]

    async def read(
        self, image: KeptImage, within: PixelBox | None = None, *, with_mask: bool = True
    ) -> ImagePixels:
        """Read it."""
        return await asyncio.to_thread(read_image, str(self._path), image, within, with_mask=with_mask)


def _processed(folder: Path) -> _OneImage:
    """Let ApPipe process a visit of a large detector."""
    work = make_night(folder, 1, camera_file=camera_of_size(folder, _SIDE))
    work.initialize(AP_PIPE)
    worker = OurWorker(work, AP_PIPE, folder / "ours")
    for step in (worker.prepare, worker.ingest, worker.process, worker.export):
        step(0)
    worker.close()
    visit, raw = work.visits[0]
    [path] = work.repository.rglob("preliminary_visit_image*.fits")
    image = KeptImage(
        group=visit.group, visit=raw.exposure or 0, detector=raw.key.detector, kind=ImageKind.CALIBRATED
    )
    return _OneImage(image, path)


async def _pictures(archive: _OneImage) -> str:
    """Time the first pictures of an image on this disk."""
    [image] = await archive.images("")
    pictures = Pictures(archive)
    whole = (await Pictures(archive).facts(image)).levels - 1
    asked: Sequence[tuple[str, Callable[[], Awaitable[object]]]] = [
        ("the first picture of all of it", lambda: pictures.tile(image, whole, 0, 0)),
        ("another tile", lambda: pictures.tile(image, 0, 1, 1)),
        ("its mask over all of it", lambda: pictures.overlay(image, whole, 0, 0, ["SATURATED"])),
        ("a cutout of 31 x 31", lambda: pictures.cutouts([image], 2000, 2000)),
        ("a thumbnail, not read before", lambda: Pictures(archive).thumbnail(image)),
    ]
    rows = []
    for name, ask in asked:
        began, cpu = time.perf_counter(), time.process_time()
        await ask()
        rows.append((name, _seconds(began), f"{time.process_time() - cpu:.2f}"))
    title = f"Pictures of a calibrated image of {_SIDE} x {_SIDE}"
    return table(title, ("", "s", "CPU s"), rows, [f"a focal plane of {_DETECTORS} costs as many thumbnails"])


def _seconds(began: float) -> str:
    return f"{time.perf_counter() - began:.2f}"
