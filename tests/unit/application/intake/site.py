"""A site's intake on adapters in memory, whose process can be killed before and after each of its steps."""

import asyncio
import inspect
from collections.abc import Sequence
from typing import Any

from adapters.memory.frames.disk import MemoryDisk
from adapters.memory.frames.frame_journal import MemoryFrameJournal
from adapters.memory.frames.frame_reader import MemoryFrameReader
from adapters.memory.frames.incoming_files import MemoryIncomingFiles
from adapters.memory.frames.raw_keeper import MemoryRawKeeper
from adapters.memory.metrics import MemoryMetrics
from adapters.memory.queue.control import MemoryControl
from adapters.memory.queue.queue_store import MemoryQueueStore
from adapters.memory.queue.work_publisher import MemoryWorkPublisher
from adapters.memory.raws.image_store import MemoryImageStore
from adapters.memory.raws.raw_index import MemoryRawIndex
from application.intake.keep_frames import FrameKeeping, VisitPolicy
from application.intake.take_in_frames import FrameIntake, IntakePolicy
from domain.raws.exposure import Exposure
from domain.raws.frame_files import FrameFile, FrameRecord
from domain.times import UtcSeconds
from ports.incoming import ReadFrame
from ports.raw_index import RawSlot
from tests.unit.simulator.cameras import make_camera

CAMERA = make_camera()
BEGIN = UtcSeconds(1_773_454_500.0)


class Killed(BaseException):
    """The process ends here."""


class Fuse:
    """Burns down by a step at each call of a port, before and after it."""

    def __init__(self, steps: int | None = None) -> None:
        self.steps = steps

    def burn(self) -> None:
        if self.steps is not None:
            if not self.steps:
                raise Killed
            self.steps -= 1


class Fused:
    """A port whose calls burn a fuse."""

    def __init__(self, port: object, fuse: Fuse) -> None:
        self._port = port
        self._fuse = fuse

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)
        if not inspect.iscoroutinefunction(method):
            return method

        async def call(*args: Any) -> Any:
            self._fuse.burn()
            result = await method(*args)
            self._fuse.burn()
            return result

        return call


class LoopClock:
    """The wall clock, led by the event loop's."""

    def utc(self) -> UtcSeconds:
        return UtcSeconds(BEGIN + asyncio.get_running_loop().time())


class Site:
    """What outlives the process of the intake."""

    def __init__(self, *, snaps: int = 1, batch: int = 32) -> None:
        self.clock = LoopClock()
        self.metrics = MemoryMetrics()
        self.disk = MemoryDisk()
        self.store = MemoryImageStore()
        self.reader = MemoryFrameReader(self.disk)
        self.keeper = MemoryRawKeeper(self.disk, self.store)
        self.index = MemoryRawIndex(self.clock)
        self.queue = MemoryQueueStore(self.clock)
        self.publisher = MemoryWorkPublisher({CAMERA.instrument: self.queue}, MemoryControl(self.clock))
        self.journal = MemoryFrameJournal()
        self._snaps = snaps
        self._batch = batch

    def put(self, path: str, *exposures: Exposure, is_floating: bool = False, **changes: Any) -> FrameFile:
        """Write a file of frames, now unless it was `modified` at another time; all with `key`, if given."""
        key = changes.pop("key", "")
        frames = [
            ReadFrame(
                exposure=each,
                key=key or f"TestCam/{each.detector}/{each.group}/{each.snap}/{each.exposure}/{path[1:]}",
                is_floating=is_floating,
            )
            for each in exposures
        ]
        modified = changes.pop("modified", None)
        return self.disk.put(
            path, *frames, modified=self.clock.utc() if modified is None else modified, **changes
        )

    def intake(self, fuse: Fuse | None = None) -> FrameIntake:
        """Start the process anew."""
        fuse = fuse or Fuse()
        ports: dict[str, Any] = {
            name: Fused(getattr(self, name), fuse) for name in ("keeper", "index", "publisher", "journal")
        }
        keeping = FrameKeeping(
            camera=CAMERA,
            policy=VisitPolicy(snaps=self._snaps, survey="site"),
            store=self.store,
            clock=self.clock,
            metrics=self.metrics,
            **ports,
        )
        reader: Any = Fused(self.reader, fuse)
        return FrameIntake(
            instrument=CAMERA.instrument,
            policy=IntakePolicy(),
            incoming=MemoryIncomingFiles(self.disk, pause=1.0, most=self._batch),
            reader=reader,
            keeping=keeping,
            journal=ports["journal"],
            clock=self.clock,
            metrics=self.metrics,
        )

    async def run(self, seconds: float, fuse: Fuse | None = None) -> bool:
        """Run the process for so long; whether it lived."""
        try:
            async with asyncio.timeout(seconds):
                await self.intake(fuse).run()
        except TimeoutError:
            return True
        except Killed:
            return False
        raise AssertionError("it ended by itself")

    async def endings(self) -> dict[str, str]:
        """Tell what became of each file, as it was last."""
        records: Sequence[FrameRecord] = await self.journal.records()
        return {record.file.path: record.ending.value for record in records}

    async def reason(self, path: str) -> str:
        """Tell why."""
        return next(one.reason for one in await self.journal.records() if one.file.path == path)

    def queued(self) -> list[tuple[str, int]]:
        """List groups and detectors in the order of the queue, and empty it."""
        found = []
        while (lease := self.queue.take("eyes")) is not None:
            assert lease.work is not None
            found.append((lease.work.visit.group, lease.work.detector))
            self.queue.drop(lease.entry)
        return found

    async def indexed(self, exposure: Exposure) -> str | None:
        """Tell where a raw is, by the index."""
        name = CAMERA.detector(exposure.detector).in_keys
        slot = RawSlot(exposure.instrument, exposure.group, exposure.snap, name)
        return (await self.index.find([slot]))[0]
