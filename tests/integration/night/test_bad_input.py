"""A night on which everything that can be wrong with its input is: each costs itself and nothing else.

Nobody has made templates for it either, so the next best pipeline runs.
"""

import asyncio
import contextlib
import time
import urllib.request
from collections import Counter as Tally
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from attrs import evolve, field, frozen
from confluent_kafka import Producer
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console

from adapters.files.cameras import load_camera
from domain.times import TaiSeconds, UtcSeconds, tai_from_utc
from entrypoints.containers.observatory import read_results
from entrypoints.observatory.box import BoxSetup, opened_box
from entrypoints.observatory.display import make_display
from entrypoints.observatory.environment import Addresses, Topics
from entrypoints.observatory.findings import Examination, examine
from entrypoints.observatory.options import AP_PIPE
from entrypoints.observatory.progress import Progress
from simulator.summit.announcement import Announcer, next_visit
from simulator.summit.demo import demo_plan
from simulator.summit.night import NightPlan, PlannedVisit

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@frozen
class Heard:
    """All that the processes logged."""

    records: list[tuple[str, Mapping[str, Any]]] = field(factory=list)

    def messages(self, process: str, text: str) -> list[str]:
        return [
            str(record["message"])
            for name, record in self.records
            if name.startswith(process) and text in str(record.get("message"))
        ]


def probed(heard: Heard, path: str) -> dict[str, tuple[int, str]]:
    """Ask every service that said where it serves its metrics."""
    ports = {name: record["metrics_port"] for name, record in heard.records if "metrics_port" in record}
    found: dict[str, tuple[int, str]] = {}
    for name, port in ports.items():
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            found[name] = answer.status, answer.read().decode()
    return found


def totals(texts: Iterable[str], metric: str, label: str) -> Tally[str]:
    """Add up a metric over processes, by one label."""
    counts: Tally[str] = Tally()
    for text in texts:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == f"prompt_processing_{metric}":
                    counts[sample.labels[label]] += int(sample.value)
    return counts


def bad_announcements(at: Addresses, plan: NightPlan) -> None:
    """Bytes of no schema, another instrument's visit, and one without an instrument."""
    producer = Producer({"bootstrap.servers": at.kafka})
    for body in (b"", b"not avro", b"\0\0\0\0\x63nothing", b"\0\0\0\0\x01\xff\xff"):
        producer.produce(Topics().next_visit, body)
    producer.flush(10)
    with Announcer(at.kafka, Topics().next_visit, schema_registry_url=at.registry) as announcer:
        for instrument in ("OtherCam", ""):
            now = UtcSeconds(time.time())
            announcer.announce(
                next_visit(
                    instrument, plan.visits[0], number=9, start=tai_from_utc(now), duration=5.0, now=now
                )
            )


def announce(at: Addresses, plan: NightPlan, visit: PlannedVisit, *, duration: float) -> None:
    now = UtcSeconds(time.time())
    with Announcer(at.kafka, Topics().next_visit, schema_registry_url=at.registry) as announcer:
        announcer.announce(
            next_visit(
                plan.camera.instrument,
                visit,
                number=1,
                start=TaiSeconds(tai_from_utc(now)),
                duration=duration,
                now=now,
            )
        )


def land(at: Addresses, plan: NightPlan, visit: PlannedVisit, *, spoil: str = "") -> None:
    """Upload a visit's raws; `spoil` says what is done to them."""
    s3 = boto3.client(
        "s3",
        endpoint_url=at.s3["S3_ENDPOINT_URL"],
        aws_access_key_id="x",
        aws_secret_access_key="x",  # noqa: S106 - moto checks none
        region_name="us-east-1",
    )
    opened = tai_from_utc(UtcSeconds(time.time()))
    for raw in plan.raws.take(visit, 0, opened, TaiSeconds(opened + 1)):
        assert raw.sidecar_key is not None
        body = raw.body[: len(raw.body) // 2] if spoil == "truncated" else raw.body
        sidecar = b"{not json" if spoil == "sidecar" else raw.sidecar
        s3.put_object(Bucket=at.bucket, Key=raw.sidecar_key, Body=sidecar)
        s3.put_object(Bucket=at.bucket, Key=raw.key, Body=body)
        if spoil == "sidecar":
            time.sleep(1.0)
            s3.put_object(Bucket=at.bucket, Key=raw.sidecar_key, Body=raw.sidecar)
    for key in ("OtherCam/20260313/x.fits", "SimCam/nonsense", "SimCam/20260313/a+b %41 #.fits"):
        s3.put_object(Bucket=at.bucket, Key=key, Body=b"foreign")


async def until(condition: asyncio.Event, seconds: float) -> None:
    async with asyncio.timeout(seconds):
        await condition.wait()


async def test_bad_input_costs_itself_and_nothing_else(small_camera: Path, tmp_path: Path) -> None:
    night = demo_plan(load_camera(small_camera), seed=3, now=UtcSeconds(time.time()))
    plan = evolve(night.plan, visits=tuple(evolve(visit, snaps=1) for visit in night.plan.visits))
    good, truncated, odd = plan.visits
    progress = Progress((visit.group, detector) for visit in plan.visits for detector in visit.detectors)
    heard, over = Heard(), asyncio.Event()

    def listen(name: str, record: Mapping[str, Any]) -> None:
        heard.records.append((name, record))
        progress.heard(name, record, 0.0)
        if progress.is_over:
            over.set()

    setup = BoxSetup(
        plan=plan,
        camera_file=str(small_camera),
        pipelines=AP_PIPE,
        reference=night.sky.stars,
        workers=2,
        variables={"worker": {"IMAGE_TIMEOUT": "8"}},
    )
    with contextlib.ExitStack() as stack:
        display = stack.enter_context(make_display(Console(quiet=True), time.monotonic()))
        async with opened_box(setup, display, listen) as box:
            at = box.addresses
            await asyncio.to_thread(bad_announcements, at, plan)
            for visit, spoil in ((truncated, "truncated"), (good, ""), (odd, "sidecar")):
                await asyncio.to_thread(announce, at, plan, visit, duration=1.0)
                await asyncio.to_thread(land, at, plan, visit, spoil=spoil)
            await until(over, 150)
            for probe, word in (("/healthz", "healthy"), ("/readyz", "ready")):
                answers = await asyncio.to_thread(probed, heard, probe)
                services = {"fan-out", "raw-presence", "butler-writer", "courier", "worker 1", "worker 2"}
                assert answers == dict.fromkeys(services, (200, f"{word}\n"))
            metrics = [text for _, text in (await asyncio.to_thread(probed, heard, "/metrics")).values()]
            results = await asyncio.to_thread(read_results, at.repository, at.batches, plan.camera.instrument)
            asked = Examination(truth=night.source.truth)
            assert examine(asked, at, results, tmp_path, "") == (
                "no image was differenced: no DiaSources, no alerts",
            )

    outcomes = {key: row.outcome for key, row in progress.rows.items()}
    assert outcomes == {
        (visit.group, detector): "images rejected" if visit is truncated else "completed"
        for visit in plan.visits
        for detector in (0, 1)
    }
    ways = {row.detail for row in progress.rows.values() if row.outcome == "completed"}
    assert ways == {"completed (SingleFrame)"}
    fared = totals(metrics, "visit_detectors_total", "promptness")
    assert (fared["in time"] + fared["late"], fared["failed"]) == (4, 2)
    assert totals(metrics, "announcements_dropped_total", "reason") >= Tally({"unreadable": 4})
    assert totals(metrics, "queue_entries", "state")["dead"] == 0
    assert len(heard.messages("fan-out", "dead-lettered, unreadable")) == 4
    assert len(heard.messages("fan-out", "OtherCam")) == 1
    (first, *_) = heard.messages("worker", "unusable")
    assert "truncated" in first
    assert not [record for _, record in heard.records if "exc_info" in record]
