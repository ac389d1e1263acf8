"""Hypothesis profiles, the virtual clock, and what saves every test time."""

import asyncio
import atexit
import gc
import os
import sys
from collections.abc import Callable, Generator, Mapping
from typing import Any

import hypothesis
import looptime
import pytest
from xdist.scheduler import LoadScopeScheduling

# Of native code, in all that the tests start as well: OpenMP's idle threads spin, and tests share the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Images of containers forbid it, and every process that a test starts would compile all that it imports.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# An eighth of the time went into looking for garbage, most of it among modules.
gc.set_threshold(20_000, 20, 20)
gc.disable()  # until all tests are collected
atexit.register(gc.freeze)  # pytest has looked through all by then, and the interpreter would once more

# What is run for every change tries the same examples each time; "thorough" looks for new ones.
for name, examples in {"fast": 25, "whole": 50, "thorough": 200}.items():
    hypothesis.settings.register_profile(
        name, max_examples=examples, deadline=None, print_blob=True, derandomize=name != "thorough"
    )
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "whole"))


def pytest_asyncio_loop_factories(
    item: pytest.Item,
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Give tests marked ``looptime`` an event loop whose time jumps when nothing is left to do.

    looptime's own pytest plugins are switched off (pyproject.toml): they ask
    every test for its event loop, also those that have none.
    """
    if item.get_closest_marker("looptime"):
        return {"virtual": looptime.new_event_loop}
    return {"real": asyncio.new_event_loop}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest tests, so that none of them is left for the end, alone."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def pytest_collection_finish() -> None:
    """Begin to look for garbage, and leave out for good what has been imported by now: it stays."""
    gc.freeze()
    gc.enable()


_TOGETHER = {
    f"tests/{prefix}": group[0]
    for group in (
        ("chaos/test_seeds.py",),
        ("integration/butler/test_image_archive.py",),
        ("integration/butler/test_killed_initializer.py",),
        ("integration/butler/test_local_config.py",),
        ("integration/butler_writer/",),
        ("integration/chart/",),
        ("integration/commands/test_calibrations.py",),
        ("integration/commands/test_reduce.py",),
        ("integration/commands/test_status_reconcile.py",),
        ("integration/console/",),
        ("integration/kafka/",),
        ("integration/prompt_pipelines/test_ap_pipe.py", "integration/prompt_pipelines/test_single_frame.py"),
        ("integration/s3/test_image_store.py",),
        ("integration/simulator/test_best_templates.py",),
        ("integration/simulator/test_night_templates.py",),
        ("integration/simulator/test_repository.py",),
    )
    for prefix in group
}
"""Tests that share what takes long to make or to start, each group of which goes to one process."""

_BY_FILE = ("tests/unit/", "tests/contracts/", "tests/integration/redis/")
"""Folders whose tests are many and short: handing them out one by one costs more than many of them."""

_ALONE = ("tests/integration/kafka/test_writer_fight.py", "tests/integration/redis/test_fight.py")
"""Files whose tests take long and share nothing."""


class _InGroups(LoadScopeScheduling):  # type: ignore[misc]  # xdist ships no annotations
    """Hands out tests one by one, some in groups; xdist_group has no effect in pytest 9."""

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(_ALONE):
            return nodeid
        for prefix, group in _TOGETHER.items():
            if nodeid.startswith(prefix):
                return group
        return nodeid.partition("::")[0] if nodeid.startswith(_BY_FILE) else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Schedule tests as `_InGroups` does."""
    return _InGroups(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    """Escape what no encoding knows: a lone surrogate in a captured log would end pytest-xdist's worker."""
    return _encodable((yield))


def _encodable(data: Any) -> Any:
    match data:
        case str():
            return data.encode("utf-8", "backslashreplace").decode()
        case dict():
            return {_encodable(key): _encodable(value) for key, value in data.items()}
        case list() | tuple():
            return type(data)(_encodable(value) for value in data)
    return data
