"""The night that is rehearsed: production's use cases in memory, and a summit that keeps to a schedule."""

import asyncio
import contextlib
import datetime
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, override

from attrs import evolve, frozen

from application.sidecars import Sidecars
from domain.cameras.camera import Camera
from domain.cameras.detectors import Detector
from domain.headers.header import read_exposure
from domain.raws.exposure import Exposure
from domain.raws.raws import RawImage, make_raw_key
from domain.times import TaiSeconds, UtcSeconds, begin_of_day_obs, tai_from_utc
from domain.visit import Visit
from domain.work.attempts import Attempt
from entrypoints.containers.memory.night import CAMERA, MemoryNight
from entrypoints.rehearsal.faults import AWAY, Fault
from entrypoints.rehearsal.schedule import PlannedVisit
from entrypoints.rehearsal.stage_times import StageTimes
from entrypoints.settings.worker import WorkerSettings

__all__ = ["NightPlan", "RehearsedNight"]

_BEGIN: Final = UtcSeconds(begin_of_day_obs(datetime.date(2026, 3, 13)) + 60.0)
"""A day has room for the longest night: what is processed after noon is another day's."""


def _camera_of(detectors: int) -> Camera:
    """Make a camera of so many detectors, whose raws are named as those of the simulated camera."""
    made = tuple(
        Detector(number=number, name=f"R{number // 9:02d}_S{number % 9 // 3}{number % 3}")
        for number in range(detectors)
    )
    return evolve(CAMERA, detectors=made)


@frozen(kw_only=True)
class NightPlan:
    """All that makes a night."""

    detectors: int
    visits: Sequence[PlannedVisit]
    stage_times: StageTimes
    settings: WorkerSettings
    seed: int = 0
    faults: Sequence[Fault] = ()

    def transfer(self, group: str, snap: int, detector: int) -> float:
        """Draw the seconds from the shutter's closing until an image has landed."""
        return self.stage_times.draw("transfer", group, detector, snap + 1, self.seed)

    def group(self, number: int) -> str:
        """Name the group of a visit, from 0."""
        return self.visits[number].group or f"visit {number + 1}"

    @property
    def most_at_once(self) -> int:
        """Visit-detectors that can be under way at once, so that more workers have nothing to do."""
        after = self.stage_times.longest + max((fault.length for fault in self.faults), default=0.0)
        return self.detectors * max(
            sum(other.announced <= visit.announced < other.closed + after for other in self.visits)
            for visit in self.visits
        )


class RehearsedNight(MemoryNight):
    """A night by a plan; who works in it is `entrypoints.rehearsal.pool`'s business."""

    def __init__(self, plan: NightPlan) -> None:
        super().__init__(
            workers=0,
            detectors=frozenset(range(plan.detectors)),
            pipelines=("ApPipe.yaml",),
            durations=self._lasts,
            lease_seconds=plan.settings.stream.lease_seconds,
            claim_seconds=2 * plan.settings.worker_timeout + 120.0,
            camera=_camera_of(plan.detectors),
            begin=_BEGIN,
            settings=plan.settings,
            as_text=False,
        )
        self.plan = plan
        # Every worker hears of every raw, and reads sidecars: one for all is the same, and takes no time.
        self._ear = super()._notified()
        self._reader = Sidecars(self.camera, self.images, remembered=1_000_000)
        self._exposures: dict[tuple[str, int], Exposure] = {}
        self._outages = Counter[str]()
        self._services: dict[str, asyncio.Task[None]] = {}

    async def open(self) -> None:
        """Prepare the day, and start the services."""
        await self._initializer().run(register=True)
        for name in ("fan-out", "keeper", "indexer", "writer"):
            self._start(name)

    async def close(self) -> None:
        """End the services; one that ended by itself raises its error."""
        for one in self._services.values():
            if one.done():
                one.result()
            one.cancel()
        await asyncio.gather(*self._services.values(), return_exceptions=True)

    async def observe(self) -> None:
        """Announce and expose all visits, each at its time."""
        loop = asyncio.get_running_loop()
        for number, planned in enumerate(self.plan.visits):
            await asyncio.sleep(planned.announced - loop.time())
            visit = evolve(
                self.visit(self.plan.group(number), nimages=planned.snaps),
                start_time=self._tai(planned.opens),
                duration=planned.closed - planned.opens,
            )
            await self.announcements.announce(visit)
            for snap in range(planned.snaps):
                self._expose(visit, planned, snap)

    def _expose(self, visit: Visit, planned: PlannedVisit, snap: int) -> None:
        """Let each detector's image land when its transfer is over."""
        loop = asyncio.get_running_loop()
        closes = planned.closes(snap)
        header = self._header(visit, snap)
        first, *_ = self.camera.detectors
        exposure = evolve(
            read_exposure(self.camera, header | _named(first)),
            exposure_time=planned.exposure,
            begin=self._tai(closes - planned.exposure),
            end=self._tai(closes),
        )
        pattern = make_raw_key(self.camera, exposure)
        for detector in self.camera.detectors:
            key = pattern.replace(first.name, detector.name)
            self._exposures[key, detector.number] = evolve(exposure, detector=detector.number)
            transfer = self.plan.transfer(visit.group, snap, detector.number)
            loop.call_at(closes + transfer, self._put, key, header | _named(detector))

    def _put(self, key: str, header: dict[str, Any]) -> None:
        self.images.put(key.replace(".fits", ".json"), cards=header)
        self._land(key, notify=True)

    def _tai(self, seconds: float) -> TaiSeconds:
        return tai_from_utc(UtcSeconds(self.begin + seconds))

    @override
    def _read(self, raw: RawImage) -> Exposure:
        return self._exposures[raw.key.key, raw.key.detector]

    @override
    def _notified(self) -> Any:
        return self._ear

    @override
    def _sidecars(self) -> Sidecars:
        return self._reader

    def _lasts(self, step: str, attempt: Attempt | None) -> float:
        if attempt is None:
            return 0.0
        identity, plan = attempt.identity, self.plan
        return plan.stage_times.draw(step, identity.group, identity.detector, attempt.number, plan.seed)

    async def befall(self, fault: Fault) -> None:
        """Let a neighbour be away, or kill a service, at its time; workers are killed by their pool."""
        await asyncio.sleep(fault.begin - asyncio.get_running_loop().time())
        if fault.kind in AWAY:
            part = getattr(self, AWAY[fault.kind])
            self._outages[fault.kind] += 1
            part.outage = "rehearsed"
            await asyncio.sleep(fault.length)
            self._outages[fault.kind] -= 1
            # Of outages that overlap the last ends them.
            if not self._outages[fault.kind]:
                part.outage = ""
        elif (name := fault.kind.removeprefix("kill ")) in self._services:
            self._services[name].cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._services[name]
            await asyncio.sleep(fault.length)
            if name == "fan-out":
                self.announcements.restart()
            elif name == "indexer":
                self.feed.restart()
            self._start(name)

    def _start(self, name: str) -> None:
        makers: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
            "fan-out": self._fan_out,
            "keeper": lambda: self._keeper().run(),
            "indexer": lambda: self._indexer().run(),
            "writer": lambda: self.writer().run(),
        }
        self._services[name] = asyncio.ensure_future(makers[name]())


def _named(detector: Detector) -> dict[str, str]:
    raft, _, slot = detector.name.partition("_")
    return {"RAFTBAY": raft, "CCDSLOT": slot}
