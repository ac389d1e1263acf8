"""Copy each announced visit once for each active detector."""

import asyncio
import logging
from collections import Counter as Counts
from collections.abc import Collection
from functools import partial

from attrs import frozen

from application.recovery.guard import QueueGuard
from application.retrying import retried
from domain.fan_out import FanOutConfig, UnconfiguredInstrumentError
from domain.times import InvalidInstantError
from domain.visit import Cancellation, Identity, Visit
from domain.work.expiry import age_of, clock_skew, has_expired
from domain.work.outcomes import Expired
from domain.work.promptness import Promptness
from ports.announcements import (
    Announcement,
    Announcements,
    AnnouncementsUnavailableError,
    NotForUs,
    Unreadable,
)
from ports.clock import Clock
from ports.control import ControlWriter
from ports.dead_announcements import DeadAnnouncements
from ports.ledger import Ledger
from ports.metrics import Counter, Duration, Metrics
from ports.neighbours import NeighbourUnavailableError
from ports.work_publisher import NoQueueError, Novelty, Published, WorkPublisher

__all__ = ["FanOut", "FanOutPolicy"]

_LOG = logging.getLogger(__name__)


@frozen(kw_only=True)
class FanOutPolicy:
    """What the fan-out serves; times in seconds."""

    instruments: frozenset[str]
    """SUPPORTED_INSTRUMENTS."""
    message_expiration: float
    retry_delay: float
    """Before what failed is tried again; doubled each time,"""
    longest_retry_delay: float = 5.0
    """but no longer than this."""


class FanOut:
    """Turns announcements into work, each exactly once."""

    def __init__(
        self,
        *,
        policy: FanOutPolicy,
        config: FanOutConfig,
        announcements: Announcements,
        publisher: WorkPublisher,
        control: ControlWriter,
        dead: DeadAnnouncements,
        ledger: Ledger,
        clock: Clock,
        metrics: Metrics,
        guard: QueueGuard | None = None,
    ) -> None:
        self._guard = guard
        self._published = Counts[str]()
        self._policy = policy
        self._config = config
        self._announcements = announcements
        self._publisher = publisher
        self._control = control
        self._dead = dead
        self._ledger = ledger
        self._clock = clock
        self._metrics = metrics

    async def run(self) -> None:
        """Serve until cancelled; every announcement is settled once it is dealt with."""
        delay, longest = self._policy.retry_delay, self._policy.longest_retry_delay
        while True:
            following = self._announcements.next
            announcement = await retried(following, AnnouncementsUnavailableError, _LOG, min(delay, longest))
            dealing = partial(self._deal_with, announcement)
            await retried(dealing, NeighbourUnavailableError, _LOG, delay, longest)

    async def _deal_with(self, announcement: Announcement) -> None:
        if self._guard is None:
            await self.handle(announcement)
            await self._announcements.settle(announcement)
            return
        async with self._guard.lock:
            before, published = await self._guard.check(), self._published.copy()
            await self.handle(announcement)
            expected = await self._guard.expected(before, self._published - published)
            await self._announcements.settle(announcement, expected)

    async def handle(self, announcement: Announcement) -> None:
        """Deal with one announcement; doing so again changes nothing."""
        match announcement.content:
            case Unreadable(reason=reason):
                await self._set_aside(announcement, "unreadable", reason)
            case NotForUs(reason=reason):
                _LOG.debug("announcement %s: %s", announcement.position, reason)
                self._drop("not an observation")
            case Cancellation() as cancellation:
                await self.cancel(cancellation)
            case Visit() as visit if visit.instrument not in self._policy.instruments:
                reason = f"group {visit.group} is of {visit.instrument}, which is not served here"
                await self._set_aside(announcement, "unsupported instrument", reason, logging.INFO)
            case Visit() as visit:
                try:
                    await self._fan_out(visit)
                except (UnconfiguredInstrumentError, InvalidInstantError, NoQueueError) as error:
                    await self._set_aside(announcement, "invalid", str(error))

    async def cancel(self, cancellation: Cancellation) -> None:
        """Tell workers that a visit will not happen."""
        _LOG.info("group %s cancelled", cancellation.group)
        await self._control.put(cancellation)

    async def hindrance(self, announcement: Announcement) -> str:
        """Say why an announcement that was dead-lettered cannot be dealt with now; blank if it can."""
        match announcement.content:
            case Unreadable(reason=reason) | NotForUs(reason=reason):
                return reason
            case Visit() as visit if visit.instrument not in self._policy.instruments:
                return f"group {visit.group} is of {visit.instrument}, which is not served here"
            case Visit() as visit:
                try:
                    age_of(visit, self._clock.utc())
                    self._config.active_detectors(visit)
                    known = await self._publisher.announced(visit.instrument, visit.group)
                except (UnconfiguredInstrumentError, InvalidInstantError, NoQueueError) as error:
                    return str(error)
                if known is not None and known.sent > visit.sent:
                    return f"a later announcement of group {visit.group} was published"
        return ""

    async def publish_again(self, visit: Visit) -> Published:
        """Publish a visit that was dead-lettered, however old: its age runs from a mark in the ledger.

        What was published before adds nothing.
        """
        detectors = self._config.active_detectors(visit)
        expired = has_expired(visit, self._clock.utc(), self._policy.message_expiration)
        if expired and await self._publisher.announced(visit.instrument, visit.group) is None:
            for detector in sorted(detectors):
                await self._ledger.mark_requeued(Identity(visit.instrument, visit.group, detector))
        return await self._publisher.publish(visit, detectors)

    async def _set_aside(
        self, announcement: Announcement, kind: str, reason: str, level: int = logging.ERROR
    ) -> None:
        await self._dead.put(announcement, f"{kind}: {reason}")
        _LOG.log(level, "announcement %s dead-lettered, %s: %s", announcement.position, kind, reason)
        self._drop(kind)

    async def _fan_out(self, visit: Visit) -> None:
        detectors = self._config.active_detectors(visit)
        now = self._clock.utc()
        if clock_skew(visit, now) > 1.0:
            self._metrics.count(Counter.CLOCK_SKEW, source="nextVisit")
        if has_expired(visit, now, self._policy.message_expiration):
            await self._let_expire(visit, detectors, age_of(visit, now))
            return
        loop = asyncio.get_running_loop()
        begin = loop.time()
        published = await self._publisher.publish(visit, detectors)
        if published.novelty is not Novelty.REPEATED:
            self._published[self._config.stream(visit.instrument)] += 1
        self._metrics.observe(Duration.FAN_OUT, loop.time() - begin)
        self._metrics.count(
            Counter.VISITS_FANNED_OUT, instrument=visit.instrument, novelty=published.novelty.value
        )
        _LOG.info(
            "group %s of %s is %s: %d copies",
            visit.group,
            visit.instrument,
            published.novelty.value,
            published.copies,
        )

    async def _let_expire(self, visit: Visit, detectors: Collection[int], age: float) -> None:
        """Record that nobody works on the visit, so that it can be put back by hand."""
        await self._publisher.remember(visit)
        await self._ledger.record_undelivered(visit.instrument, visit.group, detectors, Expired(age=age))
        _LOG.warning("group %s was announced %.0f s ago: expired", visit.group, age)
        self._drop("expired")
        self._metrics.count(
            Counter.VISIT_DETECTORS,
            len(detectors),
            instrument=visit.instrument,
            promptness=Promptness.FAILED.value,
        )

    def _drop(self, reason: str) -> None:
        self._metrics.count(Counter.ANNOUNCEMENTS_DROPPED, reason=reason)
