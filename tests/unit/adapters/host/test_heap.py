"""What a visit leaves in memory."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from adapters.host.heap import _freeze_once, release_memory


class Cycle:
    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def _thawed() -> Iterator[None]:
    _freeze_once.cache_clear()
    yield
    gc.unfreeze()


def test_cycles_are_collected_after_each_visit() -> None:
    for _ in range(2):
        left = weakref.ref(Cycle())
        release_memory()
        assert left() is None


def test_what_the_first_visit_leaves_alive_is_not_looked_at_again() -> None:
    stays = [Cycle()]
    release_memory()
    assert not any(one is stays for one in gc.get_objects())
    later = [Cycle()]
    release_memory()
    assert any(one is later for one in gc.get_objects())
