import time

import pytest

from adapters.host.probes import HttpProbe, ProbeFailedError
from adapters.prometheus.metrics import PrometheusMetrics
from adapters.prometheus.metrics_server import MetricsServer
from ports.metrics import Gauge


async def test_a_service_is_ready_or_says_that_it_is_not() -> None:
    is_ready = False
    server = MetricsServer(PrometheusMetrics(), ready=lambda: is_ready)
    await server.open()
    probe = HttpProbe(f"http://127.0.0.1:{server.port}/readyz")
    with pytest.raises(ProbeFailedError, match="503 not ready"):
        await probe.look()
    is_ready = True
    assert not await probe.look()
    await server.close()
    with pytest.raises(ProbeFailedError):
        await probe.look()


async def test_the_writers_metrics_tell_its_lag() -> None:
    metrics = PrometheusMetrics()
    server = MetricsServer(metrics)
    await server.open()
    probe = HttpProbe(f"http://127.0.0.1:{server.port}/metrics")
    assert await probe.look() == "no message waits"
    metrics.set(Gauge.WRITER_OLDEST, time.time() - 500)
    assert (await probe.look()).startswith("oldest message 50")
    await server.close()
