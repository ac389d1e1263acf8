import asyncio

import pytest

from adapters.prometheus.metrics_server import MetricsServer
from entrypoints.services.healthy import main


class _Nothing:
    def text(self) -> bytes:
        return b""


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])  # noqa: S104 - a container's
async def test_a_service_is_asked_where_it_serves(host: str) -> None:
    well = True
    server = MetricsServer(_Nothing(), host=host, healthy=lambda: well)
    await server.open()
    try:
        settings = {"METRICS_HOST": host, "METRICS_PORT": str(server.port)}
        assert await asyncio.to_thread(main, settings) == ""
        well = False
        assert "503 not healthy" in await asyncio.to_thread(main, settings)
    finally:
        await server.close()
    assert "refused" in main(settings)


@pytest.mark.parametrize("port", ["0", "none", "65536"])
def test_a_port_that_cannot_be_asked_is_named(port: str) -> None:
    assert port in main({"METRICS_PORT": port})
