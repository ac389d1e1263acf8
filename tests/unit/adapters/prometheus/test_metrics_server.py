"""Metrics and probes, asked over real sockets."""

import asyncio
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from adapters.prometheus.metrics import PrometheusMetrics
from adapters.prometheus.metrics_server import MetricsServer, MetricsServerError
from ports.metrics import Counter


@asynccontextmanager
async def _serving(
    metrics: PrometheusMetrics | None = None,
    *,
    healthy: Callable[[], bool] = lambda: True,
    ready: Callable[[], bool] = lambda: True,
    patience: float = 5.0,
    longest: float = 10.0,
) -> AsyncIterator[MetricsServer]:
    server = MetricsServer(
        metrics or PrometheusMetrics(), healthy=healthy, ready=ready, patience=patience, longest=longest
    )
    await server.open()
    try:
        yield server
    finally:
        await server.close()


async def _get(server: MetricsServer, path: str) -> tuple[int, str]:
    return await asyncio.to_thread(_get_blocking, server.port, path)


def _get_blocking(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


async def test_metrics_are_served_as_they_stand() -> None:
    metrics = PrometheusMetrics()
    async with _serving(metrics) as server:
        metrics.count(Counter.WRITER_DATASETS, 7)
        status, text = await _get(server, "/metrics")
    assert status == 200
    assert "prompt_processing_writer_datasets_total 7.0" in text


async def test_probes_say_what_the_process_says() -> None:
    state = {"healthy": True, "ready": False}
    async with _serving(healthy=lambda: state["healthy"], ready=lambda: state["ready"]) as server:
        assert [(await _get(server, path))[0] for path in ("/healthz", "/readyz")] == [200, 503]
        state.update(healthy=False, ready=True)
        assert [(await _get(server, path))[0] for path in ("/healthz", "/readyz")] == [503, 200]


async def test_a_probe_that_fails_is_a_no_with_its_reason() -> None:
    def ready() -> bool:
        raise RuntimeError("nobody is home")

    async with _serving(ready=ready) as server:
        status, text = await _get(server, "/readyz")
    assert status == 503
    assert "nobody is home" in text


async def test_an_event_loop_that_hangs_is_not_healthy() -> None:
    async with _serving(patience=0.1) as server:
        asked = asyncio.ensure_future(_get(server, "/healthz"))
        await asyncio.sleep(0)
        time.sleep(0.5)  # noqa: ASYNC251 - the very thing that is tried
        assert (await asked)[0] == 503
        assert (await _get(server, "/healthz"))[0] == 200


async def test_other_paths_are_not_found() -> None:
    async with _serving() as server:
        assert (await _get(server, "/"))[0] == 404


async def test_a_port_in_use_is_one_clear_error() -> None:
    async with _serving() as server:
        with pytest.raises(MetricsServerError, match=f"port {server.port} .METRICS_PORT"):
            await MetricsServer(PrometheusMetrics(), port=server.port).open()


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 70_000), ("192.0.2.1", 0)])
async def test_an_address_that_cannot_be_is_one_clear_error(host: str, port: int) -> None:
    with pytest.raises(MetricsServerError, match="metrics cannot be served"):
        await MetricsServer(PrometheusMetrics(), host=host, port=port).open()


async def test_closed_it_serves_no_more_and_can_be_opened_again() -> None:
    async with _serving() as server:
        port = server.port
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=1)
    async with _serving() as server:
        assert (await _get(server, "/healthz"))[0] == 200


async def test_strangers_who_send_a_byte_now_and_then_keep_no_probe_away() -> None:
    async with _serving() as server:
        slow = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(16)]
        for one in slow:
            one.sendall(b"G")
        await asyncio.sleep(0.3)
        try:
            answers = [await _get(server, "/healthz") for _ in range(40)]
        finally:
            for one in slow:
                one.close()
    assert {status for status, _ in answers} == {200}


async def test_a_request_has_to_come_to_an_end() -> None:
    async with _serving(longest=0.5) as server:
        with socket.create_connection(("127.0.0.1", server.port), timeout=0.1) as slow:
            async with asyncio.timeout(5):
                while True:
                    try:
                        slow.sendall(b"G")
                        if not slow.recv(1):
                            break
                    except TimeoutError:
                        await asyncio.sleep(0)
                    except OSError:
                        break


async def test_strangers_who_only_connect_do_not_take_all_places() -> None:
    async with _serving() as server:
        silent = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(40)]
        for one in silent:
            one.close()
        async with asyncio.timeout(5):
            while True:
                try:
                    status, _ = await _get(server, "/healthz")
                except OSError:
                    await asyncio.sleep(0.05)
                    continue
                break
    assert status == 200


async def test_strangers_who_go_on_connecting_cut_no_probe_off() -> None:
    asked, go_on = threading.Event(), threading.Event()

    def healthy() -> bool:
        asked.set()
        return go_on.wait(10)

    async with _serving(healthy=healthy, longest=60.0) as server:

        def crowd() -> None:
            """Connect as often as there are places, twice, while the probe waits for its answer."""
            asked.wait(10)
            for _ in range(32):
                one = socket.create_connection(("127.0.0.1", server.port), source_address=("127.0.0.2", 0))
                one.sendall(b"GET /metrics HTTP/1.0\r\n")
                others.append(one)
            time.sleep(0.3)
            go_on.set()

        others: list[socket.socket] = []
        thread = threading.Thread(target=crowd)
        thread.start()
        status, _ = await _get(server, "/healthz")
        await asyncio.to_thread(thread.join)
        for one in others:
            one.close()
    assert status == 200
