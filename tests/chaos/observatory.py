"""The observatory of a seed: announces, takes back, delivers, and tells of it well or badly."""

import contextlib
import datetime
import hashlib
import time
from collections.abc import Sequence
from typing import Any

from confluent_kafka import KafkaException, Producer

from benchmarks.services.announcements import encode_cancellation, encode_next_visit
from domain.times import TaiSeconds, UtcSeconds, tai_from_utc
from domain.visit import Cancellation, CoordinateSystem, Dome, RotationSystem, Visit
from entrypoints.observatory.environment import Topics
from simulator.servers.notifications import NewObject, ceph_notification
from simulator.summit.night import RawObject
from tests.chaos.plan import Plan, VisitPlan
from tests.chaos.servers import CANCELLATION_SCHEMA, CANCELLED_TOPIC, VISIT_SCHEMA, Servers

__all__ = ["Observatory"]

_DURATION = 3.0
_LATE = 6.0
_PATIENCE = 90.0  # seconds; longer than any outage of the broker


class Observatory:
    """One seed's.

    Parameters
    ----------
    servers, plan
        Where, and what.
    """

    def __init__(self, servers: Servers, plan: Plan) -> None:
        self._servers = servers
        self._plan = plan
        self._producer = Producer(
            {"bootstrap.servers": servers.kafka_address, "linger.ms": 0, "log_level": 0}
        )
        self._s3 = servers.s3()
        self._announced: dict[int, bytes] = {}

    def group(self, visit: VisitPlan) -> str:
        """Name a visit."""
        return self._servers.visits[self._plan.seed, visit.number].group

    def announce(self, visit: VisitPlan, *, is_changed: bool = False) -> None:
        """Announce a visit; the second time in the same words, unless it has changed."""
        if is_changed or visit.number not in self._announced:
            now = tai_from_utc(UtcSeconds(time.time()))
            content = Visit(
                instrument=self._servers.camera.instrument,
                group=self.group(visit),
                sal_index=2,
                script_sal_index=visit.number,
                coordinate_system=CoordinateSystem.ICRS,
                position=(149.9, 2.2),
                start_time=TaiSeconds(now + visit.landed - visit.announced),
                rotation_system=RotationSystem.SKY,
                camera_angle=12.0,
                filters="r_sim",
                dome=Dome.OPEN,
                duration=_DURATION,
                nimages=visit.snaps,
                survey="CHAOS",
                total_checkpoints=1 + is_changed,
                sent=now,
            )
            self._announced[visit.number] = encode_next_visit(content, VISIT_SCHEMA, 1)
        self._send(Topics().next_visit, self._announced[visit.number])

    def cancel(self, visit: VisitPlan) -> None:
        """Take a visit back."""
        content = Cancellation(sal_index=2, script_sal_index=visit.number, group=self.group(visit))
        self._send(CANCELLED_TOPIC, encode_cancellation(content, CANCELLATION_SCHEMA, 2))

    def deliver(self, visit: VisitPlan) -> None:
        """Put a visit's raws into the bucket."""
        planned = self._servers.visits[self._plan.seed, visit.number]
        opened = tai_from_utc(UtcSeconds(time.time()))
        raws = [
            raw
            for snap in range(visit.snaps)
            for raw in self._servers.night.take(planned, snap, opened, TaiSeconds(opened + 1))
        ]
        for raw in raws:
            if visit.notifications[raw.detector] == "early":
                self._notify(raw.key, _body(visit, raw))
        for raw in raws:
            self._put(visit, raw)
        self._put_late_sidecars(visit, raws)
        for raw in sorted(raws, key=lambda raw: visit.notifications[raw.detector] == "late"):
            self._tell(visit, raw)

    def poison(self, number: int) -> None:
        """Send something that nobody can read where something good is expected."""
        topic = (Topics().next_visit, Topics().bucket, Topics().outputs, CANCELLED_TOPIC)[number % 4]
        self._send(topic, (b"", b"not avro", b'{"Records": [{}]}', b"\0\0\0\0\1\xff")[number % 3])

    def close(self) -> None:
        """See everything sent."""
        assert self._producer.flush(30) == 0
        self._s3.close()

    def _put(self, visit: VisitPlan, raw: RawObject) -> None:
        bucket = self._servers.addresses.bucket
        if raw.sidecar_key is not None and visit.notifications[raw.detector] != "late sidecar":
            self._s3.put_object(Bucket=bucket, Key=raw.sidecar_key, Body=raw.sidecar)
        self._s3.put_object(Bucket=bucket, Key=raw.key, Body=_body(visit, raw))

    def _put_late_sidecars(self, visit: VisitPlan, raws: Sequence[RawObject]) -> None:
        late = [raw for raw in raws if visit.notifications[raw.detector] == "late sidecar"]
        for raw in late:
            self._notify(raw.key, _body(visit, raw))
        time.sleep(1.0 if late else 0.0)
        for raw in late:
            self._s3.put_object(Bucket=self._servers.addresses.bucket, Key=raw.sidecar_key, Body=raw.sidecar)

    def _tell(self, visit: VisitPlan, raw: RawObject) -> None:
        way = visit.notifications[raw.detector]
        if way in {"never", "early"}:
            return
        if way == "late":
            time.sleep(_LATE)
        for _ in range(2 if way == "twice" else 1):
            # Out of order: the image's first.
            self._notify(raw.key, _body(visit, raw))
            if raw.sidecar_key is not None:
                self._notify(raw.sidecar_key, raw.sidecar)

    def _notify(self, key: str, body: bytes) -> None:
        bucket = self._servers.addresses.bucket
        new = NewObject(bucket=bucket, key=key, size=len(body), etag=_etag(body), event="Put")
        self._send(Topics().bucket, ceph_notification(new, datetime.datetime.now(datetime.UTC)))

    def _send(self, topic: str, body: bytes) -> None:
        """Send until the broker has it.

        Raises
        ------
        TimeoutError
            Raised if the broker does not come back: a fault of the harness.
        """
        failed: list[Any] = []
        end = time.monotonic() + _PATIENCE

        def told(error: Any, _: object) -> None:
            if error is not None:
                failed.append(error)

        while time.monotonic() < end:
            with contextlib.suppress(KafkaException, BufferError):
                failed.clear()
                self._producer.produce(topic, body, on_delivery=told)
                if self._producer.flush(20) == 0 and not failed:
                    return
            time.sleep(0.2)
        raise TimeoutError(f"no broker took a message for {_PATIENCE:g} s")


def _body(visit: VisitPlan, raw: RawObject) -> bytes:
    return raw.body[: len(raw.body) // 3] if visit.fate == "poisoned" else raw.body


def _etag(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()
