"""Lease visit-detectors one after another and see each to its recorded outcome."""

import asyncio
import enum
import logging
import math
from collections.abc import Mapping

from attrs import frozen

from application.worker.alongside import running_alongside, wait_for_either
from application.worker.headcount import Headcount
from application.worker.keep_lease import LeaseKeeper
from application.worker.log_context import logging_about
from application.worker.postponing import Postponer, PostponingPolicy
from application.worker.process_visit import VisitProcessor
from application.worker.stages import Stages
from domain.cameras.camera import Camera, UnknownDetectorError
from domain.errors import PromptProcessingError
from domain.visit import VisitDetector
from domain.work.attempts import Attempt, AttemptNotes
from domain.work.outcomes import (
    RULES,
    Duplicate,
    FailedBeforeChange,
    Outcome,
    Poisoned,
    QueueVerb,
    describe,
    is_final,
    is_postponed,
    rule_for,
    snaps_of,
)
from domain.work.promptness import Promptness, promptness
from domain.work.quality import Quality, why_held
from ports.ledger import (
    AttemptRecord,
    ClaimNotOverError,
    HeldElsewhereError,
    Ledger,
    LedgerUnavailableError,
    NewerRecordError,
    NotTheHolderError,
    OutdatedLeaseError,
    UnreadableRecordError,
)
from ports.measurements import Measurement, Measurements
from ports.metrics import Counter, Gauge, Metrics
from ports.neighbours import Neighbour, NeighbourUnavailableError, Probe
from ports.work_queue import Lease, LeaseLostError, QueueUnavailableError, WorkQueue
from ports.workspace import Workspace

__all__ = ["Ending", "Worker", "WorkerPolicy"]

_LOG = logging.getLogger(__name__)
_AFTER_CLAIM = 1.0  # Seconds, so that a claim is over for certain when its work comes again.


class Ending(enum.Enum):
    """Why a worker ended."""

    IDLE = "no work came"
    RECYCLED = "it has done its number of visits"
    STOPPED = "it was told to stop"


@frozen(kw_only=True)
class WorkerPolicy:
    """When a worker gives up, renews and ends; times in seconds."""

    idle_timeout: float
    """FANNED_OUT_MSG_LISTEN_TIMEOUT: idle time before the worker ends."""
    retry_delay: float
    """REDIS_RETRY_DELAY: pause when queue or ledger cannot be reached."""
    lease: float
    """For how long a lease is good."""
    renewal: float
    """Between two renewals of the lease; well below the lease's own time."""
    shutdown_grace: float
    """For the running visit, once told to stop, and again for what it made until then."""
    recycle_after: int = 0
    """WORKER_RESTART_FREQ: visits before the worker ends; 0 is never."""
    max_attempts: int = 3
    longest_attempt: float = math.inf
    """An attempt that began longer ago is over, whatever became of its worker and its delivery."""


class Worker:
    """Works on visit-detectors of one instrument until it is idle, recycled or stopped."""

    def __init__(
        self,
        *,
        name: str,
        camera: Camera,
        policy: WorkerPolicy,
        queue: WorkQueue,
        ledger: Ledger,
        processor: VisitProcessor,
        workspace: Workspace,
        metrics: Metrics,
        measurements: Measurements | None = None,
        probes: Mapping[str, Probe] | None = None,
    ) -> None:
        self._name = name
        self._camera = camera
        self._policy = policy
        self._queue = queue
        self._ledger = ledger
        self._processor = processor
        self._workspace = workspace
        self._metrics = metrics
        self._measurements = measurements
        self._postponer = Postponer(queue, probes or {}, PostponingPolicy(first=policy.retry_delay))
        self._headcount = Headcount(metrics, camera.instrument)
        self._abort = asyncio.Event()

    async def run(self, stop: asyncio.Event, abort: asyncio.Event | None = None) -> Ending:
        """Work until there is no more to do or `stop` is set; then leave the queue.

        A visit under way has its grace then. `abort` takes it away: what runs
        is killed, and nothing more is exported.
        """
        self._abort = abort or self._abort
        done = 0
        self._headcount.tell("running", 1)
        try:
            while not stop.is_set():
                if self._policy.recycle_after and done >= self._policy.recycle_after:
                    return Ending.RECYCLED
                try:
                    await self._postponer.wait(stop)
                    lease = None if stop.is_set() else await self._lease(stop)
                    if lease is None:
                        return Ending.STOPPED if stop.is_set() else Ending.IDLE
                    await self._handle_delivery(lease, stop)
                    done += 1
                except NeighbourUnavailableError as error:
                    _LOG.error("%s; retrying in %g s", error, self._policy.retry_delay)
                    await wait_for_either(asyncio.sleep(self._policy.retry_delay), stop.wait())
            return Ending.STOPPED
        finally:
            self._headcount.tell("running", -1)
            await self._workspace.close()
            try:
                await self._queue.leave()
            except QueueUnavailableError as error:
                _LOG.warning("this worker could not deregister from the queue: %s", error)

    async def _lease(self, stop: asyncio.Event) -> Lease | None:
        leasing = asyncio.ensure_future(self._queue.lease(self._policy.idle_timeout))
        await wait_for_either(leasing, stop.wait())
        return leasing.result() if leasing.done() and not leasing.cancelled() else None

    async def _handle_delivery(self, lease: Lease, stop: asyncio.Event) -> None:
        """Take a delivery from its lease to its recorded outcome."""
        fault = lease.fault if lease.work is None else self._find_fault(lease.work)
        if lease.work is None or fault:
            await self._set_poison_aside(lease, fault)
            return
        with logging_about(lease.work):
            try:
                await self._begin(lease, lease.work, stop)
            except OutdatedLeaseError as error:
                await self._give_back_outdated(lease, lease.work, error)
            except (HeldElsewhereError, NewerRecordError) as error:
                await self._give_back_later(lease, error, self._policy.renewal)
            except ClaimNotOverError as error:
                await self._give_back_later(lease, error, error.seconds + _AFTER_CLAIM)
            except LedgerUnavailableError as error:
                await self._postponer.postpone(lease, Neighbour.LEDGER, str(error), lease.times_leased)
            except UnreadableRecordError as error:
                # Whether something permanent was changed is not known, so nothing is done again.
                await self._set_poison_aside(lease, str(error))

    async def _begin(self, lease: Lease, work: VisitDetector, stop: asyncio.Event) -> None:
        record = await self._ledger.begin(work.identity, self._name, lease, self._policy.longest_attempt)
        if record.closed is not None:
            self._report(record.closed, logging.ERROR, final=record.final)
        if record.final and record.outcome is not None:
            duplicate = Duplicate(reason=f"attempt {record.attempt.number} {describe(record.outcome)}")
            self._report(duplicate, logging.INFO, final=True)
            await self._queue.acknowledge(lease)
            return
        with logging_about(work, attempt=record.attempt.number), self._headcount.processing():
            await self._attempt(lease, work, record, stop)

    def _find_fault(self, work: VisitDetector) -> str:
        if work.visit.instrument != self._camera.instrument:
            return f"a visit of {work.visit.instrument}, and this worker serves {self._camera.instrument}"
        try:
            self._camera.detector(work.detector)
        except UnknownDetectorError as error:
            return str(error)
        return ""

    async def _set_poison_aside(self, lease: Lease, fault: str) -> None:
        outcome = Poisoned(reason=fault)
        _LOG.error("entry %s of %s dead-lettered: %s", lease.entry, lease.queue, fault)
        self._count(outcome, final=True)
        await self._ledger.record_unreadable(lease.queue, lease.entry, outcome)
        await self._queue.set_aside(lease, fault)

    async def _attempt(
        self, lease: Lease, work: VisitDetector, record: AttemptRecord, stop: asyncio.Event
    ) -> None:
        stages = Stages(work.visit, self._metrics)
        outcome: Outcome | None = None
        try:
            keeper = LeaseKeeper(
                self._queue, self._workspace, lease, self._policy.lease, self._policy.renewal
            )
            await self._confirm(keeper, stop)
            async with running_alongside(keeper.keep(), stages.note(self._ledger, record.attempt)):
                outcome = await self._process_attempt(lease, work, record, stages, stop)
                rule = rule_for(outcome, record.turn, self._policy.max_attempts)
                final = is_final(outcome, record.turn, self._policy.max_attempts)
                await self._record(record.attempt, outcome, stages.notes(), stop, final=final)
        except (LeaseLostError, NotTheHolderError, NewerRecordError) as error:
            # Who wrote the newer record has taken the work over.
            self._report_lost_lease(work, error)
            return
        except LedgerUnavailableError as error:
            # Of what is postponed it is known that it has changed nothing; else the ledger has to tell.
            number = record.attempt.number if is_postponed(outcome) else 0
            times = _times_postponed(record)
            await self._postponer.postpone(lease, Neighbour.LEDGER, str(error), times, number)
            return
        self._report(outcome, rule.level, stages, final=final)
        self._tell_quality(outcome, stages.quality)
        if self._measurements is not None:
            self._measurements.add(
                Measurement(
                    identity=work.identity,
                    attempt=record.attempt.number,
                    outcome=RULES[type(outcome)].name,
                    seconds=stages.seconds(),
                    quality=stages.quality,
                )
            )
        match rule.verb:
            case QueueVerb.ACKNOWLEDGE:
                await self._queue.acknowledge(lease)
            case QueueVerb.GIVE_BACK:
                await self._queue.give_back(lease)
            case QueueVerb.POSTPONE:
                away = outcome.away if isinstance(outcome, FailedBeforeChange) else ""
                await self._postponer.postpone(lease, away, describe(outcome), _times_postponed(record))
            case QueueVerb.DEAD_LETTER:
                await self._queue.set_aside(lease, describe(outcome))

    async def _confirm(self, keeper: LeaseKeeper, stop: asyncio.Event) -> None:
        confirming = asyncio.ensure_future(keeper.confirm(self._policy.retry_delay))
        await wait_for_either(confirming, self._grace_over(stop))
        if confirming.cancelled():
            raise LeaseLostError("this worker was told to stop before the queue confirmed the lease")
        confirming.result()

    def _tell_quality(self, outcome: Outcome, quality: Quality | None) -> None:
        if quality is None:
            return
        instrument = self._camera.instrument
        for measure, value in quality.known.items():
            self._metrics.set(Gauge.QUALITY, value, instrument=instrument, measure=measure)
        if why_held(outcome, quality):
            self._metrics.count(Counter.VISIT_DETECTORS_HELD, instrument=instrument)

    async def _give_back_outdated(self, lease: Lease, work: VisitDetector, error: OutdatedLeaseError) -> None:
        """Give back what is still held, though another delivery of it was leased later: then this one is."""
        try:
            await self._queue.renew(lease)
        except LeaseLostError:
            self._report_lost_lease(work, error)
            return
        if lease.incarnation < error.incarnation:
            _LOG.error("the queue is older than the ledger has seen it: its incarnation is raised")
            await self._queue.raise_incarnation(error.incarnation + 1)
        await self._give_back_later(lease, error, self._policy.renewal)

    async def _give_back_later(self, lease: Lease, error: PromptProcessingError, seconds: float) -> None:
        """Leave others some time for the work, or this delivery would go round without a pause."""
        _LOG.info("released, to be redelivered in %.1f s: %s", seconds, error)
        await self._queue.postpone(lease, seconds)

    def _report_lost_lease(self, work: VisitDetector, error: PromptProcessingError) -> None:
        _LOG.error("lease lost, no outcome recorded: %s", error)
        self._metrics.count(Counter.LEASES_LOST, instrument=work.visit.instrument)

    async def _process_attempt(
        self, lease: Lease, work: VisitDetector, record: AttemptRecord, stages: Stages, stop: asyncio.Event
    ) -> Outcome:
        if record.turn > self._policy.max_attempts:
            return FailedBeforeChange(reason=f"{record.turn - 1} attempts ended without success")
        give_up = asyncio.Event()
        working = asyncio.ensure_future(self._processor.process(record, work, lease, stages, give_up))
        await wait_for_either(working, self._end_after_grace(stop, give_up))
        if not working.cancelled():
            return working.result()
        return await self._processor.interrupted(record.attempt, "the worker was told to stop")

    async def _record(
        self, attempt: Attempt, outcome: Outcome, notes: AttemptNotes, stop: asyncio.Event, *, final: bool
    ) -> None:
        """Record how an attempt ended, as soon as the ledger lets itself be reached.

        What is done would count as undone without: whoever takes over finds a
        claim and no outcome. What is postponed need not wait: the delivery carries that on.
        """
        grace_over = asyncio.ensure_future(self._grace_over(stop))
        try:
            while True:
                try:
                    return await self._ledger.record(attempt, outcome, final=final, notes=notes)
                except LedgerUnavailableError as error:
                    if is_postponed(outcome) or grace_over.done():
                        raise
                    _LOG.error("outcome not recorded yet, retrying (%s): %s", describe(outcome), error)
                    await asyncio.wait({grace_over}, timeout=self._policy.retry_delay)
        finally:
            grace_over.cancel()

    async def _grace_over(self, stop: asyncio.Event) -> None:
        """Wait until the worker was told to stop, and its grace is over."""
        await stop.wait()
        await wait_for_either(asyncio.sleep(self._policy.shutdown_grace), self._abort.wait())

    async def _end_after_grace(self, stop: asyncio.Event, give_up: asyncio.Event) -> None:
        """Wait until the visit under way must end: its grace is over, and so is that for its outputs."""
        await self._grace_over(stop)
        give_up.set()
        await wait_for_either(asyncio.sleep(self._policy.shutdown_grace), self._abort.wait())
        await self._workspace.abandon()

    def _report(self, outcome: Outcome, level: int, stages: Stages | None = None, *, final: bool) -> None:
        name = RULES[type(outcome)].name
        fared = self._count(outcome, stages, final=final)
        _LOG.log(
            level,
            "%s",
            describe(outcome),
            extra={
                "outcome": name,
                "final": final,
                "held": why_held(outcome, stages.quality if stages else None),
                "promptness": "" if fared is None else fared.value,
                "seconds": stages.seconds() if stages else {},
                "exposures": [snap.exposure for snap in snaps_of(outcome) if snap.exposure],
            },
        )

    def _count(self, outcome: Outcome, stages: Stages | None = None, *, final: bool) -> Promptness | None:
        instrument = self._camera.instrument
        self._metrics.count(Counter.OUTCOMES, instrument=instrument, outcome=RULES[type(outcome)].name)
        fared = promptness(outcome, stages.since_shutter if stages else None) if final else None
        if fared is not None:
            self._metrics.count(Counter.VISIT_DETECTORS, instrument=instrument, promptness=fared.value)
        return fared


def _times_postponed(record: AttemptRecord) -> int:
    return 0 if record.postponed is None else record.postponed.times
