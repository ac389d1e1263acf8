"""The raw microservice on a real socket, in the test's own event loop."""

from collections.abc import AsyncIterator

import pytest

from adapters.raw_microservice.server.server import PresenceServer
from tests.unit.adapters.raw_microservice.asking import Asked


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
async def server(asked: Asked) -> AsyncIterator[PresenceServer]:
    server = PresenceServer(asked.app)
    await server.open()
    yield server
    await server.close()
