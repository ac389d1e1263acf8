"""Carry one attempt on one visit-detector from its lease to its outcome.

Read `VisitProcessor.process` from top to bottom: it is the list of what
happens to a visit-detector.
"""

import asyncio
import itertools
import logging
from collections.abc import Coroutine, Mapping
from typing import Any

from attrs import evolve

from application.worker.await_images import ImagesOutOfReachError, ImageWait
from application.worker.choose_pipelines import PipelineChooser
from application.worker.failures import Failures, given_up
from application.worker.job import Job, VisitPolicy
from application.worker.stages import Stages
from domain.cameras.field_angles import NoGeometryError
from domain.pipelines import NoMatchingNodeError
from domain.raws.expectation import Expectation, image_deadline
from domain.runs import day_of_processing
from domain.sky.position import UnsupportedSystemError
from domain.times import InvalidInstantError, UtcSeconds
from domain.visit import InvalidVisitError, VisitDetector
from domain.work.expiry import age_of, clock_skew, has_expired
from domain.work.outcomes import (
    Cancelled,
    Completed,
    Expired,
    Export,
    FailedAfterChange,
    FailedBeforeChange,
    Ignored,
    ImagesRejected,
    NoImages,
    Outcome,
    PermanentFailure,
    SnapResult,
    SnapStatus,
    rule_for,
)
from domain.work.promptness import seconds_since
from ports.clock import Clock
from ports.control import ControlNotes
from ports.ledger import Attempt, AttemptRecord, Ledger, LedgerUnavailableError
from ports.metrics import Counter, Metrics
from ports.neighbours import Neighbour, Probe
from ports.output_notifier import NotificationLostError, OutputNotifier
from ports.work_queue import Lease
from ports.workspace import (
    Assignment,
    ClaimRefusedError,
    InitOutputsMissingError,
    NeighbourAwayError,
    NothingRunnableError,
    Processed,
    Workspace,
    WorkspaceError,
    WorkspaceLostError,
)

__all__ = ["VisitPolicy", "VisitProcessor"]

_LOG = logging.getLogger(__name__)
_TRIES = 4
"""Of a step that needs the central repository, within one attempt that can be repeated."""
_RECORDING = 10.0  # Seconds, of those of a claim, that are left to record what became of the work.
_SKEW = 1.0  # Seconds between clocks that NTP is trusted to stay below (semantics 13).


UNPLACEABLE = (UnsupportedSystemError, InvalidVisitError, InvalidInstantError, NoGeometryError)
"""The visit cannot be placed in time or on the sky, or the camera has no geometry to do it."""


class VisitProcessor:
    """Processes visit-detectors of one instrument, one at a time.

    `notifier` is None where the workspace writes the central registry by itself.
    """

    def __init__(
        self,
        *,
        policy: VisitPolicy,
        clock: Clock,
        ledger: Ledger,
        control: ControlNotes,
        chooser: PipelineChooser,
        images: ImageWait,
        workspace: Workspace,
        notifier: OutputNotifier | None,
        metrics: Metrics,
        probes: Mapping[str, Probe] | None = None,
    ) -> None:
        self._policy = policy
        self._clock = clock
        self._ledger = ledger
        self._control = control
        self._chooser = chooser
        self._images = images
        self._workspace = workspace
        self._notifier = notifier
        self._metrics = metrics
        self._failures = Failures(policy, clock, ledger, probes or {})

    async def process(
        self,
        record: AttemptRecord,
        work: VisitDetector,
        lease: Lease,
        stages: Stages,
        give_up: asyncio.Event,
    ) -> Outcome:
        """Work on a leased visit-detector until it has an outcome.

        Once `give_up` is set nothing more is computed: what runs is killed, and
        what there is is handed on as the outcome allows.

        Outputs are handed on and the local repository is clean when this
        returns; to record the outcome and to tell the queue is the caller's.

        Raises
        ------
        ports.ledger.LedgerUnavailableError
            Raised if it cannot be known whether permanent changes were made.
        """
        try:
            outcome = await self._refuse(work, lease, record)
            if outcome is not None:
                return outcome
            chosen = self._chooser.choose(work)
            stages.about = chosen.about(work.visit)
            begun = self._clock.utc()
            waited = 0.0 if record.first_begun is None else max(record.begun - record.first_begun, 0.0)
            expectation = self._expect(work, begun, waited)
            patience = self._expect(work, begun).deadline
        except NoMatchingNodeError as error:
            return FailedBeforeChange(reason=str(error), never=PermanentFailure.NO_MATCHING_NODE)
        except UNPLACEABLE as error:
            return FailedBeforeChange(reason=str(error), never=PermanentFailure.UNPLACEABLE_VISIT)
        if not chosen.main:
            return Ignored(reason="the configuration lists no pipeline for this visit")
        assignment = Assignment(
            attempt=record.attempt,
            work=work,
            day=day_of_processing(begun),
            preprocessing=chosen.preprocessing,
            main=chosen.main,
        )
        try:
            job = Job(
                record=record,
                lease=lease,
                assignment=assignment,
                stages=stages,
                give_up=give_up,
                begun=begun,
                patience=patience,
            )
            return await self._run_attempt(job, expectation)
        finally:
            with stages.timing("clean"):
                await self._workspace.clean()

    async def _refuse(self, work: VisitDetector, lease: Lease, record: AttemptRecord) -> Outcome | None:
        """Turn away what is not worth beginning."""
        visit, now = work.visit, self._clock.utc()
        skew = clock_skew(visit, now)
        if skew > _SKEW:
            self._metrics.count(Counter.CLOCK_SKEW, source="nextVisit")
            _LOG.warning("the announcement is %.1f s ahead of this clock", skew)
        if has_expired(visit, now, self._policy.message_expiration, record.requeued):
            return given_up(record) or Expired(age=age_of(visit, now, record.requeued))
        if await self._control.is_cancelled(visit.sal_index, visit.group):
            return Cancelled()
        if lease.latest_revision > lease.revision:
            return Cancelled(superseded=True)
        return None

    async def _run_attempt(self, job: Job, expectation: Expectation) -> Outcome:
        job.until = asyncio.get_running_loop().time() + self._policy.worker_timeout
        try:
            async with asyncio.timeout_at(job.until):
                outcome = await _run_unless(job.give_up, self._run_science(job, expectation))
            if outcome is None:
                outcome = await self._failures.of_reason(job, "the worker was told to stop")
        except TimeoutError:
            reason = f"took longer than {self._policy.worker_timeout:g} s"
            outcome = await self._failures.of_timeout(job, reason)
        return await self._export_outputs(job, outcome)

    def _expect(self, work: VisitDetector, begun: UtcSeconds, waited: float = 0.0) -> Expectation:
        """Reckon until when images are awaited by an attempt, others having waited for some time before."""
        receipt = UtcSeconds(begun - waited)
        deadline = image_deadline(
            work.visit, receipt, self._policy.image_timeout, self._policy.worker_timeout
        )
        now = asyncio.get_running_loop().time()
        return Expectation.of(work, now + (deadline - begun), self._policy.unknown_count_grace)

    async def _run_science(self, job: Job, expectation: Expectation) -> Outcome:
        """Preload, await the images and run the pipeline."""
        try:
            failure = await self._prepare(job)
            if failure is not None:
                job.preparation_failed = True
                return failure
            begun = asyncio.get_running_loop().time()
            expectation = expectation.lasting_until(begun + self._policy.least_wait)
            expectation, cancelled = await self._images.gather(
                expectation, job.lease.revision, self._workspace, job.stages
            )
            if cancelled is not None:
                return cancelled
            job.stages.observe_transfer(job.record.attempt.number, job.begun)
            if not expectation.accepted:
                waited = asyncio.get_running_loop().time() - begun
                snaps = _snap_results(expectation, None)
                return ImagesRejected(snaps=snaps) if snaps else NoImages(waited=waited)
            job.may_have_claimed = True
            with job.stages.timing("process"):
                processed = await self._workspace.process(
                    [exposure.exposure for exposure in expectation.accepted], job.until
                )
            job.stages.quality = processed.quality
            if processed.failure and processed.away is not None and not processed.changed:
                raise NeighbourAwayError(processed.failure, processed.away)
            return self._outcome_of_processing(job, processed, expectation)
        except NothingRunnableError as error:
            return FailedBeforeChange(reason=str(error), never=PermanentFailure.NOTHING_RUNNABLE)
        except ImagesOutOfReachError as error:
            return self._failures.postpone(job, Neighbour.BUCKET, str(error))
        except LedgerUnavailableError as error:
            return self._failures.postpone(job, Neighbour.LEDGER, str(error))
        except WorkspaceError as error:
            return await self._failures.of_error(job, error, str(error), _snap_results(expectation, None))

    async def _prepare(self, job: Job) -> Outcome | None:
        """Prepare the workspace; wait for an initializer that is behind and a repository that is away."""
        loop = asyncio.get_running_loop()
        tries = 0
        with job.stages.timing("prepare"):
            while True:
                try:
                    prepared = await self._workspace.prepare(job.assignment)
                    break
                except NothingRunnableError as error:
                    return FailedBeforeChange(reason=str(error), never=PermanentFailure.NOTHING_RUNNABLE)
                except WorkspaceError as error:
                    is_missing = isinstance(error, InitOutputsMissingError)
                    tries += not is_missing
                    usual = self._policy.init_outputs_pause if is_missing else self._policy.repository_pause
                    pause = job.pause(usual, tries)
                    is_over = loop.time() + pause >= job.patience if is_missing else tries >= _TRIES
                    if is_over:
                        return await self._failures.of_error(job, error, str(error))
                    _LOG.warning("%s; retrying in %.1f s", error, pause)
                await self._workspace.clean()
                await asyncio.sleep(pause)
        for warning in prepared.warnings:
            _LOG.warning("preload: %s", warning)
        for stage, seconds in prepared.seconds.items():
            job.stages.add(f"prepare.{stage}", seconds)
        return None

    def _outcome_of_processing(self, job: Job, processed: Processed, expectation: Expectation) -> Outcome:
        for stage, seconds in processed.seconds.items():
            job.stages.add(f"process.{stage}", seconds)
        snaps = _snap_results(expectation, processed)
        if processed.failure and processed.changed:
            return FailedAfterChange(reason=processed.failure, snaps=snaps)
        if processed.failure:
            return FailedBeforeChange(reason=processed.failure, snaps=snaps)
        job.has_changed = processed.changed
        closed = max(exposure.end for exposure in expectation.accepted)
        job.since_shutter = seconds_since(closed, self._clock.utc())
        return Completed(pipeline=processed.pipeline, snaps=snaps)

    async def _export_outputs(self, job: Job, outcome: Outcome) -> Outcome:
        """Export what the outcome allows, and tell the Butler Writer."""
        what = rule_for(outcome, job.record.turn, self._policy.max_attempts).export
        if what is Export.NOTHING or job.preparation_failed:
            return outcome
        job.may_have_claimed = True
        try:
            async with asyncio.timeout(self._policy.worker_timeout) as limit:
                with job.stages.timing("export"):
                    await self._export(job, what, limit)
        except LedgerUnavailableError as error:
            if isinstance(outcome, Completed):
                return self._failures.postpone(job, Neighbour.LEDGER, str(error))
            _LOG.error("nothing was exported: %s", error)
        except (WorkspaceError, NotificationLostError, TimeoutError) as error:
            reason = f"export: {str(error) or 'took too long'}"
            if isinstance(outcome, Completed):
                outcome = await self._failures.of_error(job, error, reason, outcome.snaps)
            else:
                _LOG.error("nothing was exported: %s", reason)
        return self._with_alerts(job, outcome)

    def _with_alerts(self, job: Job, outcome: Outcome) -> Outcome:
        """Name alerts that wait in the outcome, and why they are held.

        Unless the broker did not take some, the minute ended with the pipeline.
        """
        waiting, held = job.waiting, job.held
        instrument = job.assignment.work.visit.instrument
        if waiting is None or waiting.held:
            job.stages.observe_since_shutter(job.since_shutter)
        else:
            self._metrics.count(Counter.ALERTS_WAITING, waiting.number, instrument=instrument)
        texts = [f"held: {held}"] if held else []
        if waiting is not None:
            texts.append(f"alerts waiting: {waiting.number} in {waiting.place}")
        text = "; ".join(texts)
        match outcome:
            case Completed() if text:
                return evolve(outcome, detail=text)
            case FailedAfterChange() if text:
                return evolve(outcome, reason=f"{outcome.reason}; {text}")
            case FailedBeforeChange() if waiting is not None:
                return evolve(outcome, reason=f"{outcome.reason}; {text}")
            case _:
                return outcome

    async def _export(self, job: Job, what: Export, limit: asyncio.Timeout) -> None:
        """Export and tell the writer; again if that fails.

        Where nothing permanent was changed another attempt may do better. After a
        claim there is none: it is tried for as long as the claim lasts.
        """
        loop = asyncio.get_running_loop()
        for tries in itertools.count(1):
            try:
                job.waiting = await self._workspace.waiting_alerts()
                message = await self._workspace.export(what)
                if message is not None:
                    await self._tell_writer(job, message)
            except (WorkspaceError, NotificationLostError) as error:
                claimed_until = self._workspace.claimed_until
                if claimed_until is not None:
                    limit.reschedule(claimed_until - _RECORDING)
                is_lost = isinstance(error, WorkspaceLostError) and tries < _TRIES
                pause = 0.0 if is_lost else job.pause(self._policy.repository_pause, tries)
                is_claimed = claimed_until is not None or job.has_changed
                is_over = loop.time() + pause >= (limit.when() or 0.0) if is_claimed else tries == _TRIES
                if is_over or isinstance(error, ClaimRefusedError):
                    raise
                _LOG.warning("export: %s; retrying in %.1f s", error, pause)
                await asyncio.sleep(pause)
            else:
                return

    async def _tell_writer(self, job: Job, message: bytes) -> None:
        if self._notifier is None:
            raise NotificationLostError("there is a message for the Butler Writer, and none is configured")
        await self._notifier.send(message)
        self._metrics.count(Counter.WRITER_MESSAGES, instrument=job.assignment.work.visit.instrument)

    async def interrupted(self, attempt: Attempt, reason: str) -> Outcome:
        """Find the outcome of an attempt whose processing was cancelled."""
        if await self._ledger.has_claim(attempt.identity):
            return FailedAfterChange(reason=reason)
        return FailedBeforeChange(reason=reason)


async def _run_unless[T](over: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """Await work; if an event is set before it ends, cancel it and return None."""
    working, waiting = asyncio.ensure_future(work), asyncio.ensure_future(over.wait())
    try:
        await asyncio.wait((working, waiting), return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
        working.cancel()
        await asyncio.wait((working, waiting))
    return None if working.cancelled() else working.result()


def _snap_results(expectation: Expectation, processed: Processed | None) -> tuple[SnapResult, ...]:
    """List what became of each exposure that came, and of those of which that cannot be said."""
    failure = "" if processed is None else processed.failure
    done = SnapStatus.COMPLETED if processed and not failure else SnapStatus.FAILED
    unknown = expectation.missing if expectation.obstacle else ()
    results = [
        *[(one.exposure, done, failure) for one in expectation.accepted],
        *[(one.raw.exposure, SnapStatus.REJECTED, one.reason) for one in expectation.rejected],
        *[(raw.exposure, SnapStatus.LATE, "came after the wait") for raw in expectation.late],
        *[
            (exposure, SnapStatus.UNFETCHED, "it is there, and could not be fetched")
            for exposure in sorted(expectation.unfetched)
        ],
        *[(0, SnapStatus.UNPROVEN, f"snap {snap}: {expectation.obstacle}") for snap in unknown],
    ]
    return tuple(SnapResult(exposure=it, result=status, reason=why) for it, status, why in results)
