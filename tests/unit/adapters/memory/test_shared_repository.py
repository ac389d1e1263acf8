"""Workspace, Butler Writer and initializer in memory keep to their contracts."""

import itertools
import json
from collections.abc import Collection, Sequence
from uuid import UUID

import pytest

from adapters.memory.outputs.central_registry import MemoryCentralRegistry
from adapters.memory.outputs.deployment_outputs import MemoryDeploymentOutputs
from adapters.memory.outputs.shared_repository import MemoryRepository
from adapters.memory.workspace import MemoryPipelines, MemoryWorkspace
from domain.raws.exposure import Exposure
from domain.raws.raws import RawImage, RawKey
from domain.times import TaiSeconds
from domain.visit import CoordinateSystem, Dome, RotationSystem, Visit, VisitDetector
from domain.work.outcomes import Export
from ports.central_registry import OutputEvent
from ports.deployment_outputs import DeploymentOutputs
from ports.ledger import Attempt, ClaimedElsewhereError
from ports.workspace import Assignment, RawUnreadableError
from tests.contract_suites.central_registry import CentralRegistryContract, Registry
from tests.contract_suites.deployment_outputs import (
    DAY_CHAIN,
    DeploymentOutputsContract,
    Repository,
    plans,
)
from tests.contract_suites.workspace import Site, WorkspaceContract

DAY = "2026-03-13"
DEPLOYMENT = "pipelines-0000001-config-0000001"
VISIT = Visit(
    instrument="SimCam",
    group="g#1",
    sal_index=1,
    script_sal_index=1,
    coordinate_system=CoordinateSystem.ICRS,
    position=(0.0, 0.0),
    start_time=TaiSeconds(1.7e9),
    rotation_system=RotationSystem.SKY,
    camera_angle=0.0,
    filters="r_sim",
    dome=Dome.OPEN,
    duration=30.0,
    nimages=2,
    survey="",
    total_checkpoints=1,
    sent=TaiSeconds(1.7e9),
)


class DictClaims:
    def __init__(self) -> None:
        self.held: dict[int, Attempt] = {}

    def claim(self, attempt: Attempt, exposures: Sequence[int]) -> None:
        if any(self.held.get(exposure, attempt) != attempt for exposure in exposures):
            raise ClaimedElsewhereError("claimed by another attempt")
        self.held.update(dict.fromkeys(exposures, attempt))


def raw(snap: int, detector: int = 4, name: str = "raw") -> RawImage:
    key = RawKey(key=f"{name}{snap}.fits", instrument="SimCam", detector=detector, exposure=100 + snap)
    return RawImage(key=key, uri=f"s3://b/{key.key}", exposure=100 + snap, group=VISIT.group, snap=snap)


def read(image: RawImage) -> Exposure:
    if "damaged" in image.uri:
        raise RawUnreadableError(f"{image.uri}: truncated")
    return Exposure(
        instrument="SimCam",
        detector=image.key.detector,
        exposure=image.exposure,
        obs_id=f"SC_O_{image.exposure}",
        group=image.group,
        snap=image.snap,
        day_obs=20260313,
        seqnum=image.exposure,
        physical_filter="r_sim",
        exposure_time=15.0,
        begin=TaiSeconds(1.7e9),
        end=TaiSeconds(1.7e9 + 15),
        ra=0.0,
        dec=0.0,
        sky_angle=0.0,
    )


class MemorySite(Site):
    plain, changing = "p/Plain.yaml", "p/Change.yaml"
    failing_before, failing_after = "p/CountRaise.yaml", "p/ChangeRaise.yaml"
    lacking, unbuildable, uninitialized = "p/Needy.yaml", "p/Picky.yaml", "p/New.yaml"
    raws = (raw(0), raw(1))
    damaged = raw(0, name="damaged")
    foreign = raw(0, detector=5)

    def __init__(self, repository: MemoryRepository) -> None:
        self.repository = repository
        self.claims = DictClaims()
        self.registry = MemoryCentralRegistry(repository)
        self.workspace = MemoryWorkspace(
            repository=repository,
            instrument="SimCam",
            deployment=DEPLOYMENT,
            claims=self.claims,
            read=read,
            pipelines=MemoryPipelines(
                lacking={"Needy": "nowhere"},
                unbuildable={"Picky": "empty"},
                failing={"CountRaise": "went astray", "ChangeRaise": "went astray after the change"},
                changing=frozenset({"Change", "ChangeRaise"}),
            ),
        )

    def assignment(self, *main: str, number: int = 1) -> Assignment:
        work = VisitDetector(VISIT, 4)
        return Assignment(
            attempt=Attempt(work.identity, number), work=work, day=DAY, preprocessing=(), main=main
        )

    def claimed(self) -> dict[int, Attempt]:
        return self.claims.held

    async def register(self, message: bytes) -> Collection[UUID]:
        return await self.registry.apply([OutputEvent(body=message, position="1")])


async def memory_site() -> MemorySite:
    repository = MemoryRepository()
    ready = [
        MemorySite.plain,
        MemorySite.changing,
        MemorySite.failing_before,
        MemorySite.failing_after,
        MemorySite.lacking,
        MemorySite.unbuildable,
    ]
    await MemoryDeploymentOutputs(repository).prepare(DAY_CHAIN, plans(ready, DEPLOYMENT), register=True)
    return MemorySite(repository)


class TestWorkspace(WorkspaceContract):
    @pytest.fixture
    async def site(self) -> Site:
        return await memory_site()


class MemoryWorld(Registry):
    def __init__(self, site: MemorySite, repository: MemoryRepository) -> None:
        self.registry = MemoryCentralRegistry(repository)
        self._site = site
        self._repository = repository
        self._numbers = itertools.count(1)

    async def export(self) -> OutputEvent:
        number = next(self._numbers)
        self._site.claims.held.clear()
        await self._site.process(self._site.plain, number=number)
        body = await self._site.workspace.export(Export.EVERYTHING)
        assert body is not None
        return OutputEvent(body=body, position=str(number))

    async def conflicting(self) -> OutputEvent:
        (first, *_) = self._repository.datasets
        return OutputEvent(body=json.dumps({"datasets": {str(first): "another"}}).encode(), position="bad")

    async def registered(self) -> Collection[UUID]:
        return self._repository.datasets.keys()

    async def break_off(self) -> None:
        self._repository.outage = "gone"

    async def recover(self) -> None:
        self._repository.outage = ""


class TestCentralRegistry(CentralRegistryContract):
    @pytest.fixture
    async def world(self) -> Registry:
        site = await memory_site()
        return MemoryWorld(site, site.repository)


class MemoryRepositorySite(Repository):
    pipelines = ("p/Plain.yaml", "p/Change.yaml")

    def __init__(self) -> None:
        self._repository = MemoryRepository()

    def outputs(self) -> DeploymentOutputs:
        return MemoryDeploymentOutputs(self._repository)

    async def chain(self) -> Sequence[str]:
        return self._repository.chains[DAY_CHAIN]

    async def break_off(self) -> None:
        self._repository.outage = "gone"


class TestDeploymentOutputs(DeploymentOutputsContract):
    @pytest.fixture
    def repository(self) -> Repository:
        return MemoryRepositorySite()
