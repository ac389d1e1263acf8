import uuid

import pytest


@pytest.fixture
def unique() -> str:
    """A word that no other test has in its names."""
    return uuid.uuid4().hex[:12]
