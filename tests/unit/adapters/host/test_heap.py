"""What a visit leaves in memory."""

import gc
import platform
import subprocess
import sys
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


_KEPT = """
from pathlib import Path
import os
import numpy as np
from adapters.host.heap import release_memory, reuse_memory

PAGE = os.sysconf("SC_PAGE_SIZE")

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1])

reuse_memory()
before = resident()
np.ones((4096, 4096))  # 128 MiB, free at once
kept = resident() - before
release_memory()
left = resident() - before
print(kept * PAGE > 100 * 2**20, left * PAGE < 50 * 2**20)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not GNU's")
def test_an_images_memory_is_kept_until_the_visit_is_over() -> None:
    words = [sys.executable, "-c", _KEPT]
    run = subprocess.run(words, capture_output=True, text=True, check=True)  # noqa: S603 - as written above
    assert run.stdout.split() == ["True", "True"]
