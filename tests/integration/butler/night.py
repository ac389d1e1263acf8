"""A small night on a real repository: one detector, one visit, a worker's workspace."""

import asyncio
import pickle
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from astropy.time import Time
from attrs import evolve, field, frozen

from adapters.butler.camera.camera_stack import OurCameraStack
from adapters.butler.initializer.deployment_outputs import ButlerDeploymentOutputs
from adapters.butler.predicted.predicted_repositories import PredictedRepositories
from adapters.butler.repository.full_repository import FullRepositories
from adapters.butler.repository.local_template import LocalTemplate
from adapters.butler.repository.visit_repository import VisitRepositories
from adapters.butler.shared.central_repository import CentralRepositories
from adapters.butler.workspace.settings import WorkspaceSettings
from adapters.butler.workspace.workspace import ButlerWorkspace
from adapters.files.cameras import find_camera
from domain.cameras.camera import Camera
from domain.raws.raws import RawImage, parse_raw_key
from domain.runs import chain, input_collections, output_run, preload_run
from domain.times import TaiSeconds
from domain.visit import CoordinateSystem, Dome, RotationSystem, Visit, VisitDetector
from ports.deployment_outputs import RunPlan
from ports.ledger import Attempt, ClaimedElsewhereError, LedgerUnavailableError
from ports.workspace import Assignment
from tests.integration.butler.repository import FIELD

DETECTOR = 4
DAY = "2026-03-13"
GROUP = "2026-03-14T02:15:07.310#2"
DEPLOYMENT = "pipelines-1a2b3c4-config-5d6e7f8"
OPENED = TaiSeconds(1773454540.0)
EXPOSURE_TIME = 15.0
SKY_ANGLE = 12.0
CAMERA: Camera = find_camera("SimCam")
CHANGE_TASK = "tests.integration.butler.tasks.ChangeTask"
ROOT = Path(__file__).parents[3]
SINGLE_FRAME = "prompt_pipelines/pipelines/SingleFrame.yaml"
_OWN = "tests/integration/butler/pipelines"
PLAIN, CHANGE, PRELOAD = f"{_OWN}/Plain.yaml", f"{_OWN}/Change.yaml", f"{_OWN}/Preload.yaml"
COUNT_RAISE, COUNT_NO_WORK = f"{_OWN}/CountRaise.yaml", f"{_OWN}/CountNoWork.yaml"
COUNT_KILL, CHANGE_KILL = f"{_OWN}/CountKill.yaml", f"{_OWN}/ChangeKill.yaml"
CHANGE_RAISE, CHANGE_PARTIAL = f"{_OWN}/ChangeRaise.yaml", f"{_OWN}/ChangePartial.yaml"
CHANGE_ALERT = f"{_OWN}/ChangeAlert.yaml"
"""It sends three alerts for each snap."""
JUDGE = f"{_OWN}/Judge.yaml"
"""It holds two alerts of each snap."""
NEEDY, PICKY, LOOK = f"{_OWN}/Needy.yaml", f"{_OWN}/Picky.yaml", f"{_OWN}/Look.yaml"
COUNT_DARK, PATCHWORK = f"{_OWN}/CountDark.yaml", f"{_OWN}/Patchwork.yaml"
PRELOAD_RAISE = f"{_OWN}/PreloadRaise.yaml"
DAILY, DAILY_AHEAD = f"{_OWN}/Daily.yaml", f"{_OWN}/DailyAhead.yaml"
"""What these read is not in every night: see `tests.integration.butler.test_oracle`."""
PIPELINES = (
    PLAIN,
    CHANGE,
    PRELOAD,
    COUNT_RAISE,
    COUNT_NO_WORK,
    COUNT_KILL,
    CHANGE_RAISE,
    CHANGE_PARTIAL,
    CHANGE_KILL,
    CHANGE_ALERT,
    JUDGE,
    NEEDY,
    PICKY,
    LOOK,
    PRELOAD_RAISE,
    COUNT_DARK,
    PATCHWORK,
)


both_ways = pytest.mark.parametrize("queries", [True, False], ids=["registry", "predicted"], indirect=True)
"""For tests of what the oracle (``test_oracle.py``) does not compare."""


class MemoryClaims:
    """Claims that live as long as the test."""

    def __init__(self) -> None:
        self.held: dict[int, Attempt] = {}
        self.outage = ""

    def claim(self, attempt: Attempt, exposures: Sequence[int]) -> None:
        if self.outage:
            raise LedgerUnavailableError(self.outage)
        for exposure in exposures:
            if self.held.get(exposure, attempt) != attempt:
                raise ClaimedElsewhereError(f"exposure {exposure} belongs to {self.held[exposure]}")
        self.held.update(dict.fromkeys(exposures, attempt))


class FileClaims(MemoryClaims):
    """Claims that another process sees: a file for each exposure."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self._load()

    def claim(self, attempt: Attempt, exposures: Sequence[int]) -> None:
        self._load()
        super().claim(attempt, exposures)
        for exposure in exposures:
            (self._folder / str(exposure)).write_bytes(pickle.dumps(attempt))

    def _load(self) -> None:
        for file in self._folder.iterdir():
            self.held[int(file.name)] = pickle.loads(file.read_bytes())  # noqa: S301 - our own

    def reload(self) -> None:
        """Look what the other process did."""
        self._load()


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


def play(folder: Path, *, snaps: int = 2) -> Night:
    """Write the raws into a folder that stands for the bucket, and announce the visit."""
    visit = Visit(
        instrument=CAMERA.instrument,
        group=GROUP,
        sal_index=1,
        script_sal_index=100,
        coordinate_system=CoordinateSystem.ICRS,
        position=FIELD,
        start_time=OPENED,
        rotation_system=RotationSystem.SKY,
        camera_angle=SKY_ANGLE,
        filters="r_sim",
        dome=Dome.OPEN,
        duration=40.0,
        nimages=snaps,
        survey="BLOCK-407",
        total_checkpoints=1,
        sent=TaiSeconds(OPENED - 20.0),
    )
    return Night(visit=visit, raws=tuple(write_raw(folder, snap) for snap in range(snaps)))


def write_raw(folder: Path, snap: int = 0, **cards: str | float | None) -> RawImage:
    """Write one raw under its key.

    Cards given by name (``_`` for ``-``) replace what belongs there; None leaves one out.
    """
    begin = Time(OPENED + 20.0 * snap, format="unix_tai")
    raft, _, sensor = CAMERA.detector(DETECTOR).name.partition("_")
    obs_id = f"SC_O_20260313_{snap + 1:06d}"
    header: dict[str, str | float | None] = {
        "INSTRUME": CAMERA.instrument,
        "OBSID": obs_id,
        "GROUPID": GROUP,
        "CURINDEX": snap + 1,
        "RAFTBAY": raft,
        "CCDSLOT": sensor,
        "DAYOBS": 20260313,
        "SEQNUM": snap + 1,
        "FILTER": "r_sim",
        "EXPTIME": EXPOSURE_TIME,
        "DATE-BEG": begin.tai.isot,
        "DATE-END": (begin + EXPOSURE_TIME * u.s).tai.isot,
        "RA": FIELD[0],
        "DEC": FIELD[1],
        "ROTPA": SKY_ANGLE,
        "IMGTYPE": "OBJECT",
    }
    header.update({name.replace("_", "-"): value for name, value in cards.items()})
    pixels = np.random.default_rng(snap).normal(1100, 5, (512, 576)).astype(np.uint16)
    name = f"{CAMERA.instrument}/20260313/{obs_id}/{obs_id}_{raft}_{sensor}.fits"
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    fits.PrimaryHDU(
        pixels, fits.Header({name: value for name, value in header.items() if value is not None})
    ).writeto(path)
    key = parse_raw_key(CAMERA, name)
    assert key is not None
    assert key.exposure is not None
    return RawImage(key=key, uri=path.as_uri(), exposure=key.exposure, group=GROUP, snap=snap)


@frozen(kw_only=True)
class Bench:
    """A workspace and what it works with."""

    settings: WorkspaceSettings
    claims: MemoryClaims = field(factory=MemoryClaims)
    queries: bool = True
    """Let the middleware's own builder make the graphs, with a registry."""


class MakeWorkspace(Protocol):
    """Makes workspaces, as the child's container does, and closes them after the test."""

    def __call__(self, **changes: Any) -> ButlerWorkspace: ...


def make_workspace(bench: Bench, **changes: Any) -> ButlerWorkspace:
    settings = evolve(bench.settings, **changes)
    shared = CentralRepositories(settings.read_repo, settings.central_repo)
    template = LocalTemplate(shared, CAMERA.instrument, settings.folder / "template", settings.local_config)
    full = FullRepositories(shared, template)
    repositories: VisitRepositories = full
    if not bench.queries:
        repositories = PredictedRepositories(
            shared,
            full,
            instrument=CAMERA.instrument,
            folder=settings.folder / "inputs",
            extra_config=settings.local_config,
        )
    return ButlerWorkspace(
        settings=settings,
        camera=CAMERA,
        stack=OurCameraStack(CAMERA),
        shared=shared,
        repositories=repositories,
        claims=bench.claims,
    )


def deployment_outputs(central: Path, apdb: str = "") -> ButlerDeploymentOutputs:
    return ButlerDeploymentOutputs(
        str(central),
        inputs=(input_collections(CAMERA.instrument).defaults,),
        pipelines_root=ROOT,
        apdb_config=apdb,
    )


async def initialize(central: Path, pipelines: Iterable[str], apdb: str = "") -> Sequence[str]:
    """Do what the initializer does before the night."""
    day_chain = chain(CAMERA.instrument, DAY)
    plans = [RunPlan(run=output_run(day_chain, file, DEPLOYMENT), pipeline=file) for file in pipelines]
    plans.append(RunPlan(run=preload_run(day_chain, DEPLOYMENT), pipeline=None))
    return await deployment_outputs(central, apdb).prepare(day_chain, plans, register=True)


def initialize_now(central: Path, pipelines: Iterable[str]) -> Sequence[str]:
    """Do the same, where no event loop runs."""
    return asyncio.run(initialize(central, pipelines))
