"""The summit: plays a night's plan, from the announcement of each visit to its raws in the store."""

import asyncio
import contextlib
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

import boto3
from attrs import field, frozen
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from domain.errors import PromptProcessingError
from domain.times import TaiSeconds, UtcSeconds, tai_from_utc
from simulator.errors import SimulatorError
from simulator.summit.announcement import Announcer, next_visit
from simulator.summit.night import NightPlan, PlannedVisit, RawObject

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client  # of a package that only type checkers need

__all__ = ["Summit"]

_LEAD = 20.0
_OVERHEAD = 5.0  # seconds of a visit that are not exposure: readout and settling
_UPLOADS_AT_ONCE = 16


@frozen(kw_only=True)
class _Scheduled:
    """A visit and its times, in the observatory's seconds since the night began."""

    visit: PlannedVisit
    number: int
    announced: float
    start: float
    duration: float


@frozen(kw_only=True)
class _Playing:
    """A plan being played, and what it needs."""

    plan: NightPlan
    announcer: Announcer
    s3: "S3Client"
    begun: float
    """On the event loop's clock, seconds."""
    uploads: asyncio.Semaphore = field(factory=lambda: asyncio.Semaphore(_UPLOADS_AT_ONCE))


class Summit:
    """Plays plans; keeps the time of what happened.

    Parameters
    ----------
    bootstrap_servers, schema_registry_url, topic
        Where visits are announced.
    object_store_url, bucket
        Where raws go.
    speed
        How much faster than real time the observatory lives: lead times and
        exposures are shorter by it. The exposure times in headers are not,
        nor is the light.
    lead
        Seconds from an announcement to the visit, before `speed`.
    """

    def __init__(
        self,
        *,
        bootstrap_servers: str,
        schema_registry_url: str,
        topic: str,
        object_store_url: str,
        bucket: str,
        speed: float = 1.0,
        lead: float = _LEAD,
    ) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._schema_registry_url = schema_registry_url
        self._topic = topic
        self._object_store_url = object_store_url
        self._bucket = bucket
        self._speed = speed
        self._lead = lead
        self.announced: dict[str, UtcSeconds] = {}
        """When each visit's announcement was sent, by group."""
        self.last_notified: dict[tuple[str, int], UtcSeconds] = {}
        """When the notification of a detector's last snap was out, by group and detector."""

    async def play(self, plan: NightPlan) -> None:
        """Play a plan to its end; cancel to stop at once.

        Raises
        ------
        PromptProcessingError
            Raised if Kafka, the registry, the store or the camera fails.
        """
        announcer = Announcer(
            self._bootstrap_servers, self._topic, schema_registry_url=self._schema_registry_url
        )
        with announcer, contextlib.closing(_s3_client(self._object_store_url)) as s3:
            night = _Playing(plan=plan, announcer=announcer, s3=s3, begun=asyncio.get_running_loop().time())
            try:
                async with asyncio.TaskGroup() as visits:
                    for scheduled in self._schedule(plan.visits):
                        visits.create_task(self._observe(night, scheduled))
            except* PromptProcessingError as errors:
                raise _first(errors) from errors

    def _schedule(self, visits: Iterable[PlannedVisit]) -> list[_Scheduled]:
        """Lay visits one behind the other, each announced the lead time ahead."""
        start = self._lead
        scheduled = []
        for number, visit in enumerate(visits, start=1):
            duration = visit.snaps * visit.exposure_time + _OVERHEAD
            scheduled.append(
                _Scheduled(
                    visit=visit, number=number, announced=start - self._lead, start=start, duration=duration
                )
            )
            start += duration
        return scheduled

    async def _observe(self, night: _Playing, scheduled: _Scheduled) -> None:
        visit = scheduled.visit
        await self._sleep_until(night, scheduled.announced)
        await self._announce(night, scheduled)
        await self._sleep_until(night, scheduled.start)
        async with asyncio.TaskGroup() as uploads:
            for snap in range(visit.snaps):
                for raw in await self._expose(night, visit, snap):
                    uploads.create_task(self._upload(night, visit, raw))

    async def _announce(self, night: _Playing, scheduled: _Scheduled) -> None:
        now = UtcSeconds(time.time())
        event = next_visit(
            night.plan.camera.instrument,
            scheduled.visit,
            number=scheduled.number,
            start=TaiSeconds(tai_from_utc(now) + (scheduled.start - scheduled.announced) / self._speed),
            duration=scheduled.duration / self._speed,
            now=now,
        )
        await asyncio.to_thread(night.announcer.announce, event)
        self.announced[scheduled.visit.group] = now

    async def _expose(self, night: _Playing, visit: PlannedVisit, snap: int) -> list[RawObject]:
        loop = asyncio.get_running_loop()
        exposure = visit.exposure_time / self._speed
        closes = loop.time() + exposure
        opened = tai_from_utc(UtcSeconds(time.time()))
        frames = night.plan.raws.take(visit, snap, opened, TaiSeconds(opened + exposure))
        raws = []
        # One by one, so that a night can be stopped between detectors.
        while (raw := await asyncio.to_thread(next, frames, None)) is not None:
            raws.append(raw)
        await asyncio.sleep(closes - loop.time())
        return raws

    async def _upload(self, night: _Playing, visit: PlannedVisit, raw: RawObject) -> None:
        async with night.uploads:
            await asyncio.to_thread(_put, night.s3, self._bucket, raw)
        # The store sends the notification before it answers the upload.
        now = UtcSeconds(time.time())
        self.last_notified |= {(visit.group, detector): now for detector in raw.detectors}

    async def _sleep_until(self, night: _Playing, moment: float) -> None:
        await asyncio.sleep(night.begun + moment / self._speed - asyncio.get_running_loop().time())


def _put(s3: "S3Client", bucket: str, raw: RawObject) -> None:
    try:
        if raw.sidecar_key is not None:
            s3.put_object(Bucket=bucket, Key=raw.sidecar_key, Body=raw.sidecar)
        s3.put_object(Bucket=bucket, Key=raw.key, Body=raw.body)
    except (BotoCoreError, ClientError) as error:
        raise SimulatorError(f"{raw.key} cannot be written to the object store: {error}") from error


def _s3_client(url: str) -> "S3Client":
    # Any key will do for the simulated store; the user's own must not reach it.
    return boto3.client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="simulator",
        aws_secret_access_key="simulator",  # noqa: S106 - the store checks none
        config=Config(
            connect_timeout=2,
            read_timeout=10,
            retries={"total_max_attempts": 1},
            max_pool_connections=_UPLOADS_AT_ONCE,
        ),
    )


def _first(group: BaseExceptionGroup[PromptProcessingError]) -> PromptProcessingError:
    return next(
        error
        for one in group.exceptions
        for error in ([_first(one)] if isinstance(one, BaseExceptionGroup) else [one])
    )
