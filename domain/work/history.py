"""What is known of the work on one visit-detector, and the rules by which it grows.

The ledger stores one `WorkHistory` for each identity and replaces it whole, by
compare-and-set; so these rules are the ledger's semantics in one place,
whatever it is stored in.
"""

import math
from collections.abc import Iterable, Mapping

from attrs import evolve, frozen

from domain.errors import PromptProcessingError
from domain.times import UtcSeconds
from domain.visit import Identity
from domain.work.about import AboutVisit
from domain.work.attempts import Attempt, AttemptNotes, AttemptRecord, Claim, LeaseKey
from domain.work.outcomes import Cancelled, FailedAfterChange, FailedBeforeChange, Outcome, is_postponed

__all__ = ["ClaimNotOverError", "OutdatedLeaseError", "WorkHistory"]


class OutdatedLeaseError(PromptProcessingError):
    """The work was begun under a later lease since: nothing may be begun under this one.

    Parameters
    ----------
    later
        What was begun since.
    """

    def __init__(self, later: AttemptRecord) -> None:
        super().__init__(f"{later.attempt} of {later.worker} has a later lease")
        self.incarnation = later.lease.incarnation if later.lease else 0
        """Of the queue when that lease was made."""


class ClaimNotOverError(PromptProcessingError):
    """An attempt with a claim may still change, export and record: nothing may be begun or closed yet.

    Parameters
    ----------
    attempt
        The one with the claim.
    seconds
        Until the claim ends.
    """

    def __init__(self, attempt: Attempt, seconds: float) -> None:
        super().__init__(f"{attempt} has a claim for {seconds:.0f} s more")
        self.seconds = seconds


@frozen
class WorkHistory:
    """All attempts on one visit-detector, in their order."""

    identity: Identity
    records: tuple[AttemptRecord, ...] = ()
    claim: Claim | None = None
    requeued: UtcSeconds | None = None
    """When it was last put back by hand."""

    @property
    def last(self) -> AttemptRecord | None:
        """The latest attempt; its outcome is final for the work only if its `final` is true."""
        return self.records[-1] if self.records else None

    def begin(
        self, worker: str, lease: LeaseKey, now: UtcSeconds, longest: float = math.inf, left_open: int = 0
    ) -> tuple["WorkHistory", AttemptRecord] | None:
        """Begin the next attempt, closing that of a dead worker.

        An attempt of the number `left_open` was postponed, and that could not
        be recorded: by its own word it has changed nothing.

        A worker is dead if its delivery was leased again, if its attempt
        began longer ago than `longest` seconds, which no attempt takes, or if
        the queue was made anew since, which ended its lease.

        Returns the history as it then is and the record of the attempt that
        holds the work: the new one; that of this very lease, if this is asked
        again; or the final one, if no attempt may follow. None if another
        delivery of the same work is being worked on.

        Raises
        ------
        ClaimNotOverError
            Raised if the last attempt has a claim that has not ended.
        OutdatedLeaseError
            Raised if an attempt was begun under a later lease, of this
            delivery or of another in the same queue; if that attempt is final
            and of another delivery, its record is returned instead.
        """
        last = self.last
        if last is not None and last.lease is not None:
            is_another = last.lease.origin != lease.origin
            is_of_another_worker = last.lease == lease and last.worker != worker
            is_outdated = is_of_another_worker or lease.is_older_than(last.lease)
            if is_outdated and not (last.final and is_another):
                raise OutdatedLeaseError(last)
        if last is not None and last.outcome is None:
            self._respect_claim(last, worker, lease, now, left_open)
        if last is not None and last.outcome is None and not self._is_requeued_after(last):
            if last.lease == lease:
                return self, self._told(last)
            is_over = now - last.begun > longest or (last.lease is not None and last.lease.is_lost_to(lease))
            if last.lease is not None and last.lease.origin != lease.origin and not is_over:
                return None
        history, closed = self._close_the_dead(now, left_open)
        last = history.last
        if last is not None and last.final:
            return history, evolve(last, closed=closed)
        record = AttemptRecord(
            attempt=Attempt(self.identity, history._highest() + 1),
            worker=worker,
            begun=now,
            turn=history._turn(),
            requeued=self.requeued,
            lease=lease,
        )
        begun = evolve(history, records=(*history.records, record))
        return begun, evolve(begun._told(record), closed=closed)

    def _respect_claim(
        self, last: AttemptRecord, worker: str, lease: LeaseKey, now: UtcSeconds, left_open: int
    ) -> None:
        """Raise if the attempt under way has a claim for some time yet, and it is another's."""
        is_the_same = (last.lease, last.worker) == (lease, worker)
        if self.claim is None or self.claim.until is None or is_the_same or last.attempt.number == left_open:
            return
        if now < self.claim.until:
            raise ClaimNotOverError(last.attempt, self.claim.until - now)

    def note_stage(
        self,
        number: int,
        stage: str,
        about: AboutVisit | None,
        now: UtcSeconds,
        seconds: Mapping[str, float] | None = None,
    ) -> "WorkHistory":
        """Note what an attempt does now, for those who look on; nothing if it does not hold the work."""
        last = self.last
        if last is None or last.attempt.number != number or last.outcome is not None:
            return self
        noted = evolve(
            last,
            stage=stage,
            stage_begun=now,
            about=about or last.about,
            seconds=last.seconds if seconds is None else seconds,
        )
        return evolve(self, records=(*self.records[:-1], noted))

    def end(
        self,
        number: int,
        outcome: Outcome,
        *,
        final: bool,
        now: UtcSeconds,
        notes: AttemptNotes | None = None,
    ) -> "WorkHistory | None":
        """Record how an attempt ended; None if it does not hold the work any more.

        Whatever is asked, the end is not final if the work was put back
        meanwhile.
        """
        last = self.last
        if last is None or last.attempt.number != number:
            return None
        final = final and not self._is_requeued_after(last)
        if last.outcome is not None:
            # The same word again is the repetition of a call whose answer was lost.
            return self if (last.outcome, last.final) == (outcome, final) else None
        ended = self._with_last(outcome, final, now)
        if notes is None:
            return ended
        noted = evolve(
            ended.records[-1],
            stage="",
            stage_begun=None,
            seconds=notes.seconds,
            since_shutter=notes.since_shutter,
            about=notes.about or last.about,
            raws=notes.raws,
            quality=notes.quality,
        )
        return evolve(ended, records=(*ended.records[:-1], noted))

    def end_undelivered(self, outcome: Outcome, now: UtcSeconds) -> "WorkHistory":
        """Record a final outcome of work that never reached a worker, if nothing else is known of it."""
        if self.records or self.requeued is not None:
            return self
        record = AttemptRecord(
            attempt=Attempt(self.identity, 0), worker="", begun=now, ended=now, outcome=outcome, final=True
        )
        return evolve(self, records=(record,))

    def give_up(self, outcome: Outcome, now: UtcSeconds) -> "WorkHistory":
        """End work for good that no delivery brings to a worker any more.

        An attempt that was under way is closed, as failed after change if it had
        a claim. Nothing changes while that has not ended, and if the work has its
        final outcome.
        """
        last = self.last
        if last is not None and last.final:
            return self
        if last is not None and last.outcome is None:
            if self.claim is None:
                return self._with_last(outcome, True, now)
            if self.claim.until is not None and now < self.claim.until:
                return self
            reason = f"worker {last.worker} ended without recording an outcome"
            return self._with_last(FailedAfterChange(reason=reason), True, now)
        number = 0 if last is None else self._highest() + 1
        record = AttemptRecord(
            attempt=Attempt(self.identity, number),
            worker="",
            begun=now,
            ended=now,
            outcome=outcome,
            final=True,
            requeued=self.requeued,
        )
        return evolve(self, records=(*self.records, record))

    def requeue(self, now: UtcSeconds) -> "WorkHistory":
        """Let further attempts follow, whatever was final."""
        records = tuple(evolve(record, final=False) for record in self.records)
        return evolve(self, records=records, requeued=now)

    def take_claim(
        self, number: int, exposures: Iterable[int], until: UtcSeconds | None = None
    ) -> "WorkHistory | None":
        """Let an attempt claim exposures; None if it may not.

        It may not if another attempt has a claim, or if it does not hold the
        work. Of an attempt on work that the ledger does not know, the claim
        alone decides. What was claimed before keeps its end.
        """
        if self.claim is not None and self.claim.number != number:
            return None
        last = self.last
        if last is not None and (last.attempt.number != number or last.outcome is not None):
            return None
        if self.claim is not None:
            return evolve(
                self, claim=evolve(self.claim, exposures=self.claim.exposures | frozenset(exposures))
            )
        return evolve(self, claim=Claim(number, frozenset(exposures), until))

    def _told(self, record: AttemptRecord) -> AttemptRecord:
        """Add to the last record what whoever begins has to know of those before it."""
        same = [each for each in self.records if each.requeued == record.requeued]
        before = same[-2] if len(same) > 1 else None
        postponed = before if before is not None and is_postponed(before.outcome) else None
        first = record
        for each in reversed(same):
            if isinstance(each.outcome, Cancelled):
                break
            first = each
        return evolve(record, postponed=postponed, first_begun=first.begun)

    def _close_the_dead(self, now: UtcSeconds, left_open: int = 0) -> tuple["WorkHistory", Outcome | None]:
        last = self.last
        if last is None or last.outcome is not None:
            return self, None
        reason = f"worker {last.worker} ended without recording an outcome"
        outcome: Outcome
        if last.attempt.number == left_open:
            reason = "postponed while the ledger was away"
            outcome = FailedBeforeChange(reason=reason, postponed=True)
            return self._with_last(outcome, False, now), outcome
        if self.claim is not None:
            outcome = FailedAfterChange(reason=reason)
        else:
            outcome = FailedBeforeChange(reason=reason)
        # The end of an attempt before the requeue is not final for what follows it.
        final = self.claim is not None and not self._is_requeued_after(last)
        return self._with_last(outcome, final, now), outcome

    def _with_last(self, outcome: Outcome, final: bool, now: UtcSeconds) -> "WorkHistory":
        *before, last = self.records
        ended = evolve(last, outcome=outcome, final=final, ended=now)
        claim = self.claim
        if claim is not None and claim.number == ended.attempt.number and is_postponed(outcome):
            claim = None  # Whose answer was lost; the attempt says itself that it has changed nothing.
        if (
            is_postponed(outcome)
            and before
            and before[-1].requeued == ended.requeued
            and is_postponed(before[-1].outcome)
        ):
            first = before.pop()
            ended = evolve(ended, begun=first.begun, times=first.times + 1)
        return evolve(self, records=(*before, ended), claim=claim)

    def _is_requeued_after(self, record: AttemptRecord) -> bool:
        return record.requeued != self.requeued

    def _highest(self) -> int:
        """Find the highest number that an attempt ever had, by records or by claim."""
        last = 0 if self.last is None else self.last.attempt.number
        return max(last, 0 if self.claim is None else self.claim.number)

    def _turn(self) -> int:
        """Count the next attempt, if the one before failed by its own fault."""
        last = self.last
        if last is None or last.requeued != self.requeued:
            return 1
        match last.outcome:
            case Cancelled() | FailedBeforeChange(postponed=True):
                return last.turn
        return last.turn + 1
