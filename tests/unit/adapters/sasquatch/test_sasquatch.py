"""Measurements to a REST proxy that takes them, refuses them, or is not there."""

import asyncio
import io
import json
import logging
import re
import threading
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast, override

import fastavro
import pytest
from attrs import evolve

from adapters.host.clock import SystemClock
from adapters.memory.metrics import MemoryMetrics
from adapters.sasquatch.measurements import SasquatchMeasurements
from domain.visit import Identity
from domain.work.quality import Quality
from ports.measurements import Measurement
from ports.metrics import Counter
from tests.contract_suites.measurements import (
    STAGES,
    MeasurementsBench,
    MeasurementsContract,
    a_measurement,
)

MEASUREMENT = a_measurement(2)


class Proxy:
    """Keeps what it is sent."""

    def __init__(self) -> None:
        self.status = 200
        self.requests: list[tuple[str, dict[str, str], Any]] = []
        self.answering = threading.Event()
        self.answering.set()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                proxy.requests.append((self.path, dict(self.headers), json.loads(body)))
                proxy.answering.wait(10)
                self.send_response(proxy.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/proxy/"

    async def received(self, number: int) -> None:
        async with asyncio.timeout(10):
            while len(self.requests) < number:
                await asyncio.sleep(0.01)


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    proxy = Proxy()
    thread = threading.Thread(target=proxy.server.serve_forever)
    thread.start()
    yield proxy
    proxy.answering.set()
    proxy.server.shutdown()
    thread.join()
    proxy.server.server_close()


def _measurements(url: str, metrics: MemoryMetrics | None = None, **options: Any) -> SasquatchMeasurements:
    return SasquatchMeasurements(
        url=url, namespace="lsst.prompt", clock=SystemClock(), metrics=metrics or MemoryMetrics(), **options
    )


def _lost(metrics: MemoryMetrics, reason: str) -> float:
    return metrics.total(Counter.MEASUREMENTS_LOST, reason=reason)


class _Bench(MeasurementsBench):
    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self.measurements: SasquatchMeasurements = _measurements(proxy.url)

    @override
    async def delivered(self, number: int) -> list[Measurement]:
        await self._proxy.received(number)
        return [_measured(body["records"][0]["value"]) for _, _, body in self._proxy.requests]


def _measured(value: dict[str, Any]) -> Measurement:
    fields = {stage: f"seconds_{re.sub('[^a-z]', '_', stage)}" for stage in STAGES}
    return Measurement(
        identity=Identity(value["instrument"], value["group"], value["detector"]),
        attempt=value["attempt"],
        outcome=value["outcome"],
        seconds={stage: value[field]["double"] for stage, field in fields.items() if field in value},
    )


class TestSasquatchMeasurements(MeasurementsContract):
    @pytest.fixture
    async def bench(self, proxy: Proxy) -> AsyncIterator[MeasurementsBench]:
        bench = _Bench(proxy)
        await bench.measurements.open()
        yield bench
        await bench.measurements.close()


async def test_a_record_comes_with_a_schema_that_it_fits(proxy: Proxy) -> None:
    measurements = _measurements(proxy.url, token="secret")  # noqa: S106 - of this test's own server
    await measurements.open()
    measurements.add(MEASUREMENT)
    await measurements.close()
    [(path, headers, body)] = proxy.requests
    assert path == "/proxy/topics/lsst.prompt.promptStageTimes"
    assert headers["Content-Type"] == "application/vnd.kafka.avro.v2+json"
    assert headers["Authorization"] == "Bearer secret"
    [record] = body["records"]
    text = io.StringIO(json.dumps(record["value"]))
    value = cast(dict[str, Any], next(fastavro.json_reader(text, json.loads(body["value_schema"]))))
    assert value["group"] == MEASUREMENT.identity.group
    assert value["outcome"] == "completed"
    assert value["seconds_process_task_isr"] == MEASUREMENT.seconds["process.task isr"]


async def test_quality_is_a_metric_of_its_own(proxy: Proxy) -> None:
    measurements = _measurements(proxy.url)
    await measurements.open()
    quality = Quality.of({"seeing_arcsec": 0.8, "dia_sources": {"positive": 12}})
    measurements.add(evolve(MEASUREMENT, quality=quality))
    await measurements.close()
    [(_, _, _), (path, _, body)] = proxy.requests
    assert path == "/proxy/topics/lsst.prompt.promptVisitQuality"
    text = io.StringIO(json.dumps(body["records"][0]["value"]))
    value = cast(dict[str, Any], next(fastavro.json_reader(text, json.loads(body["value_schema"]))))
    assert (value["seeing_arcsec"], value["dia_sources_positive"]) == (0.8, 12.0)
    assert value["detector"] == MEASUREMENT.identity.detector


async def test_one_that_hangs_holds_up_nobody(proxy: Proxy, caplog: pytest.LogCaptureFixture) -> None:
    proxy.answering.clear()
    metrics = MemoryMetrics()
    measurements = _measurements(proxy.url, metrics, backlog=2, close_timeout=0.05)
    await measurements.open()
    measurements.add(MEASUREMENT)
    await proxy.received(1)
    for _ in range(5):
        measurements.add(MEASUREMENT)
    await measurements.close()
    assert len(proxy.requests) == 1
    [warning] = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert "too many wait" in warning.getMessage()
    assert (_lost(metrics, "backlog"), _lost(metrics, "end")) == (3, 2)


async def test_an_outage_is_said_once(proxy: Proxy, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    metrics = MemoryMetrics()
    measurements = _measurements(proxy.url, metrics)
    await measurements.open()
    proxy.status = 503
    for _ in range(3):
        measurements.add(MEASUREMENT)
    await proxy.received(3)
    proxy.status = 200
    measurements.add(MEASUREMENT)
    await measurements.close()
    texts = [
        record.getMessage() for record in caplog.records if record.name == "adapters.sasquatch.measurements"
    ]
    assert len(texts) == 2
    assert "503" in texts[0]
    assert "again" in texts[1]
    assert _lost(metrics, "upload") == 3


async def test_without_a_proxy_nothing_fails() -> None:
    measurements = _measurements("http://127.0.0.1:9", timeout=1.0)
    await measurements.open()
    measurements.add(MEASUREMENT)
    await measurements.close()
