"""An attempt's pipelines: which of them run, on what, and into which runs."""

import logging
from collections.abc import Callable, Iterable, Sequence

from attrs import evolve

from adapters.butler.inputs.pipelines import LoadedPipeline
from adapters.butler.repository.visit_repository import CannotBuildError, Execution, Plan
from adapters.butler.shared.names import raw_run
from adapters.butler.shared.steps import Stopwatch
from adapters.butler.workspace.alert_outbox import AlertOutbox
from adapters.butler.workspace.attempt import OpenAttempt
from adapters.butler.workspace.claiming import make_claim
from adapters.butler.workspace.journal import Journal
from domain.errors import PromptProcessingError
from domain.runs import chain, output_run, preload_run
from ports.ledger import Claims
from ports.workspace import Assignment, NeighbourAwayError, NothingRunnableError

__all__ = ["PipelineRuns"]

_log = logging.getLogger(__name__)


class PipelineRuns:
    """Runs pipelines on an attempt's repository.

    Parameters
    ----------
    deployment
        The deployment id, part of the runs' names.
    claims
        Guards permanent changes.
    alerts
        Where tasks lay alerts down that no broker takes.
    ask_apdb
        Raises if the APDB, in which changes are made, does not answer.
    next_on_refusal
        Whether images that a pipeline refuses before its change are the next one's.
    """

    def __init__(
        self,
        deployment: str,
        claims: Claims,
        alerts: AlertOutbox,
        ask_apdb: Callable[[], None],
        *,
        next_on_refusal: bool = False,
    ) -> None:
        self._deployment = deployment
        self._claims = claims
        self._alerts = alerts
        self._next_on_refusal = next_on_refusal
        self._ask_apdb = ask_apdb

    def run_of(self, assignment: Assignment, pipeline: LoadedPipeline) -> str:
        """Name the run that a pipeline puts its outputs into."""
        return output_run(_chain(assignment), pipeline.file, self._deployment)

    def preload_run(self, assignment: Assignment) -> str:
        """Name the run of what belongs to no pipeline."""
        return preload_run(_chain(assignment), self._deployment)

    def preprocess(
        self, attempt: OpenAttempt, pipelines: Iterable[LoadedPipeline], watch: Stopwatch
    ) -> list[str]:
        """Run the first preprocessing pipeline that can be; its failure is no reason to stop, an outage is.

        Returns
        -------
        warnings
            What went wrong.

        Raises
        ------
        NeighbourAwayError
            Raised if a neighbour is away without whom it fails.
        """
        warnings: list[str] = []
        for pipeline in pipelines:
            try:
                with watch.stage("preprocessing"):
                    execution = self._execute(attempt, pipeline, ())
            except NeighbourAwayError:
                raise
            except PromptProcessingError as error:
                warnings.append(f"preprocessing pipeline {pipeline.name}: {error}")
                if not isinstance(error, CannotBuildError):
                    return warnings
            else:
                if execution.failures and execution.away is not None:
                    raise NeighbourAwayError("; ".join(execution.failures), execution.away)
                failed = [f"preprocessing pipeline {pipeline.name}: {line}" for line in execution.failures]
                return [*warnings, *failed]
        return warnings

    def process(
        self, attempt: OpenAttempt, pipelines: Iterable[LoadedPipeline], exposures: Sequence[int]
    ) -> tuple[LoadedPipeline, Execution]:
        """Run the first main pipeline that can be; its failure is the end, unless a refusal is not to be.

        One that refuses the images before it has changed anything then leaves nothing, unless no later
        one can run.

        Raises
        ------
        NothingRunnableError
            Raised if none can be.
        ClaimRefusedError
            Raised if a change was about to be made that was not granted.
        """
        reasons: list[str] = []
        refused: tuple[LoadedPipeline, Execution, Journal] | None = None
        for pipeline in pipelines:
            before = attempt.journal.runs
            try:
                execution = self._execute(attempt, pipeline, exposures)
            except CannotBuildError as error:
                _log.warning("pipeline %s cannot run: %s", pipeline.name, error)
                reasons.append(f"{pipeline.name}: {error}")
                continue
            if attempt.journal.claimed or not (execution.is_refused and self._next_on_refusal):
                return pipeline, execution
            _log.warning("pipeline %s refuses the images: %s", pipeline.name, "; ".join(execution.failures))
            refused = refused or (pipeline, execution, attempt.journal)
            attempt.note(evolve(attempt.journal, runs=before))
        if refused is not None:
            pipeline, execution, journal = refused
            attempt.note(journal)
            return pipeline, execution
        raise NothingRunnableError(f"no pipeline can run: {'; '.join(reasons)}")

    def _execute(self, attempt: OpenAttempt, pipeline: LoadedPipeline, exposures: Sequence[int]) -> Execution:
        run = self.run_of(attempt.assignment, pipeline)
        plan = Plan(
            pipeline=pipeline,
            run=run,
            earlier=(*attempt.journal.runs, raw_run(attempt.assignment.work.visit.instrument)),
            inputs=attempt.journal.collections,
            data_id=attempt.data_id,
            ids=attempt.ids,
            reserve=attempt.reserve,
            exposures=tuple(exposures),
        )
        attempt.note(evolve(attempt.journal, runs={**attempt.journal.runs, run: pipeline.file}))

        def before_task(label: str) -> None:
            if label in pipeline.change_labels:
                # What a change needs is asked before its claim, which cannot be undone.
                self._ask_apdb()
                with self._alerts.reachable(attempt):
                    make_claim(self._claims, attempt, exposures)

        return attempt.repository.execute(plan, before_task)


def _chain(assignment: Assignment) -> str:
    return chain(assignment.work.visit.instrument, assignment.day)
