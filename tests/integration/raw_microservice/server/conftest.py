"""The raw microservice on a real socket, in the test's own event loop."""

from collections.abc import AsyncIterator

import pytest

from adapters.raw_microservice.server.connection import ConnectionLimits
from adapters.raw_microservice.server.server import PresenceServer
from tests.unit.adapters.raw_microservice.asking import Asked


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def limits() -> ConnectionLimits:
    """Those of the service, unless a test is about others."""
    return ConnectionLimits()


@pytest.fixture
async def server(asked: Asked, limits: ConnectionLimits) -> AsyncIterator[PresenceServer]:
    server = PresenceServer(asked.app, limits=limits)
    await server.open()
    yield server
    await server.close()
