"""A small night on a real repository: one detector, one visit, a worker's workspace."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

from attrs import evolve, field, frozen

from adapters.butler.camera_stack import OurCameraStack
from adapters.butler.central import SharedRepositories
from adapters.butler.deployment_outputs import ButlerDeploymentOutputs
from adapters.butler.full_repository import FullRepositories
from adapters.butler.local_template import LocalTemplate
from adapters.butler.settings import WorkspaceSettings
from adapters.butler.workspace import ButlerWorkspace
from adapters.files.cameras import find_camera
from domain.camera import Camera
from domain.headers import group_and_snap
from domain.raws import RawImage, parse_raw_key
from domain.runs import chain, input_collections, output_run, preload_run
from domain.times import TaiSeconds
from domain.visit import CoordinateSystem, Dome, RotationSystem, Visit, VisitDetector
from ports.deployment_outputs import RunPlan
from ports.ledger import Attempt, ClaimedElsewhereError
from ports.workspace import Assignment
from simulator.frames import SimulatedCamera
from simulator.night import NightPlan, PlannedVisit, RawObject
from simulator.simulated_night import SimulatedNight
from simulator.sky import make_sky

DETECTOR = 4
DAY = "2026-03-13"
GROUP = "2026-03-14T02:15:07.310#2"
DEPLOYMENT = "pipelines-1a2b3c4-config-5d6e7f8"
OPENED = TaiSeconds(1773454540.0)
EXPOSURE_TIME = 15.0
CAMERA: Camera = find_camera("SimCam")


class MemoryClaims:
    """Claims that live as long as the test."""

    def __init__(self) -> None:
        self.held: dict[int, Attempt] = {}

    def claim(self, attempt: Attempt, exposures: Sequence[int]) -> None:
        for exposure in exposures:
            if self.held.get(exposure, attempt) != attempt:
                raise ClaimedElsewhereError(f"exposure {exposure} belongs to {self.held[exposure]}")
        self.held.update(dict.fromkeys(exposures, attempt))


@frozen(kw_only=True)
class Night:
    """What the observatory would deliver."""

    visit: Visit
    raws: tuple[RawImage, ...]
    """One for each snap, as files."""

    @property
    def work(self) -> VisitDetector:
        return VisitDetector(self.visit, DETECTOR)

    def assignment(
        self, *, main: Iterable[str], preprocessing: Iterable[str] = (), number: int = 1
    ) -> Assignment:
        return Assignment(
            attempt=Attempt(self.work.identity, number),
            work=self.work,
            day=DAY,
            preprocessing=tuple(preprocessing),
            main=tuple(main),
        )


def make_plan(*, snaps: int = 2) -> NightPlan:
    visit = PlannedVisit(
        group=GROUP,
        detectors=(DETECTOR,),
        ra=149.9,
        dec=2.2,
        sky_angle=12.0,
        physical_filter="r_sim",
        exposure_time=EXPOSURE_TIME,
        snaps=snaps,
    )
    sky = make_sky((149.9, 2.2), 0.1, ("r",), seed=1)
    source = SimulatedNight(SimulatedCamera(camera=CAMERA, seed=1), sky, [visit])
    return NightPlan(camera=CAMERA, visits=(visit,), raws=source, calibrations=source)


def play(plan: NightPlan, folder: Path) -> Night:
    """Write the raws into a folder that stands for the bucket."""
    (planned,) = plan.visits
    raws = []
    for snap in range(planned.snaps):
        opened = TaiSeconds(OPENED + 20.0 * snap)
        (raw,) = plan.raws.take(planned, snap, opened, TaiSeconds(opened + EXPOSURE_TIME))
        raws.append(_write(raw, folder))
    visit = Visit(
        instrument=CAMERA.instrument,
        group=planned.group,
        sal_index=1,
        script_sal_index=100,
        coordinate_system=CoordinateSystem.ICRS,
        position=(149.9, 2.2),
        start_time=OPENED,
        rotation_system=RotationSystem.SKY,
        camera_angle=12.0,
        filters="r_sim",
        dome=Dome.OPEN,
        duration=40.0,
        nimages=planned.snaps,
        survey="BLOCK-407",
        total_checkpoints=1,
        sent=TaiSeconds(OPENED - 20.0),
    )
    return Night(visit=visit, raws=tuple(raws))


def _write(raw: RawObject, folder: Path) -> RawImage:
    path = folder / raw.key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw.body)
    key = parse_raw_key(CAMERA, raw.key)
    assert key is not None
    assert key.exposure is not None
    group, snap = group_and_snap(CAMERA, json.loads(raw.sidecar))
    return RawImage(key=key, uri=path.as_uri(), exposure=key.exposure, group=group, snap=snap)


@frozen(kw_only=True)
class Bench:
    """A workspace and what it works with."""

    settings: WorkspaceSettings
    claims: MemoryClaims = field(factory=MemoryClaims)


class MakeWorkspace(Protocol):
    """Makes workspaces, as the child's container does, and closes them after the test."""

    def __call__(self, **changes: Any) -> ButlerWorkspace: ...


def make_workspace(bench: Bench, **changes: Any) -> ButlerWorkspace:
    settings = evolve(bench.settings, **changes)
    shared = SharedRepositories(settings.read_repo, settings.central_repo)
    template = LocalTemplate(shared, CAMERA.instrument, settings.folder / "template")
    return ButlerWorkspace(
        settings=settings,
        camera=CAMERA,
        stack=OurCameraStack(CAMERA),
        shared=shared,
        repositories=FullRepositories(shared, template),
        claims=bench.claims,
    )


async def initialize(bench: Bench, pipelines: Sequence[str]) -> Sequence[str]:
    """Do what the initializer does before the night."""
    settings = bench.settings
    day_chain = chain(CAMERA.instrument, DAY)
    outputs = ButlerDeploymentOutputs(
        settings.central_repo,
        inputs=(input_collections(CAMERA.instrument).defaults,),
        pipelines_root=settings.pipelines_root,
        apdb_config=settings.apdb_config,
    )
    plans = [RunPlan(run=output_run(day_chain, file, DEPLOYMENT), pipeline=file) for file in pipelines]
    plans.append(RunPlan(run=preload_run(day_chain, DEPLOYMENT), pipeline=None))
    return await outputs.prepare(day_chain, plans, register=True)
