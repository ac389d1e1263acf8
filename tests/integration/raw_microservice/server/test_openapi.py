"""The service against its own OpenAPI document, with schemathesis."""

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from adapters.raw_microservice.server.server import PresenceServer
from ports.raw_index import RawSlot
from tests.unit.adapters.raw_microservice.asking import Asked

pytestmark = pytest.mark.slow

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")


class _HalfIndex:
    """Knows every other raw, so that both answers are given."""

    async def put(self, found: Mapping[RawSlot, str]) -> None:
        raise NotImplementedError(found)

    async def find(self, slots: Sequence[RawSlot]) -> Sequence[str | None]:
        return [f"s3://images/{hash(slot)}" if hash(slot) % 2 else None for slot in slots]


@contextmanager
def _serving() -> Iterator[str]:
    """Serve from a thread, since schemathesis blocks this one."""
    opened, stop = threading.Event(), asyncio.Event()
    server = PresenceServer(Asked(_HalfIndex()).app)
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        await server.open()
        opened.set()
        await stop.wait()
        await server.close()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert opened.wait(10)
        yield f"http://127.0.0.1:{server.port}"
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


@pytest.mark.parametrize("mode", ["positive", "negative"])
def test_what_is_served_is_what_is_described(mode: str) -> None:
    # That a sensor is one of its instrument's, the document cannot say.
    config = schemathesis.Config.from_dict({"checks": {"positive_data_acceptance": {"enabled": False}}})
    statuses: Counter[int] = Counter()
    with _serving() as address:
        schema = schemathesis.openapi.from_url(f"{address}/openapi.json", config=config)
        for found in schema.get_all_operations():
            operation = found.ok()
            if mode == "negative" and not operation.path_parameters:
                continue  # There is nothing to get wrong.

            @given(case=operation.as_strategy(generation_mode=schemathesis.GenerationMode(mode)))
            @settings(
                max_examples=40,
                deadline=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            def call(case: Any) -> None:
                statuses[case.call_and_validate(base_url=address).status_code] += 1

            call()
    # What is wrong may be in a place that nobody reads, such as a cookie.
    assert set(statuses) - {200} == {400, 404}
    assert mode == "negative" or statuses[200]
