from collections.abc import Iterator

import pytest

from tests.integration.kafka.mock_cluster import MockCluster


@pytest.fixture
def cluster() -> Iterator[MockCluster]:
    """A broker for one test."""
    cluster = MockCluster()
    yield cluster
    cluster.stop()
