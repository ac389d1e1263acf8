"""A whole observatory in one event loop, with the processes that no rehearsal needs."""

import asyncio
from typing import Any, override

from attrs import evolve

from adapters.memory.outputs.deployment_outputs import MemoryDeploymentOutputs
from adapters.memory.queue.work_queue import MemoryQueueUpkeep
from application.initialize import Initializer
from application.reconcile import Reconciler
from domain.headers.header import read_exposure
from domain.raws.raws import make_raw_key, parse_raw_key, sidecar_key
from domain.visit import Identity, Visit
from domain.work.outcomes import Outcome
from entrypoints.containers.memory import night
from entrypoints.containers.memory.night import BEGIN, CAMERA, DEPLOYMENT, EXPOSURE_TIME, LoopClock, wired
from entrypoints.containers.reconcile import ReconcileContainer
from initializer.container import InitializerContainer
from tests.ledger_records import final_records
from tests.unit.application import processes

__all__ = [
    "BEGIN",
    "CAMERA",
    "EXPOSURE_TIME",
    "GROUP",
    "INSTRUMENT",
    "LoopClock",
    "MemoryNight",
    "announced",
    "outcome_of",
]

INSTRUMENT = CAMERA.instrument
GROUP = "2026-03-14T02:15:07.310#2"


class MemoryNight(night.MemoryNight):
    """A night whose initializer is wired by its own container, that exposes with any header, and can be
    reconciled.
    """

    @override
    def visit(self, group: str, *, nimages: int = 1, **changes: Any) -> Visit:
        return evolve(super().visit(group, nimages=nimages), **changes)

    def expose(self, visit: Visit, detector: int, *, snap: int = 0, notify: bool = True, **cards: Any) -> str:
        """Land one raw and its sidecar; returns the raw's key."""
        raft, _, slot = self.camera.detector(detector).name.partition("_")
        header = {**self._header(visit, snap), "RAFTBAY": raft, "CCDSLOT": slot, **cards}
        key = make_raw_key(self.camera, read_exposure(self.camera, header))
        parsed = parse_raw_key(self.camera, key, detector)
        assert parsed is not None
        sidecar = sidecar_key(parsed)
        assert sidecar is not None
        self.headers[key, detector] = header
        self.images.put(sidecar, cards=header)
        self._land(key, notify=notify)
        return key

    def expose_mosaic(self, visit: Visit, *, snap: int = 0, notify: bool = True, **cards: Any) -> str:
        """Land one raw of all detectors; returns its key."""
        header = self._header(visit, snap) | cards
        for detector in self.camera.detectors:
            its = header | {"CCDNUM": detector.number, "DETPOS": detector.name}
            key = make_raw_key(self.camera, read_exposure(self.camera, its))
            self.headers[key, detector.number] = its
        self._land(key, notify=notify)
        return key

    def reconciler(self) -> Reconciler:
        """Make what compares bucket, ledger and queue."""
        with wired(
            ReconcileContainer,
            settings=processes.RECONCILE,
            instrument=self.camera.instrument,
            camera=self.camera,
            config=self.config,
            store=self.images,
            ledger=self.ledger,
            queue=MemoryQueueUpkeep(self.queue),
            publisher=self.publisher,
            clock=self.clock,
        ) as container:
            return container.reconciler()

    @override
    def _initializer(self) -> Initializer:
        with wired(
            InitializerContainer,
            settings=evolve(
                processes.INITIALIZER,
                deployment=evolve(processes.INITIALIZER.deployment, instrument=self.camera.instrument),
            ),
            preprocessing=self.before,
            main=self.main,
            deployment_id=DEPLOYMENT,
            outputs=MemoryDeploymentOutputs(self.repository),
            clock=self.clock,
        ) as container:
            return container.initializer()


async def announced(night: MemoryNight) -> None:
    await night.announcements.announce(night.visit(GROUP))


async def outcome_of(night: MemoryNight, detector: int, group: str = GROUP, wait: float = 600.0) -> Outcome:
    """Wait for a visit-detector's final outcome."""
    identity = Identity(INSTRUMENT, group, detector)
    async with asyncio.timeout(wait):
        while True:
            finals = {
                record.attempt.identity: record for record in await final_records(night.ledger, INSTRUMENT)
            }
            if identity in finals:
                outcome = finals[identity].outcome
                assert outcome is not None
                return outcome
            await asyncio.sleep(1.0)
