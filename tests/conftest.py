"""Hypothesis profiles, and the virtual clock."""

import asyncio
import os
from collections.abc import Callable, Mapping

import hypothesis
import looptime
import pytest

hypothesis.settings.register_profile("fast", max_examples=50, deadline=None)
hypothesis.settings.register_profile("ci", max_examples=200, deadline=None, print_blob=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))


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
