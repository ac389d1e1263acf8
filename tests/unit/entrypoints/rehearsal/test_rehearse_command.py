"""The command: what it takes, and how it says what is wrong."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from adapters.files.kept_ledger import write_histories
from domain.work.history import WorkHistory
from entrypoints.cli import main
from entrypoints.containers.memory.inputs import read_night
from entrypoints.rehearsal.play import play
from tests.unit.entrypoints.rehearsal.nights import small


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["rehearse", *arguments])


def told(*arguments: str) -> dict[str, Any]:
    done = run(*arguments, "--json")
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_it_says_how_the_night_went(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    done = run("--visits", "2", "--detectors", "2", "--workers", "6")
    assert done.exit_code == 0, done.output
    assert "2 visits x 2 detectors" in done.stdout
    assert "at least 98.0%" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_it_says_it_to_machines() -> None:
    found = told("--visits", "2", "--detectors", "1", "--find-workers")
    assert found["visit_detectors"] == 2
    assert found["workers_needed"] in {1, 2}


def test_visits_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "night.csv"
    file.write_text("seconds,exposure,snaps\n100,15,2\n50\n")
    assert told("--schedule", str(file), "--detectors", "1", "--workers", "3")["outcomes"] == {"completed": 2}


def test_all_comes_from_the_night_of_results(tmp_path: Path) -> None:
    records = play(small(visits=3), 7).records
    (tmp_path / "night").mkdir()
    histories = [WorkHistory(one.attempt.identity, records=(one,)) for one in records]
    write_histories(histories, tmp_path / "night" / "ledger.jsonl")
    found = told("--results", str(tmp_path))
    assert (found["visits"], found["detectors"], found["visit_detectors"]) == (3, 2, 6)
    assert found["stage_times"] == str(tmp_path)
    assert found["workers"]["most"] == len({one.worker for one in records})


def test_the_demo_s_night_is_rehearsed_as_it_was(tmp_path: Path) -> None:
    """Its records are those of one ``make demo`` on two cores, without names of hosts and tasks."""
    (tmp_path / "night").mkdir()
    shutil.copy(Path(__file__).with_name("demo-ledger.jsonl"), tmp_path / "night" / "ledger.jsonl")
    records = asyncio.run(read_night(tmp_path, None))
    seconds = told("--results", str(tmp_path), "--exposure", "15")["seconds"]
    for part, stage in {
        "shutter to alerts": "",
        "waiting for a worker": "queue",
        "process": "process",
    }.items():
        was = [(one.seconds.get(stage) if stage else one.seconds_to_alerts) or 0.0 for one in records]
        found = seconds[part]
        assert (found["median"], found["p95"]) == pytest.approx(np.percentile(was, (50, 95)), rel=0.1)


@pytest.mark.parametrize(
    ("option", "text", "complaint"),
    [
        ("--schedule", "when\n1\n", "no column 'seconds'"),
        ("--schedule", "seconds,filter\n1,r\n", "unknown column 'filter'"),
        ("--schedule", "seconds\n1\nsoon\n", "line 3: seconds: 'soon' is no number"),
        ("--schedule", "seconds\n1,2\n", "line 2: has more values than there are columns"),
        ("--schedule", "seconds,snaps\n1,0\n", "line 2: snaps: 0 is not between 1 and 100"),
        ("--schedule", "seconds\n", "no visit is in it"),
        ("--stage-times", "- 1\n", "no mapping from steps"),
        ("--stage-times", "proces: 3\n", "unknown step 'proces'"),
        ("--stage-times", "process: {median: 9, p95: 3}\n", "process: median 9 and p95 3"),
        ("--stage-times", "process: []\n", "process: seconds that were measured"),
        ("--stage-times", "process: long\n", "process: 'long' is no number"),
        ("--faults", "kind: bucket away\n", "no list of faults"),
        ("--faults", "- {kind: bucket away}\n", "fault 1: kind and begin are needed"),
        ("--faults", "- {kind: broken, begin: 3}\n", "fault 1: unknown kind 'broken'"),
        ("--faults", "- {kind: bucket away, begin: soon}\n", "fault 1: begin: 'soon' is no number"),
        ("--faults", "- {kind: [\n", "while parsing"),
    ],
)
def test_what_is_wrong_with_a_file_is_named(tmp_path: Path, option: str, text: str, complaint: str) -> None:
    file = tmp_path / "input"
    file.write_text(text)
    done = run(option, str(file), "--workers", "1")
    assert done.exit_code == 1
    assert str(file) in done.output
    assert complaint in done.output


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        ([], 2, "who works?"),
        (["--workers", "1", "--max-workers", "1"], 2, "say one of them"),
        (["--workers", "1", "--camera", "nowhere"], 1, "nowhere"),
        (["--workers", "1", "--detectors", "600"], 1, "600 is more than 512"),
    ],
)
def test_what_is_wrong_with_options_is_named(arguments: list[str], code: int, complaint: str) -> None:
    done = run(*arguments)
    assert done.exit_code == code
    assert complaint in done.output
