"""Nights in memory that are broken by a schedule, and what must be true of them afterwards.

The invariants are those of `tests.chaos`; here a night takes milliseconds.
"""

import asyncio
import inspect
import json
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, cast

import looptime
from attrs import evolve, frozen

from adapters.memory.workspace import MemoryPipelines, MemoryWorkspace
from domain.cameras.camera import Camera
from domain.errors import PromptProcessingError
from domain.times import tai_from_utc
from domain.visit import Cancellation, Identity, Visit
from domain.work.attempts import AttemptRecord
from domain.work.outcomes import Cancelled, Completed, FailedAfterChange, NoImages
from entrypoints.rehearsal.faults import AWAY
from ports.announcements import Unreadable
from ports.workspace import RawUnavailableError, WorkspaceError, WorkspaceLostError
from tests.unit.application.night import CAMERA, INSTRUMENT, MemoryNight

__all__ = ["ATTEMPT_COSTS", "AWAY", "KINDS", "Break", "Schedule", "run_schedule"]

SERVICES = ("fan-out", "keeper", "indexer", "writer")
_VISITS_APART = 20.0
_LANDED = 35.0
_END = 600.0
_DURATIONS = {"prepare": 2.0, "ingest": 0.5, "process": 4.0, "change": 0.7, "export": 1.0}

_FAILING: dict[str, tuple[str, type[PromptProcessingError]]] = {
    "child dies": ("ingest", WorkspaceLostError),
    "process fails": ("process", WorkspaceError),
    "export child dies": ("export", WorkspaceLostError),
    "prepare fails": ("prepare", WorkspaceError),
    "export fails": ("export", WorkspaceError),
    "image not there": ("ingest", RawUnavailableError),
}

_AFTER_CHANGE_COSTS = frozenset({"kill worker", "child dies", "process fails", "export child dies"})
"""What may cost a visit between its claim and its recorded end."""

ATTEMPT_COSTS = _AFTER_CHANGE_COSTS | {"pause worker", "queue away", "ledger away"}
"""What may cost an attempt; a schedule has fewer of them than there are attempts."""

KINDS = (
    *AWAY,
    *_FAILING,
    "kill worker",
    "pause worker",
    "kill fan-out",
    "kill indexer",
    "kill writer",
    "announced again",
    "changed",
    "poison",
)


@frozen
class Break:
    """One thing that goes wrong."""

    kind: str
    when: float
    """Seconds since the night began."""
    which: int
    """Of workers or visits, as the kind needs."""
    length: float
    """Seconds, where it lasts."""


@frozen
class Schedule:
    """A night and all that goes wrong."""

    breaks: tuple[Break, ...]
    told: tuple[str, ...]
    """How each visit's images are notified: ``once``, ``twice``, ``never`` or ``late``."""
    cancelled: frozenset[int]
    """Visits taken back before their images."""
    snaps: tuple[int, ...]
    offsets: tuple[float, ...]
    """By which the clock of each worker is off, seconds; there are as many workers."""
    claim_seconds: float = 150.0
    """Longer than any pause and any outage."""
    detectors: int = 2

    @property
    def workers(self) -> tuple[str, ...]:
        """Where workers run."""
        return tuple(f"worker {number}" for number in range(len(self.offsets)))


class _Gate:
    """Between a worker and its ports: closed while the worker is stopped, and dead once it was killed."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()
        self.is_dead = False

    def kill(self) -> None:
        """Let nothing through any more."""
        self.is_dead = True
        self.open.set()

    async def pass_through(self) -> None:
        """Wait until it is open.

        Raises
        ------
        asyncio.CancelledError
            Raised if the worker is dead.
        """
        await self.open.wait()
        if self.is_dead:
            raise asyncio.CancelledError


class _Gated:
    def __init__(self, port: object, gate: _Gate) -> None:
        self._port = port
        self._gate = gate

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)
        if not inspect.iscoroutinefunction(method):
            return method

        async def call(*arguments: Any, **named: Any) -> Any:
            await self._gate.pass_through()
            answer = await method(*arguments, **named)
            await self._gate.pass_through()
            return answer

        return call


def _camera(detectors: int) -> Camera:
    """Make the simulated camera with as many rafts as so many detectors fill."""
    raft = CAMERA.detectors
    rafts = [
        evolve(one, number=one.number + first, name=one.name.replace("R22", f"R{22 + first // len(raft)}"))
        for first in range(0, detectors, len(raft))
        for one in raft
    ]
    return evolve(CAMERA, detectors=tuple(rafts))


class _BrokenNight(MemoryNight):
    """A night whose processes can be ended and stopped."""

    def __init__(self, schedule: Schedule) -> None:
        super().__init__(
            workers=0,
            detectors=frozenset(range(schedule.detectors)),
            pipelines=("ApPipe.yaml",),
            behaviour=MemoryPipelines(changing=frozenset({"ApPipe"})),
            durations=_DURATIONS,
            lease_seconds=20.0,
            claim_seconds=schedule.claim_seconds,
            camera=_camera(schedule.detectors),
        )
        self.schedule = schedule
        self.tasks: dict[str, asyncio.Task[Any]] = {}
        self.visits: dict[int, Visit] = {}
        self._gates: dict[str, _Gate] = {}
        self._lives = Counter[str]()
        self._outages = Counter[str]()
        self._workspaces: dict[str, MemoryWorkspace] = {}

    def _around[T](self, port: T, worker: str) -> T:
        return cast(T, _Gated(port, self._gates.setdefault(worker.partition("/")[0], _Gate())))

    def start(self, place: str) -> None:
        """Start a process in its place."""
        makers: dict[str, Callable[[], Any]] = {
            "fan-out": self._fan_out,
            "keeper": lambda: self._keeper().run(),
            "indexer": lambda: self._indexer().run(),
            "writer": lambda: self.writer().run(),
        }
        if place in makers:
            running = makers[place]()
        else:
            self._lives[place] += 1
            self._gates[place] = _Gate()
            offset = self.schedule.offsets[self.schedule.workers.index(place)]
            worker = self.worker(f"{place}/{self._lives[place]}", offset=offset)
            self._workspaces[place] = self.workspaces[-1]
            running = worker.run(asyncio.Event())
        self.tasks[place] = asyncio.create_task(running)

    async def end(self, place: str) -> None:
        """End a process, as a kill does: it writes nothing more."""
        if place in self._gates:
            self._gates[place].open.clear()
        self.tasks[place].cancel()
        if place in self._gates:
            self._gates[place].kill()
        await asyncio.wait([self.tasks[place]])
        if place == "fan-out":
            self.announcements.restart()

    async def befall(self, one: Break) -> None:
        """Let one thing go wrong."""
        worker = self.schedule.workers[one.which % len(self.schedule.workers)]
        if one.kind.startswith("kill "):
            place = one.kind.removeprefix("kill ")
            await self._kill(worker if place == "worker" else place, one.length / 10)
        elif one.kind in AWAY:
            store = getattr(self, AWAY[one.kind])
            store.outage = "chaos"
            self._outages[one.kind] += 1
            await asyncio.sleep(one.length)
            self._outages[one.kind] -= 1
            # Of outages that overlap the last ends them.
            if not self._outages[one.kind]:
                store.outage = ""
        elif one.kind in _FAILING:
            step, error = _FAILING[one.kind]
            self._workspaces[worker].fail_next(step, error("chaos"))
        elif one.kind == "pause worker":
            await self._pause(worker, 2 * one.length)
        elif one.kind == "poison":
            self.queue.add(None, fault="not a visit")
            await self.announcements.announce(Unreadable(reason="not Avro"))
        elif one.which in self.visits:
            await self._announce_again(one.which, is_changed=one.kind == "changed")

    async def _kill(self, place: str, pause: float) -> None:
        await self.end(place)
        await asyncio.sleep(pause)
        if self.tasks[place].done():
            self.start(place)

    async def _pause(self, worker: str, seconds: float) -> None:
        gate = self._gates[worker]
        gate.open.clear()
        await asyncio.sleep(seconds)
        gate.open.set()

    async def _announce_again(self, number: int, *, is_changed: bool) -> None:
        visit = self.visits[number]
        if is_changed:
            now = tai_from_utc(self.clock.utc())
            visit = evolve(visit, total_checkpoints=visit.total_checkpoints + 1, sent=now)
            self.visits[number] = visit
        await self.announcements.announce(visit)

    async def observe(self, number: int) -> None:
        """Announce one visit and deliver its images."""
        await asyncio.sleep(number * _VISITS_APART)
        visit = self.visits[number] = self.visit(f"group {number}", nimages=self.schedule.snaps[number])
        await self.announcements.announce(visit)
        if number in self.schedule.cancelled:
            await asyncio.sleep(5.0)
            cancellation = Cancellation(
                sal_index=visit.sal_index, script_sal_index=visit.script_sal_index, group=visit.group
            )
            await self.announcements.announce(cancellation)
            return
        await asyncio.sleep(_LANDED)
        told = self.schedule.told[number]
        for snap in range(visit.nimages):
            for detector in range(self.schedule.detectors):
                key = self.expose(visit, detector, snap=snap, notify=told in {"once", "twice"})
                if told == "twice":
                    self.expose_again(key)

    def expose_again(self, key: str) -> None:
        """Notify once more of an image."""
        for worker in self.notifications:
            worker.notify(self.images.stored(key))


async def _play(schedule: Schedule) -> list[str]:
    night = _BrokenNight(schedule)
    await night._initializer().run(register=True)
    for place in (*SERVICES, *schedule.workers):
        night.start(place)

    async def later(one: Break) -> None:
        await asyncio.sleep(one.when)
        await night.befall(one)

    try:
        async with asyncio.TaskGroup() as tasks:
            for number in range(len(schedule.snaps)):
                tasks.create_task(night.observe(number))
            for one in schedule.breaks:
                tasks.create_task(later(one))
        # What was leased beside a claim is postponed past its end, also if the work has been completed.
        await asyncio.sleep(_END + schedule.claim_seconds)
        wrong = [f"{place} ended: {task!r}" for place, task in night.tasks.items() if task.done()]
        return wrong + await _judge(night)
    finally:
        for task in night.tasks.values():
            task.cancel()
        await asyncio.gather(*night.tasks.values(), return_exceptions=True)


async def _judge(night: _BrokenNight) -> list[str]:
    schedule = night.schedule
    wrong = [
        f"exposure {exposure} of {detector} was changed {many} times"
        for (exposure, detector), many in Counter(
            (exposure, attempt.identity.detector) for exposure, attempt in night.repository.changes
        ).items()
        if many > 1
    ]
    depth = night.queue.depth()
    if depth.unfinished:
        wrong.append(f"left in the queue: {depth}")
    changed = {(attempt, exposure) for exposure, attempt in night.repository.changes}
    is_broken = any(one.kind in _AFTER_CHANGE_COSTS for one in schedule.breaks)
    for number in range(len(schedule.snaps)):
        for detector in range(schedule.detectors):
            identity = Identity(INSTRUMENT, f"group {number}", detector)
            records = await night.ledger.history(identity)
            wrong += _faults(identity, records)
            last = records[-1] if records else None
            match last.outcome if last else None:
                case Completed(snaps=snaps) if last is not None:
                    if len(snaps) != schedule.snaps[number]:
                        wrong.append(f"{identity}: {len(snaps)} snaps of {schedule.snaps[number]}")
                    wrong += [
                        f"{identity}: exposure {snap.exposure} was not changed by its attempt"
                        for snap in snaps
                        if (last.attempt, snap.exposure) not in changed
                    ]
                case FailedAfterChange() if is_broken:
                    pass
                case Cancelled() | NoImages() as end if _was_cancelled(schedule, number, end):
                    pass
                case outcome:
                    wrong.append(f"{identity}: {outcome}")
    if night.repository.datasets != night.repository.files:
        lost = night.repository.files.keys() - night.repository.datasets.keys()
        # Files that a dead attempt copied before it could tell the writer belong to nobody.
        told = {key for body in night.topic.messages for key in json.loads(body)["datasets"]}
        if any(str(key) in told for key in lost) or not is_broken:
            wrong.append(f"{len(lost)} files are not in the registry")
    return wrong


def _was_cancelled(schedule: Schedule, number: int, end: Cancelled | NoImages) -> bool:
    # A cancellation that is late finds that the worker has waited for images that were never taken.
    is_late = any(one.kind == "announcements away" for one in schedule.breaks)
    return number in schedule.cancelled and (is_late or isinstance(end, Cancelled))


def _faults(identity: Identity, records: Sequence[AttemptRecord]) -> list[str]:
    if not records:
        return [f"{identity}: the ledger knows nothing of it"]
    wrong = []
    if not records[-1].final or records[-1].outcome is None:
        wrong.append(f"{identity}: no final outcome")
    if any(record.final for record in records[:-1]):
        wrong.append(f"{identity}: two final outcomes")
    return wrong


def run_schedule(schedule: Schedule) -> list[str]:
    """Play a schedule in a loop of its own; returns what was wrong."""
    # Thousands of lines that nobody reads cost half of the time.
    logging.disable(logging.CRITICAL)
    try:
        # Nothing here comes from outside, so that the loop need not look around before it jumps.
        with asyncio.Runner(loop_factory=lambda: looptime.new_event_loop(noop_cycles=1)) as runner:
            return runner.run(_play(schedule))
    finally:
        logging.disable(logging.NOTSET)
