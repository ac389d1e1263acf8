import pytest

from tests.integration.kafka.mock_cluster import MockCluster


@pytest.fixture
def cluster() -> MockCluster:
    """A broker for one test."""
    return MockCluster()
