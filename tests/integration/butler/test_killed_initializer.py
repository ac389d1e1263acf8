"""An initializer that is killed at any step, or that is not alone, leaves what the next one completes."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.integration.butler.night import ROOT, Night

pytestmark = [pytest.mark.slow, pytest.mark.long]

_SEED = 3
_STEPS = 5


@pytest.fixture(scope="module")
def told(untouched: tuple[Path, Night], tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """What `killed_initializer` saw; in a process of its own, because it forks."""
    folder = tmp_path_factory.mktemp("killed")
    run = [sys.executable, "-m", "tests.integration.butler.killed_initializer"]
    done = subprocess.run(  # noqa: S603 - our own command
        [*run, str(untouched[0]), str(folder / "played"), str(_SEED), str(_STEPS)],
        cwd=ROOT,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout)
    assert seen["steps"] > 100
    assert len(seen["killed"]) >= _STEPS
    assert seen["undisturbed"]["datasets"]
    assert seen["undisturbed"]["left"] == []
    sys.stderr.write(done.stderr)  # For whoever looks at a failure.
    return seen


def test_killed_at_any_step_the_next_one_completes_it(told: Mapping[str, Any]) -> None:
    for killed in told["killed"]:
        assert killed["code"] < 0, killed
        assert killed["state"] == told["undisturbed"], killed


def test_two_at_once_complete_it(told: Mapping[str, Any]) -> None:
    alone = told["at_once"][0]
    assert alone["codes"] == [0, 0]
    assert alone["state"] == told["undisturbed"]


def test_two_at_once_complete_it_even_if_one_is_killed(told: Mapping[str, Any]) -> None:
    for both in told["at_once"][1:]:
        assert both["codes"][1] == 0, both
        assert both["state"] == told["undisturbed"], both
