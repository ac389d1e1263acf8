"""Compare bucket, ledger and queue after (or during) a night, and put back what was lost."""

import datetime
import logging
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Protocol

from attrs import evolve, frozen

from application.night_images import LandedRaws
from domain.cameras.camera import Camera
from domain.fan_out import FanOutConfig
from domain.times import UtcSeconds, begin_of_day_obs
from domain.visit import Identity, Visit, VisitDetector
from domain.work.attempts import AttemptRecord
from domain.work.reconciliation import (
    LONGEST_REQUEUE,
    Evidence,
    Unprocessed,
    Why,
    unprocessed_images,
    why_not_requeued,
)
from ports.clock import Clock
from ports.ledger import Ledger, LedgerRecordError, NewerRecordError, UnreadableRecordError
from ports.work_publisher import WorkPublisher
from ports.work_queue import QueueUpkeep

__all__ = ["Finding", "RawFinder", "Reconciler", "Reconciliation"]

_LOG = logging.getLogger(__name__)

_BEFORE = 3600.0
"""Seconds before a night from which on records count: visits are announced before their images."""


@frozen(kw_only=True)
class Finding:
    """A visit-detector with images that nobody processed."""

    evidence: Evidence
    images: tuple[Unprocessed, ...]
    why_not_requeued: str
    """Why it may not be put back; blank if it may."""

    @property
    def identity(self) -> Identity:
        """Which one."""
        return self.evidence.identity


@frozen(kw_only=True)
class Reconciliation:
    """What came of a comparison."""

    instrument: str
    night: datetime.date
    images: int
    """Raws of active detectors that are in the bucket."""
    findings: tuple[Finding, ...]
    nameless: tuple[str, ...]
    """URIs of raws whose group cannot be told."""


class RawFinder(Protocol):
    """Knows the raws of a night."""

    async def find(self, night: datetime.date, detectors: Collection[int]) -> LandedRaws:
        """List the raws of some detectors."""
        ...


class Reconciler:
    """Finds images that nobody processed, and puts their work back.

    Parameters
    ----------
    camera
        Whose images.
    config
        Tells which detectors are active: images of others concern nobody.
    images
        The bucket.
    ledger, queue, publisher
        Of the camera's workers.
    longest
        Seconds since the begin of a night for which its work may be put back.
    """

    def __init__(
        self,
        *,
        camera: Camera,
        config: FanOutConfig,
        images: RawFinder,
        ledger: Ledger,
        queue: QueueUpkeep,
        publisher: WorkPublisher,
        clock: Clock,
        longest: float = LONGEST_REQUEUE,
    ) -> None:
        self._camera = camera
        self._config = config
        self._images = images
        self._ledger = ledger
        self._queue = queue
        self._publisher = publisher
        self._clock = clock
        self._longest = longest

    async def compare(self, night: datetime.date) -> Reconciliation:
        """Find the images of a night that nobody processed and nobody is about to.

        Raises
        ------
        PromptProcessingError
            Raised if bucket, ledger or queue cannot be reached.
        """
        raws = await self._images.find(night, self._config.all_detectors(self._camera.instrument))
        # What was finished between the two is looked at once more below.
        records = await self._records(night)
        queued = await self._queue.unfinished()
        findings = []
        count = 0
        for evidence in await self._gather(raws, records, queued):
            count += len(evidence.images)
            finding = await self._judge(evidence, begin_of_day_obs(night))
            if finding is not None:
                findings.append(finding)
        return Reconciliation(
            instrument=self._camera.instrument,
            night=night,
            images=count,
            findings=tuple(sorted(findings, key=lambda finding: finding.identity)),
            nameless=raws.nameless,
        )

    async def requeue(self, finding: Finding) -> str:
        """Put the work of one finding back into the queue.

        The mark comes first: interrupted between the two, the work is found as
        lost the next time.

        Returns
        -------
        why_not_requeued
            Why it was not put back; blank if it was.
        """
        visit = finding.evidence.visit
        if finding.why_not_requeued or visit is None:
            return finding.why_not_requeued or "the announcement is not known"
        try:
            if await self._last(finding.identity) != finding.evidence.record:
                return "it is being worked on by now"
        except LedgerRecordError as error:
            return str(error)
        if await self._ledger.has_claim(finding.identity):
            return "an attempt may have made permanent changes by now"
        await self._ledger.mark_requeued(finding.identity)
        await self._publisher.put_again(VisitDetector(visit, finding.identity.detector))
        _LOG.info("%s requeued", finding.identity)
        return ""

    async def _records(self, night: datetime.date) -> Mapping[Identity, AttemptRecord]:
        since = UtcSeconds(begin_of_day_obs(night) - _BEFORE)
        latest = await self._ledger.latest(self._camera.instrument, since)
        return {record.attempt.identity: record for record in latest}

    async def _gather(
        self,
        raws: LandedRaws,
        records: Mapping[Identity, AttemptRecord],
        queued: Collection[Identity],
    ) -> Sequence[Evidence]:
        """Put together what belongs together; inactive detectors are left out."""
        images = defaultdict(list)
        for image in raws.named:
            identity = Identity(self._camera.instrument, image.raw.group, image.raw.key.detector)
            images[identity].append(image)
        visits: dict[str, Visit | None] = {}
        found = []
        for identity, its_images in images.items():
            if identity.group not in visits:
                announced = await self._publisher.announced(identity.instrument, identity.group)
                visits[identity.group] = announced or raws.visits.get(identity.group)
            visit = visits[identity.group]
            if identity in records or identity in queued or self._is_active(identity, visit):
                found.append(
                    Evidence(
                        identity=identity,
                        images=tuple(sorted(its_images, key=lambda image: image.raw.exposure)),
                        record=records.get(identity),
                        is_queued=identity in queued,
                        visit=visit,
                    )
                )
        return found

    def _is_active(self, identity: Identity, visit: Visit | None) -> bool:
        if visit is None:
            return identity.detector in self._config.detectors.get(identity.instrument, ())
        return identity.detector in self._config.active_detectors(visit)

    async def _judge(self, evidence: Evidence, night_began: UtcSeconds) -> Finding | None:
        now = self._clock.utc()
        images = unprocessed_images(evidence, now)
        if images and (evidence.record is None or any(one.why is Why.LOST for one in images)):
            # It may have been leased, or finished, since the ledger was read.
            try:
                last = await self._last(evidence.identity)
            except NewerRecordError:
                return None
            except UnreadableRecordError as error:
                return Finding(evidence=evidence, images=images, why_not_requeued=str(error))
            if last != evidence.record and (last is None or not last.final):
                return None
            evidence = evolve(evidence, record=last)
            images = unprocessed_images(evidence, now)
        if not images:
            return None
        why_not = partial(
            why_not_requeued, evidence, images, night_began=night_began, now=now, longest=self._longest
        )
        reason = why_not(is_claimed=False)
        if not reason and await self._ledger.has_claim(evidence.identity):
            reason = why_not(is_claimed=True)
        return Finding(evidence=evidence, images=images, why_not_requeued=reason)

    async def _last(self, identity: Identity) -> AttemptRecord | None:
        history = await self._ledger.history(identity)
        return history[-1] if history else None
