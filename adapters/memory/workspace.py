"""A workspace without pixels: it knows pipelines by their names alone."""

import asyncio
import json
import math
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from uuid import UUID, uuid5

from attrs import evolve, field, frozen

from adapters.memory.outputs.shared_repository import MemoryRepository, types_of
from domain.pipelines import pipeline_name
from domain.raws.exposure import Exposure
from domain.raws.raws import RawImage
from domain.runs import chain, output_run
from domain.work.attempts import Attempt
from domain.work.outcomes import Export
from domain.work.quality import Quality
from ports.ledger import ClaimedElsewhereError, Claims
from ports.neighbours import Neighbour
from ports.workspace import (
    Assignment,
    ClaimRefusedError,
    InitOutputsMissingError,
    NeighbourAwayError,
    NothingRunnableError,
    Prepared,
    Processed,
    RawUnreadableError,
    WaitingAlerts,
    WorkspaceError,
    WorkspaceLostError,
)

__all__ = ["Durations", "MemoryPipelines", "MemoryWorkspace"]

type Durations = Mapping[str, float] | Callable[[str, Attempt | None], float]
"""Seconds that steps take: of each by its name, or of a step of an attempt."""

_NAMESPACE = UUID("6f7c3a52-6b39-4d19-9a0e-3f3d0c2b7a11")


@frozen(kw_only=True)
class MemoryPipelines:
    """How pipelines behave, by their base names; one that is not named succeeds and changes nothing."""

    lacking: Mapping[str, str] = field(factory=dict)
    """Inputs that the repository does not hold."""
    unbuildable: Mapping[str, str] = field(factory=dict)
    """Why there is no graph once the images are there."""
    failing: Mapping[str, str] = field(factory=dict)
    """Why it fails while it runs."""
    changing: frozenset[str] = frozenset()
    """Those that make permanent changes of their own."""
    unsent: Mapping[str, int] = field(factory=dict)
    """Alerts that no broker takes, of those that make changes."""
    quality: Mapping[str, Quality] = field(factory=dict)
    """What they say of the images; those that hold alerts leave them unsent."""


@frozen(kw_only=True)
class _State:
    """What the attempt has come to."""

    assignment: Assignment
    exposures: tuple[int, ...] = ()
    ingested: tuple[int, ...] = ()
    pipeline: str | None = None
    claimed: bool = False


class MemoryWorkspace:
    """`ports.workspace.Workspace` on a repository of names.

    Parameters
    ----------
    repository
        The central repository.
    instrument
        Whose visits it works on.
    deployment
        The deployment id.
    claims
        Guards changes.
    read
        Reads a raw's header; raises `RawUnreadableError` if it is damaged.
    pipelines
        How they behave.
    durations
        How long steps take; one that is not named takes no time.
    claim_seconds
        The same as of the claims.
    """

    def __init__(
        self,
        *,
        repository: MemoryRepository,
        instrument: str,
        deployment: str,
        claims: Claims,
        read: Callable[[RawImage], Exposure],
        pipelines: MemoryPipelines | None = None,
        durations: Durations | None = None,
        claim_seconds: float = 1320.0,
    ) -> None:
        self._repository = repository
        self._instrument = instrument
        self._deployment = deployment
        self._claims = claims
        self._read = read
        self._pipelines = pipelines or MemoryPipelines()
        self._durations = durations or {}
        self._failures: dict[str, deque[Exception]] = defaultdict(deque)
        self._state: _State | None = None
        self._until: float | None = None
        self._claim_seconds = claim_seconds
        self.away: dict[Neighbour, str] = {}
        """Neighbours that do not answer a probe, for tests, and why."""
        self.claimed_until: float | None = None
        """See `ports.workspace.Workspace.claimed_until`."""
        self.told_until: float | None = None
        """When the caller said that it would end `process`."""

    def fail_next(self, step: str, error: Exception) -> None:
        """Let a step (``prepare``, ``ingest``, ...) raise an error the next time, for tests."""
        self._failures[step].append(error)

    def mend(self, step: str) -> None:
        """Let a step fail no more, for tests."""
        self._failures.pop(step, None)

    async def prepare(self, assignment: Assignment) -> Prepared:
        """See `ports.workspace.Workspace.prepare`."""
        await self.clean()
        await self._begin("prepare", assignment.attempt)
        for file in (*assignment.preprocessing, *assignment.main):
            if self._run(assignment, file) not in self._repository.runs:
                raise InitOutputsMissingError(
                    f"deployment {self._deployment} is not initialized for day {assignment.day}"
                )
        names = [pipeline_name(file) for file in assignment.main]
        lacking = [
            f"{name} lacks {self._pipelines.lacking[name]}"
            for name in names
            if name in self._pipelines.lacking
        ]
        if len(lacking) == len(names):
            raise NothingRunnableError(f"no pipeline can run: {'; '.join(lacking)}")
        self._state = _State(assignment=assignment)
        failing = [pipeline_name(file) for file in assignment.preprocessing]
        warnings = [
            f"preprocessing pipeline {name}: {self._pipelines.failing[name]}"
            for name in failing
            if name in self._pipelines.failing
        ]
        return Prepared(datasets=len(names), warnings=tuple(warnings))

    async def ingest(self, raw: RawImage) -> Exposure:
        """See `ports.workspace.Workspace.ingest`."""
        state = await self._continue("ingest")
        exposure = self._read(raw)
        identity = state.assignment.attempt.identity
        if (exposure.instrument, exposure.group, exposure.detector) != (
            identity.instrument,
            identity.group,
            identity.detector,
        ):
            raise RawUnreadableError(f"{raw.uri}: not of {identity}")
        if exposure.exposure in state.ingested:
            raise RawUnreadableError(f"{raw.uri}: exposure {exposure.exposure} is ingested already")
        self._state = evolve(state, ingested=(*state.ingested, exposure.exposure))
        return exposure

    async def process(self, exposures: Sequence[int], until: float | None = None) -> Processed:
        """See `ports.workspace.Workspace.process`."""
        self.told_until = until
        state = evolve(await self._continue("process"), exposures=tuple(exposures))
        self._state = state
        reasons = []
        for file in state.assignment.main:
            name = pipeline_name(file)
            reason = self._pipelines.lacking.get(name) or self._pipelines.unbuildable.get(name)
            if reason:
                reasons.append(f"{name}: {reason}")
                continue
            self._state = state = evolve(state, pipeline=file)
            if name in self._pipelines.changing:
                state = await self._change(state)
            failure = self._pipelines.failing.get(name, "")
            quality = self._pipelines.quality.get(name)
            return Processed(pipeline=name, failure=failure, changed=state.claimed, quality=quality)
        raise NothingRunnableError(f"no pipeline can run: {'; '.join(reasons)}")

    async def waiting_alerts(self) -> WaitingAlerts | None:
        """See `ports.workspace.Workspace.waiting_alerts`."""
        state = await self._continue("waiting alerts")
        name = pipeline_name(state.pipeline or "")
        number = self._pipelines.unsent.get(name, 0) if state.claimed else 0
        place = f"memory:alerts/{state.assignment.attempt}/"
        quality = self._pipelines.quality.get(name, Quality())
        return WaitingAlerts(number=number, place=place, held=quality.reason) if number else None

    async def export(self, what: Export) -> bytes | None:
        """See `ports.workspace.Workspace.export`."""
        state = await self._continue("export")
        if what is Export.NOTHING or state.pipeline is None:
            return None
        if self._repository.outage:
            raise NeighbourAwayError(f"export: {self._repository.outage}", Neighbour.DATASTORE)
        self._claim(state)
        datasets = self._outputs(state, what)
        self._repository.files.update(datasets)
        named = {str(key): name for key, name in datasets.items()}
        return json.dumps({"type": "pp-output", "dimension_records": [], "datasets": named}).encode()

    async def probe(self, neighbour: Neighbour) -> None:
        """See `ports.workspace.Workspace.probe`."""
        outage = self._repository.outage if neighbour is Neighbour.DATASTORE else ""
        if reason := self.away.get(neighbour) or outage:
            raise NeighbourAwayError(reason, neighbour)

    async def clean(self) -> None:
        """See `ports.workspace.Workspace.clean`."""
        self._state = None

    def hold(self, until: float | None) -> None:
        """See `ports.workspace.Workspace.hold`."""
        if until is None:
            self.claimed_until = None
        self._until = until if self.claimed_until is None else self.claimed_until

    async def surrender(self) -> bool:
        """See `ports.workspace.Workspace.surrender`."""
        if self.claimed_until is None:
            self._until = -math.inf
        return self.claimed_until is not None

    async def abandon(self) -> None:
        """See `ports.workspace.Workspace.abandon`."""
        self._state = None

    async def close(self) -> None:
        """See `ports.workspace.Workspace.close`."""
        self._state = None

    async def _begin(self, step: str, attempt: Attempt | None) -> None:
        durations = self._durations
        await asyncio.sleep(durations(step, attempt) if callable(durations) else durations.get(step, 0.0))
        if self._until is not None and asyncio.get_running_loop().time() > self._until:
            raise WorkspaceLostError(f"its lease was not renewed in time during {step}")
        if self._failures[step]:
            raise self._failures[step].popleft()

    async def _continue(self, step: str) -> _State:
        await self._begin(step, None if self._state is None else self._state.assignment.attempt)
        if self._state is None:
            raise WorkspaceError("nothing was prepared")
        return self._state

    async def _change(self, state: _State) -> _State:
        """Claim first, then change what a pipeline changes."""
        state = self._claim(state)
        for exposure in state.exposures:
            await self._begin("change", state.assignment.attempt)
            self._repository.changes.append((exposure, state.assignment.attempt))
        return state

    def _claim(self, state: _State) -> _State:
        if state.claimed:
            return state
        try:
            self._claims.claim(state.assignment.attempt, state.exposures)
        except ClaimedElsewhereError as error:
            raise ClaimRefusedError(f"no claim, so nothing is changed: {error}") from error
        self._until = self.claimed_until = asyncio.get_running_loop().time() + self._claim_seconds
        self._state = evolve(state, claimed=True)
        return self._state

    def _run(self, assignment: Assignment, file: str) -> str:
        return output_run(chain(self._instrument, assignment.day), file, self._deployment)

    def _outputs(self, state: _State, what: Export) -> dict[UUID, str]:
        """Name one dataset of each of the pipeline's types for each exposure."""
        file = state.pipeline or ""
        changing = pipeline_name(file) in self._pipelines.changing
        withheld = what is Export.BEFORE_CHANGE and changing
        names = [name for name in sorted(types_of(file)) if not (withheld and name.endswith("_image"))]
        run = self._run(state.assignment, file)
        return {
            uuid5(_NAMESPACE, f"{state.assignment.attempt} {name} {exposure}"): f"{run} {name}"
            for name in names
            for exposure in state.exposures
        }
