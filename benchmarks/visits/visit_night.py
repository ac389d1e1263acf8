"""A night of one 1k x 1k detector: raws in a folder, a shared repository, and what a worker is told."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from attrs import evolve, frozen

from adapters.butler.initializer.deployment_outputs import ButlerDeploymentOutputs
from adapters.files.cameras import load_camera
from domain.cameras.camera import Camera
from domain.raws.raws import RawImage, parse_raw_key
from domain.runs import chain, day_of_processing, input_collections, output_run, preload_run
from domain.times import TaiSeconds, UtcSeconds, tai_from_utc
from domain.visit import CoordinateSystem, Dome, RotationSystem, Visit, VisitDetector
from ports.deployment_outputs import RunPlan
from ports.ledger import Attempt
from ports.workspace import Assignment
from simulator.summit.demo import demo_plan
from simulator.summit.night import NightPlan, PlannedVisit
from simulator.summit.simulated_night import SimulatedNight
from simulator.world.frames import SimulatedCamera
from simulator.world.skymap import SKYMAP
from workbench.night.apdb import make_apdb
from workbench.night_repository import make_repository

__all__ = ["AP_PIPE", "CAMERA_FILE", "DEPLOYMENT", "LIGHT", "ROOT", "Job", "Workload", "make_night"]

ROOT = Path(__file__).parents[2]
CAMERA_FILE = ROOT / "benchmarks" / "one_k.yaml"
DEPLOYMENT = "pipelines-0000000-config-0000000"
_DETECTOR = 4
_NOW = UtcSeconds(1773454503.0)
_SPACING = 33.0
_SEED = 1


@frozen(kw_only=True)
class Job:
    """Pipelines to run on each visit."""

    name: str
    preprocessing: str
    main: str


LIGHT = Job(name="light tasks", preprocessing="benchmarks/LightPreload.yaml", main="benchmarks/Light.yaml")
AP_PIPE = Job(
    name="ApPipe",
    preprocessing="prompt_pipelines/pipelines/Preprocessing.yaml",
    main="prompt_pipelines/pipelines/ApPipe.yaml",
)


@frozen(kw_only=True)
class Workload:
    """What is observed, and where inputs are and outputs go."""

    camera: Camera
    visits: Sequence[tuple[Visit, RawImage]]
    repository: Path
    apdb: str
    """URI of the APDB's configuration."""
    other_apdb: str
    """Another one, as empty."""
    day: str = day_of_processing(_NOW)
    skymap: str = SKYMAP

    def assignment(self, job: Job, number: int) -> Assignment:
        """Give a worker its work."""
        work = VisitDetector(self.visits[number][0], _DETECTOR)
        return Assignment(
            attempt=Attempt(work.identity, 1),
            work=work,
            day=self.day,
            preprocessing=(job.preprocessing,),
            main=(job.main,),
        )

    def initialize(self, *jobs: Job) -> None:
        """Do what the initializer does before a night."""
        day_chain = chain(self.camera.instrument, self.day)
        files = [file for job in jobs for file in (job.preprocessing, job.main)]
        plans = [RunPlan(run=output_run(day_chain, file, DEPLOYMENT), pipeline=file) for file in files]
        plans.append(RunPlan(run=preload_run(day_chain, DEPLOYMENT), pipeline=None))
        outputs = ButlerDeploymentOutputs(
            str(self.repository),
            inputs=(input_collections(self.camera.instrument).defaults,),
            pipelines_root=ROOT,
            apdb_config=self.apdb,
        )
        asyncio.run(outputs.prepare(day_chain, plans, register=True))


def make_night(
    folder: Path,
    visits: int,
    *,
    camera_file: Path = CAMERA_FILE,
    datastore: str | None = None,
    registry: str | None = None,
) -> Workload:
    """Make raws, a repository with inputs for them, and an empty APDB.

    Parameters
    ----------
    folder
        Where all of it goes.
    visits
        How many there are, all alike.
    camera_file
        Of a camera with that detector.
    datastore, registry
        URIs; None: files and SQLite, in the folder.
    """
    camera = load_camera(camera_file)
    demo = demo_plan(camera, seed=_SEED, now=_NOW)
    first = demo.plan.visits[0]
    planned = tuple(
        evolve(first, group=f"{first.group}#{number}", detectors=(_DETECTOR,)) for number in range(visits)
    )
    source = SimulatedNight(SimulatedCamera(camera=camera, seed=_SEED), demo.sky, planned)
    demo = evolve(demo, plan=evolve(demo.plan, visits=planned, raws=source, calibrations=source))
    repository = folder / "central"
    make_repository(
        repository,
        demo.plan,
        datastore=datastore,
        registry=registry,
        reference=demo.sky.stars,
        skymap=demo.skymap,
        templates=demo.templates(),
    )
    for name in ("apdb", "other_apdb"):
        (folder / name).mkdir()
    return Workload(
        camera=camera,
        visits=[_observe(demo.plan, visit, number, folder) for number, visit in enumerate(planned)],
        repository=repository,
        apdb=make_apdb(folder / "apdb"),
        other_apdb=make_apdb(folder / "other_apdb"),
    )


def _observe(plan: NightPlan, planned: PlannedVisit, number: int, folder: Path) -> tuple[Visit, RawImage]:
    """Announce a visit, and take its one raw into the folder that stands for the bucket."""
    opened = TaiSeconds(tai_from_utc(_NOW) + number * _SPACING)
    visit = _announcement(plan.camera.instrument, planned, opened)
    (raw,) = plan.raws.take(planned, 0, opened, TaiSeconds(opened + planned.exposure_time))
    path = folder / "images" / raw.key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw.body)
    key = parse_raw_key(plan.camera, raw.key)
    if key is None or key.exposure is None:
        raise RuntimeError(f"{raw.key} names no exposure")
    return visit, RawImage(key=key, uri=path.as_uri(), exposure=key.exposure, group=visit.group, snap=0)


def _announcement(instrument: str, planned: PlannedVisit, opened: TaiSeconds) -> Visit:
    if planned.ra is None or planned.dec is None or planned.sky_angle is None:
        raise RuntimeError("the visit has no place on the sky")
    return Visit(
        instrument=instrument,
        group=planned.group,
        sal_index=1,
        script_sal_index=1,
        coordinate_system=CoordinateSystem.ICRS,
        position=(planned.ra, planned.dec),
        start_time=opened,
        rotation_system=RotationSystem.SKY,
        camera_angle=planned.sky_angle,
        filters=planned.physical_filter,
        dome=Dome.OPEN,
        duration=planned.exposure_time,
        nimages=1,
        survey=planned.survey,
        total_checkpoints=1,
        sent=TaiSeconds(opened - 20.0),
    )
