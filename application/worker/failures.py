"""What became of an attempt that failed: before its change or after, or a neighbour is away."""

from collections.abc import Mapping, Sequence

from application.worker.job import Job, VisitPolicy
from domain.work.expiry import age_of
from domain.work.outcomes import FailedAfterChange, FailedBeforeChange, Outcome, SnapResult
from ports.clock import Clock
from ports.ledger import AttemptRecord, Ledger
from ports.neighbours import Neighbour, NeighbourUnavailableError, Probe
from ports.workspace import DiskFullError, NeighbourAwayError

__all__ = ["Failures", "given_up"]


class Failures:
    """Sorts failures of attempts.

    Parameters
    ----------
    policy, clock
        Tell what is too old to be postponed.
    ledger
        Knows whether there is a claim.
    probes
        Confirm that a neighbour is away.
    """

    def __init__(
        self, policy: VisitPolicy, clock: Clock, ledger: Ledger, probes: Mapping[str, Probe]
    ) -> None:
        self._policy = policy
        self._clock = clock
        self._ledger = ledger
        self._probes = probes

    def postpone(self, job: Job, away: str, reason: str) -> Outcome:
        """Leave the work to a later attempt, unless it is too old for one."""
        age = age_of(job.assignment.work.visit, self._clock.utc(), job.record.requeued)
        if age < min(self._policy.message_expiration, self._policy.postpone_limit):
            return FailedBeforeChange(reason=reason, postponed=True, away=away)
        since = job.record.begun if job.record.postponed is None else job.record.postponed.begun
        lasted = self._clock.utc() - since
        return FailedBeforeChange(reason=f"{reason}; given up after {lasted:.0f} s", given_up=True)

    async def of_error(
        self, job: Job, error: Exception, reason: str, snaps: tuple[SnapResult, ...] = ()
    ) -> Outcome:
        """Sort a failure; none of the visit is a full disk, or a neighbour that a probe finds away."""
        outcome = await self.of_reason(job, reason, snaps)
        if isinstance(outcome, FailedBeforeChange) and isinstance(error, DiskFullError):
            return self.postpone(job, "", reason)
        if isinstance(outcome, FailedBeforeChange) and isinstance(error, NeighbourAwayError):
            return await self._postponed(job, outcome, [error.neighbour])
        return outcome

    async def of_timeout(self, job: Job, reason: str) -> Outcome:
        """Sort a step that did not end; who keeps it waiting may be any neighbour that does not answer."""
        outcome = await self.of_reason(job, reason)
        if isinstance(outcome, FailedBeforeChange):
            return await self._postponed(job, outcome, list(Neighbour))
        return outcome

    async def _postponed(
        self, job: Job, outcome: FailedBeforeChange, neighbours: Sequence[Neighbour]
    ) -> Outcome:
        """Postpone the work if one of the neighbours does not answer."""
        for neighbour in neighbours:
            try:
                if neighbour in self._probes:
                    await self._probes[neighbour].check()
            except NeighbourUnavailableError as error:
                return self.postpone(job, neighbour, f"{outcome.reason}: {error}")
        return outcome

    async def of_reason(self, job: Job, reason: str, snaps: tuple[SnapResult, ...] = ()) -> Outcome:
        """Sort a failure by the one fact that decides: is there a claim?"""
        if job.may_have_claimed and await self._ledger.has_claim(job.record.attempt.identity):
            return FailedAfterChange(reason=reason, snaps=snaps)
        return FailedBeforeChange(reason=reason, snaps=snaps)


def given_up(record: AttemptRecord) -> Outcome | None:
    """End work that expired while it was postponed by what it was postponed for; None if it was not."""
    before = record.postponed
    if before is None or not isinstance(before.outcome, FailedBeforeChange):
        return None
    lasted = record.begun - before.begun
    return FailedBeforeChange(reason=f"{before.outcome.reason}; given up after {lasted:.0f} s", given_up=True)
