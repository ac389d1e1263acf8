"""Publish again what a queue has lost, and end by name what nobody can bring back (semantics 19)."""

import collections
import logging
from collections.abc import Collection, Mapping, Sequence

from attrs import frozen

from domain.fan_out import FanOutConfig, UnconfiguredInstrumentError
from domain.times import InvalidInstantError, UtcSeconds, utc_from_tai
from domain.visit import Cancellation, Identity, Visit
from domain.work.attempts import AttemptRecord
from domain.work.outcomes import FailedAfterChange, FailedBeforeChange, Outcome, describe
from ports.announcements import Announcements
from ports.clock import Clock
from ports.control import ControlWriter
from ports.ledger import Ledger
from ports.work_publisher import RestoringPublisher
from ports.work_queue import RebuildableQueue

__all__ = ["LONGEST_WINDOW", "RebuildPolicy", "Rebuilder"]

LONGEST_WINDOW = 6 * 86_400.0
"""Seconds that announcements are read back at most: a day less than claims are kept."""

_LOG = logging.getLogger(__name__)
_EARLIER = 86_400.0  # Seconds for which unfinished records are looked for before the first announcement.


@frozen(kw_only=True)
class RebuildPolicy:
    """What is read again; seconds."""

    window: float
    """min(MESSAGE_EXPIRATION, POSTPONE_LIMIT), and less than claims are kept: nothing older is worked on."""


class Rebuilder:
    """Fills queues again from the announcements and the ledger; to do so twice changes nothing more."""

    def __init__(
        self,
        *,
        policy: RebuildPolicy,
        config: FanOutConfig,
        announcements: Announcements,
        publisher: RestoringPublisher,
        control: ControlWriter,
        ledger: Ledger,
        clock: Clock,
    ) -> None:
        self._policy = policy
        self._config = config
        self._announcements = announcements
        self._publisher = publisher
        self._control = control
        self._ledger = ledger
        self._clock = clock

    async def rebuild(self, queues: Mapping[str, RebuildableQueue], *, are_claims_lost: bool) -> None:
        """Publish what has no final outcome and is not in its queue.

        Parameters
        ----------
        queues
            Those that lost work, by name.
        are_claims_lost
            Whether a claim may have been made that the ledger does not know any
            more: then only that is done again of which no image was taken yet.
        """
        since = UtcSeconds(self._clock.utc() - self._policy.window)
        read = [each.content for each in await self._announcements.again(since)]
        for content in read:
            if isinstance(content, Cancellation):
                await self._control.put(content)
        visits = _newest([content for content in read if isinstance(content, Visit)])
        for instrument, name in self._config.streams.items():
            if name in queues:
                mine = [visit for visit in visits if visit.instrument == instrument]
                await self._refill(instrument, mine, queues[name], since, are_claims_lost=are_claims_lost)

    async def _refill(
        self,
        instrument: str,
        visits: Sequence[Visit],
        queue: RebuildableQueue,
        since: UtcSeconds,
        *,
        are_claims_lost: bool,
    ) -> None:
        known = {
            record.attempt.identity: record
            for record in await self._ledger.latest(instrument, UtcSeconds(since - _EARLIER))
        }
        queued = set(await queue.unfinished())
        restored, given_up = 0, 0
        for visit in visits:
            open_detectors = [
                detector
                for detector in self._detectors(visit)
                if not _is_final(known.get(Identity(instrument, visit.group, detector)))
            ]
            unsafe = set[int]()
            if are_claims_lost and self._may_be_taken(visit):
                unsafe = await self._without_claim(visit, open_detectors)
                reason = "claims were lost: whether anything was changed is not known"
                given_up += await self._give_up(visit, unsafe, FailedAfterChange(reason=reason))
            missing = [
                detector
                for detector in open_detectors
                if detector not in unsafe and Identity(instrument, visit.group, detector) not in queued
            ]
            restored += await self._publisher.restore(visit, missing)
            queued |= {Identity(instrument, visit.group, detector) for detector in open_detectors}
        left = [identity for identity, record in known.items() if not record.final and identity not in queued]
        given_up += await self._give_up_unannounced(left)
        _LOG.warning(
            "queue of %s rebuilt from %d visits: %d visit-detectors published again, %d ended as failed",
            instrument,
            len(visits),
            restored,
            given_up,
        )

    def _detectors(self, visit: Visit) -> Collection[int]:
        try:
            return sorted(self._config.active_detectors(visit))
        except UnconfiguredInstrumentError:
            return ()  # It was set aside when it came first.

    def _may_be_taken(self, visit: Visit) -> bool:
        try:
            return utc_from_tai(visit.start_time) <= self._clock.utc()
        except InvalidInstantError:
            return True

    async def _without_claim(self, visit: Visit, detectors: Collection[int]) -> set[int]:
        """Find the detectors on which no claim is known: with one, no other attempt ever changes anything."""
        identities = [Identity(visit.instrument, visit.group, detector) for detector in detectors]
        return {each.detector for each in identities if not await self._ledger.has_claim(each)}

    async def _give_up(self, visit: Visit, detectors: Collection[int], outcome: Outcome) -> int:
        if not detectors:
            return 0
        ended = await self._ledger.give_up(visit.instrument, visit.group, detectors, outcome)
        _LOG.error("group %s, detectors %s: %s", visit.group, sorted(ended), describe(outcome))
        return len(ended)

    async def _give_up_unannounced(self, identities: Collection[Identity]) -> int:
        """End what the ledger knows as unfinished and no announcement brings back."""
        groups = collections.defaultdict[tuple[str, str], list[int]](list)
        for identity in identities:
            groups[identity.instrument, identity.group].append(identity.detector)
        outcome = FailedBeforeChange(reason="the queue lost it, and it is announced no more")
        count = 0
        for (instrument, group), detectors in groups.items():
            ended = await self._ledger.give_up(instrument, group, detectors, outcome)
            _LOG.error("group %s, detectors %s: %s", group, sorted(ended), describe(outcome))
            count += len(ended)
        return count


def _newest(visits: Sequence[Visit]) -> Sequence[Visit]:
    """Keep the last announcement of each visit, in the order of the last ones."""
    newest: dict[tuple[str, str], Visit] = {}
    for visit in visits:
        newest.pop((visit.instrument, visit.group), None)
        newest[visit.instrument, visit.group] = visit
    return list(newest.values())


def _is_final(record: AttemptRecord | None) -> bool:
    return record is not None and record.final
