"""The raw microservice on a real socket, in the test's own event loop."""

from collections.abc import AsyncIterator

import pytest

from adapters.presence_http.server import PresenceServer
from tests.unit.adapters.presence_http.asking import Asked


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
async def server(asked: Asked) -> AsyncIterator[PresenceServer]:
    server = PresenceServer(asked.app)
    await server.open()
    yield server
    await server.close()
