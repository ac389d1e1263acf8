"""The command, as a process."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from adapters.files.kept_ledger import write_histories
from domain.work.history import WorkHistory
from tests.unit.adapters.console.generated_night import generated_board
from workbench.night.kept_night import LEDGER, NIGHT

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-P", "-m", "entrypoints", "console"]
STARTER = """
import os, subprocess, sys, time
subprocess.Popen([*sys.argv[1:], "--parent", str(os.getpid())])
time.sleep(60)
"""


def test_a_kept_night_is_served_until_its_parent_is_gone(tmp_path: Path) -> None:
    (tmp_path / NIGHT).mkdir()
    board = generated_board(visits=2, detectors=3, under_way=0)
    records = [record for visit in board.view().visits for record in visit.detectors.values()]
    histories = [WorkHistory(record.attempt.identity, records=(record,)) for record in records]
    write_histories(histories, tmp_path / NIGHT / LEDGER)
    starter = [sys.executable, "-c", STARTER, *COMMAND, str(tmp_path)]
    with subprocess.Popen(starter, stdout=subprocess.PIPE, text=True) as parent:  # noqa: S603 - our own
        assert parent.stdout is not None
        address = parent.stdout.readline().strip()
        assert "The night is over" in requests.get(address, timeout=10).text
        assert len(requests.get(f"{address}api/visits", timeout=10).json()) == 2
        parent.kill()
        end = time.monotonic() + 30
        while _answers(address):
            assert time.monotonic() < end
            time.sleep(0.2)


def _answers(address: str) -> bool:
    try:
        return requests.get(address, timeout=10).ok
    except requests.ConnectionError:
        return False


def test_a_folder_without_a_night_is_one_line(tmp_path: Path) -> None:
    done = subprocess.run([*COMMAND, str(tmp_path)], capture_output=True, text=True, check=False)  # noqa: S603 - our own
    assert done.returncode == 1
    assert "neither a site" in done.stderr
    assert "Traceback" not in done.stderr
