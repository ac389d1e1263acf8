"""The Butler's workspace keeps to the contract."""

from collections.abc import Collection, Sequence
from pathlib import Path
from uuid import UUID

import pytest
from attrs import evolve

from adapters.butler.workspace.workspace import ButlerWorkspace
from adapters.butler.writer.central_registry import ButlerCentralRegistry
from domain.raws.exposure import Exposure
from domain.raws.raws import RawImage
from domain.work.outcomes import Export
from ports.central_registry import OutputEvent
from ports.ledger import Attempt
from ports.neighbours import Neighbour
from ports.workspace import Assignment, Prepared, Processed, WaitingAlerts
from tests.contract_suites.workspace import Site, WorkspaceContract
from tests.integration.butler import night as n
from tests.integration.butler.night import Bench, MakeWorkspace, Night

pytestmark = pytest.mark.slow


class InThisProcess:
    """The port's asynchronous face, without a process behind it."""

    def __init__(self, workspace: ButlerWorkspace) -> None:
        self._workspace = workspace

    async def prepare(self, assignment: Assignment) -> Prepared:
        return self._workspace.prepare(assignment)

    async def ingest(self, raw: RawImage) -> Exposure:
        return self._workspace.ingest(raw)

    async def process(self, exposures: Sequence[int], until: float | None = None) -> Processed:
        return self._workspace.process(exposures, until)

    async def waiting_alerts(self) -> WaitingAlerts | None:
        return self._workspace.waiting_alerts()

    async def export(self, what: Export) -> bytes | None:
        return self._workspace.export(what)

    async def clean(self) -> None:
        self._workspace.clean()

    async def probe(self, neighbour: Neighbour) -> None:
        self._workspace.probe(neighbour)

    def hold(self, until: float | None) -> None:
        """There is no process to end."""

    claimed_until = None

    async def surrender(self) -> bool:
        return False

    async def abandon(self) -> None:
        self._workspace.clean()

    async def close(self) -> None:
        self._workspace.close()


class ButlerSite(Site):
    plain, changing = n.PLAIN, n.CHANGE
    failing_before, failing_after = n.COUNT_RAISE, n.CHANGE_RAISE
    lacking, unbuildable = n.NEEDY, n.PICKY
    uninitialized = "prompt_pipelines/pipelines/Isr.yaml"

    def __init__(self, workspace: ButlerWorkspace, bench: Bench, night: Night, folder: Path) -> None:
        self.workspace = InThisProcess(workspace)
        self._bench = bench
        self._night = night
        self.raws = night.raws
        first = Path(night.raws[0].uri.removeprefix("file://"))
        half = folder / first.name
        half.write_bytes(first.read_bytes()[:100_000])
        self.damaged = evolve(night.raws[0], uri=half.as_uri())
        self.foreign = evolve(night.raws[0], key=evolve(night.raws[0].key, detector=n.DETECTOR + 1))

    def assignment(self, *main: str, number: int = 1) -> Assignment:
        return self._night.assignment(main=main, number=number)

    def claimed(self) -> dict[int, Attempt]:
        return self._bench.claims.held

    async def register(self, message: bytes) -> Collection[UUID]:
        registry = ButlerCentralRegistry(self._bench.settings.central_repo)
        try:
            return await registry.apply([OutputEvent(body=message, position="1")])
        finally:
            await registry.close()


@n.both_ways
class TestWorkspace(WorkspaceContract):
    @pytest.fixture
    def site(self, make_workspace: MakeWorkspace, bench: Bench, night: Night, tmp_path: Path) -> Site:
        return ButlerSite(make_workspace(), bench, night, tmp_path)
