"""A whole observatory in one event loop: the production containers, with every adapter in memory."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, Final

from attrs import evolve
from dependency_injector import providers
from dependency_injector.containers import DeclarativeContainer

from adapters.files.cameras import load_camera
from adapters.memory.announcements import MemoryAnnouncements
from adapters.memory.history_store import MemoryClaimStore, MemoryHistoryStore
from adapters.memory.measurements import MemoryMeasurements
from adapters.memory.metrics import MemoryMetrics
from adapters.memory.outputs.central_registry import MemoryCentralRegistry
from adapters.memory.outputs.deployment_outputs import MemoryDeploymentOutputs
from adapters.memory.outputs.output_events import MemoryOutputEvents
from adapters.memory.outputs.output_notifier import MemoryOutputNotifier
from adapters.memory.outputs.output_topic import MemoryOutputTopic
from adapters.memory.outputs.shared_repository import MemoryRepository
from adapters.memory.queue.control import MemoryControl
from adapters.memory.queue.dead_announcements import MemoryDeadAnnouncements
from adapters.memory.queue.queue_store import MemoryQueueStore
from adapters.memory.queue.work_publisher import MemoryWorkPublisher
from adapters.memory.queue.work_queue import MemoryQueueUpkeep, MemoryWorkQueue
from adapters.memory.raws.image_store import MemoryImageStore
from adapters.memory.raws.object_feed import MemoryObjectFeed
from adapters.memory.raws.raw_index import MemoryRawIndex
from adapters.memory.raws.raw_lookup import MemoryRawLookup
from adapters.memory.raws.raw_notifications import MemoryRawNotifications
from adapters.memory.workspace import Durations, MemoryPipelines, MemoryWorkspace
from application.index_raws import RawIndexer
from application.initialize import Initializer
from application.keep_queue import QueueKeeper
from application.ledger import StoredClaims, StoredLedger
from application.sidecars import Sidecars
from application.worker.alongside import running_alongside
from application.worker.work import Worker
from application.write_outputs import OutputWriter
from domain.cameras.camera import Camera
from domain.fan_out import FanOutConfig
from domain.headers.header import read_exposure
from domain.pipelines import Node, PipelinesConfig
from domain.raws.exposure import Exposure
from domain.raws.raws import RawImage
from domain.times import TaiSeconds, UtcSeconds, tai_from_utc
from domain.visit import CoordinateSystem, Dome, RotationSystem, Visit
from entrypoints.containers.butler_writer import ButlerWriterContainer
from entrypoints.containers.fan_out import FanOutContainer
from entrypoints.containers.memory import settings as processes
from entrypoints.containers.raw_presence import RawPresenceContainer
from entrypoints.containers.worker import WorkerContainer
from entrypoints.settings.worker import WorkerSettings

__all__ = ["BEGIN", "CAMERA", "DEPLOYMENT", "EXPOSURE_TIME", "LoopClock", "MemoryNight", "wired"]

CAMERA = load_camera("simulated")
BEGIN = UtcSeconds(1_773_454_500.0)
EXPOSURE_TIME = 15.0
DEPLOYMENT: Final = "deployment"


class LoopClock:
    """The wall clock, led by the event loop's; `offset` seconds ahead.

    `begin` is where the event loop's 0 is.
    """

    def __init__(self, offset: float = 0.0, begin: UtcSeconds = BEGIN) -> None:
        self._zero = begin + offset

    def utc(self) -> UtcSeconds:
        """See `ports.clock.Clock.utc`."""
        return UtcSeconds(self._zero + asyncio.get_running_loop().time())


class MemoryNight:
    """The services around `workers` workers, and what the summit tells them.

    `silent`: the bucket tells nobody of its objects, neither the raw
    microservice nor the workers.
    """

    def __init__(
        self,
        *,
        workers: int = 2,
        detectors: frozenset[int] = frozenset({0, 1}),
        pipelines: tuple[str, ...] = ("SingleFrame.yaml", "Isr.yaml"),
        behaviour: MemoryPipelines | None = None,
        durations: Durations | None = None,
        lease_seconds: float = 30.0,
        claim_seconds: float = 1320.0,
        silent: bool = False,
        writer: bool = True,
        camera: Camera = CAMERA,
        begin: UtcSeconds = BEGIN,
        settings: WorkerSettings = processes.WORKER,
        as_text: bool = True,
    ) -> None:
        self.camera = camera
        self.begin = begin
        self.clock = LoopClock(begin=begin)
        self.metrics = MemoryMetrics()
        self.measurements = MemoryMeasurements()
        self.announcements = MemoryAnnouncements()
        self.control = MemoryControl(self.clock)
        self.dead = MemoryDeadAnnouncements()
        self.histories = MemoryHistoryStore(self.clock, as_text=as_text)
        self.ledger = StoredLedger(self.histories, self.metrics)
        self.queue = MemoryQueueStore(self.clock, lease_seconds=lease_seconds)
        self.publisher = MemoryWorkPublisher({self.camera.instrument: self.queue}, self.control)
        self.images = MemoryImageStore()
        self.feed = MemoryObjectFeed()
        self.index = MemoryRawIndex(self.clock)
        self.topic = MemoryOutputTopic()
        self.repository = MemoryRepository()
        self.notifications: list[MemoryRawNotifications] = []
        self.workspaces: list[MemoryWorkspace] = []
        self.headers: dict[tuple[str, int], Mapping[str, Any]] = {}
        self.sequence = 0
        self.ledger_address = ""
        """Of its server, if that is not the queue's."""
        self._silent = silent
        self._has_writer = writer
        self._settings = settings
        self._lease_seconds = lease_seconds
        self._claim_seconds = claim_seconds
        self.main = PipelinesConfig(nodes=(Node(pipelines=pipelines),), source="main")
        self.before = PipelinesConfig(nodes=(Node(pipelines=()),), source="before")
        self.config = FanOutConfig(
            streams={self.camera.instrument: "memory"}, detectors={self.camera.instrument: detectors}
        )
        self._behaviour = behaviour
        self._durations = durations or {"prepare": 2.0, "ingest": 0.2, "process": 5.0, "export": 0.5}
        self._number = workers
        if not silent:
            self.images.tell(self.feed.notify)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run all services until the block ends."""
        await self._initializer().run(register=True)
        services = [
            self._fan_out(),
            self._keeper().run(),
            self._indexer().run(),
            *([self.writer().run()] if self._has_writer else []),
        ]
        workers = [self.worker(f"worker {number}").run(asyncio.Event()) for number in range(self._number)]
        running = [asyncio.ensure_future(one) for one in (*services, *workers)]
        try:
            yield
            for one in running:
                if one.done():
                    one.result()
        finally:
            for one in running:
                one.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    def visit(self, group: str, *, nimages: int = 1) -> Visit:
        """Announce nothing yet: only write what would be announced now."""
        now = tai_from_utc(self.clock.utc())
        return Visit(
            instrument=self.camera.instrument,
            group=group,
            sal_index=1,
            script_sal_index=200,
            coordinate_system=CoordinateSystem.ICRS,
            position=(149.9, 2.2),
            start_time=TaiSeconds(now + 20),
            rotation_system=RotationSystem.SKY,
            camera_angle=12.0,
            filters="r_sim",
            dome=Dome.OPEN,
            duration=nimages * EXPOSURE_TIME + 5,
            nimages=nimages,
            survey="BLOCK-407",
            total_checkpoints=1,
            sent=now,
        )

    def _land(self, key: str, *, notify: bool) -> None:
        stored = self.images.put(key, modified=self.clock.utc())
        if notify and not self._silent:
            for worker in self.notifications:
                worker.notify(stored)

    def _header(self, visit: Visit, snap: int) -> dict[str, Any]:
        self.sequence += 1
        day_obs = 20260313
        abbreviation = self.camera.raw_keys.abbreviation or self.camera.instrument
        obs_id = f"{abbreviation}_O_{day_obs}_{self.sequence:06d}"
        return {
            "INSTRUME": self.camera.instrument,
            "GROUPID": visit.group,
            "CURINDEX": snap + 1,
            "DAYOBS": day_obs,
            "SEQNUM": self.sequence,
            "OBSID": obs_id,
            "FILTER": visit.filters,
            "EXPTIME": EXPOSURE_TIME,
            "DATE-BEG": "2026-03-14T02:15:40.000",
            "DATE-END": "2026-03-14T02:15:55.000",
            "RA": visit.position[0],
            "DEC": visit.position[1],
            "ROTPA": visit.camera_angle,
            "IMGTYPE": "OBJECT",
            "EXPNUM": day_obs * 100_000 + self.sequence,
            "OBSTYPE": "object",
        }

    def worker(
        self, name: str, *, recycle_after: int = 0, idle_timeout: float = 86_400.0, offset: float = 0.0
    ) -> Worker:
        """Make one more worker, whose clock may be off."""
        notifications = self._notified()
        workspace = MemoryWorkspace(
            repository=self.repository,
            instrument=self.camera.instrument,
            deployment=DEPLOYMENT,
            claims=StoredClaims(MemoryClaimStore(self.histories), self._claim_seconds),
            claim_seconds=self._claim_seconds,
            read=self._read,
            pipelines=self._behaviour,
            durations=self._durations,
        )
        self.workspaces.append(workspace)
        settings = evolve(
            self._settings,
            stream=evolve(self._settings.stream, lease_seconds=self._lease_seconds),
            listen_timeout=idle_timeout,
            restart_freq=recycle_after,
        )
        with wired(
            WorkerContainer,
            settings=settings,
            name=name,
            clock=LoopClock(offset, self.begin),
            camera=self.camera,
            preprocessing=self.before,
            main=self.main,
            queue=self._around(MemoryWorkQueue(self.queue, name), name),
            ledger=self._around(self.ledger, name),
            histories=self.histories,
            control=self.control,
            notifications=notifications,
            store=self.images,
            sidecars=self._sidecars(),
            lookup=MemoryRawLookup(self.index),
            notifier=self._around(MemoryOutputNotifier(self.topic), name),
            workspace=self._around(workspace, name),
            metrics=self.metrics,
            measurements=self.measurements,
        ) as container:
            return container.worker()

    def _notified(self) -> MemoryRawNotifications:
        """Make what one more worker hears of raws."""
        notifications = MemoryRawNotifications(self.camera)
        self.notifications.append(notifications)
        return notifications

    def _sidecars(self) -> Sidecars:
        """Make what reads sidecars for one more worker."""
        return Sidecars(self.camera, self.images)

    def _around[T](self, port: T, worker: str) -> T:  # noqa: ARG002 - for those who stand between
        """Give what a worker is to have in place of a port."""
        return port

    def _read(self, raw: RawImage) -> Exposure:
        return read_exposure(self.camera, self.headers[raw.key.key, raw.key.detector], raw.key)

    def _initializer(self) -> Initializer:
        return Initializer(
            instrument=self.camera.instrument,
            deployment=DEPLOYMENT,
            pipelines=tuple(dict.fromkeys((*self.before.files, *self.main.files))),
            outputs=MemoryDeploymentOutputs(self.repository),
            clock=self.clock,
        )

    @contextlib.contextmanager
    def _fan_out_container(self) -> Iterator[FanOutContainer]:
        with wired(
            FanOutContainer,
            settings=evolve(processes.FAN_OUT, instruments=frozenset({self.camera.instrument})),
            config=self.config,
            announcements=self.announcements,
            publisher=self.publisher,
            control=self.control,
            dead=self.dead,
            ledger=self.ledger,
            queues={"memory": MemoryQueueUpkeep(self.queue)},
            clock=self.clock,
            metrics=self.metrics,
            **({"ledger_address": self.ledger_address} if self.ledger_address else {}),
        ) as container:
            yield container

    async def _fan_out(self) -> None:
        with self._fan_out_container() as container:
            fan_out, guard = container.fan_out(), container.guard()
        async with running_alongside(guard.run()):
            await fan_out.run()

    def _keeper(self) -> QueueKeeper:
        with self._fan_out_container() as container:
            return container.keeper()

    def _indexer(self) -> RawIndexer:
        with wired(
            RawPresenceContainer,
            settings=processes.RAW_PRESENCE,
            cameras=[self.camera],
            store=self.images,
            feed=self.feed,
            index=self.index,
            metrics=self.metrics,
            clock=self.clock,
        ) as container:
            return container.indexer()

    def writer(self) -> OutputWriter:
        """Make a Butler Writer."""
        with wired(
            ButlerWriterContainer,
            settings=processes.WRITER,
            events=MemoryOutputEvents(self.topic),
            registry=MemoryCentralRegistry(self.repository),
            metrics=self.metrics,
        ) as container:
            return container.writer()


_CONTAINERS: dict[type[DeclarativeContainer], Any] = {}
"""One of each, since making one takes 3 ms, and a night in memory hardly more."""


@contextlib.contextmanager
def wired[T: DeclarativeContainer](kind: type[T], **parts: object) -> Iterator[T]:
    """Give a container with parts of this night in place of its own; a misspelt name is an error."""
    if kind not in _CONTAINERS:
        _CONTAINERS[kind] = kind()
    container: T = _CONTAINERS[kind]
    container.reset_singletons()
    with container.override_providers(**{name: providers.Object(part) for name, part in parts.items()}):
        yield container
    container.reset_singletons()
