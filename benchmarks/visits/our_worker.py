"""Our workspace, as a worker's child wires it."""

import re
from collections.abc import Sequence
from pathlib import Path

from adapters.butler.camera.camera_stack import OurCameraStack
from adapters.butler.predicted.predicted_repositories import PredictedRepositories
from adapters.butler.repository.full_repository import FullRepositories
from adapters.butler.repository.local_template import LocalTemplate
from adapters.butler.shared.central_repository import CentralRepositories
from adapters.butler.workspace.settings import WorkspaceSettings
from adapters.butler.workspace.workspace import ButlerWorkspace
from benchmarks.visits.visit_night import DEPLOYMENT, ROOT, Job, Workload
from domain.work.outcomes import Export
from ports.ledger import Attempt

__all__ = ["OurWorker"]


class _FreeClaims:
    """Grants every claim: the ledger has a benchmark of its own."""

    def claim(self, attempt: Attempt, exposures: Sequence[int]) -> None:
        """Do nothing."""


class OurWorker:
    """Works on one visit-detector after the other.

    Parameters
    ----------
    night
        The night.
    job
        The pipelines.
    folder
        Where local repositories are made.
    """

    def __init__(self, night: Workload, job: Job, folder: Path) -> None:
        self._night = night
        self._job = job
        instrument = night.camera.instrument
        shared = CentralRepositories(str(night.repository), str(night.repository))
        settings = WorkspaceSettings(
            central_repo=str(night.repository),
            read_repo=str(night.repository),
            folder=folder,
            deployment=DEPLOYMENT,
            skymap=night.skymap,
            apdb_config=night.apdb,
            pipelines_root=ROOT,
            export_types=(re.compile("(?!raw$).*"),),
        )
        full = FullRepositories(shared, LocalTemplate(shared, instrument, folder / "template"))
        self._workspace = ButlerWorkspace(
            settings=settings,
            camera=night.camera,
            stack=OurCameraStack(night.camera),
            shared=shared,
            repositories=PredictedRepositories(shared, full, instrument=instrument, folder=folder / "inputs"),
            claims=_FreeClaims(),
        )
        self._exposure = 0

    def prepare(self, number: int) -> None:
        """Preload and preprocess."""
        prepared = self._workspace.prepare(self._night.assignment(self._job, number))
        if prepared.warnings:
            raise RuntimeError("; ".join(prepared.warnings))

    def ingest(self, number: int) -> None:
        """Fetch the raw."""
        self._exposure = self._workspace.ingest(self._night.visits[number][1]).exposure

    def process(self, number: int) -> None:  # noqa: ARG002 - all workers are called alike
        """Run the main pipeline."""
        processed = self._workspace.process([self._exposure])
        if processed.failure:
            raise RuntimeError(processed.failure)

    def export(self, number: int) -> bytes:  # noqa: ARG002 - all workers are called alike
        """Copy the outputs."""
        message = self._workspace.export(Export.EVERYTHING)
        if message is None:
            raise RuntimeError("nothing was exported")
        return message

    def clean(self) -> None:
        """Remove the visit's folder."""
        self._workspace.clean()

    def close(self) -> None:
        """Let go of the shared repositories."""
        self._workspace.close()
