"""`which-pipeline` as a person or a script calls it."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from attrs import evolve
from click.testing import CliRunner, Result

from adapters.common.visit_record import record_of_visit
from domain.visit import CoordinateSystem, RotationSystem, Visit
from entrypoints.cli import main
from tests.contract_suites.samples import a_visit

MAIN = [
    {
        "survey": "BLOCK-1",
        "dec": {"min": 0.0, "max": 90.0},
        "pipelines": ["${HERE}/Ap.yaml", "${HERE}/Isr.yaml"],
    },
    {"survey": "BLOCK-1", "pipelines": ["${HERE}/Isr.yaml#isr"]},
    {"survey": "BLOCK-2", "pipelines": []},
]


@pytest.fixture
def visit() -> Visit:
    return evolve(
        a_visit(),
        instrument="LSSTCam",
        survey="BLOCK-1",
        coordinate_system=CoordinateSystem.ICRS,
        position=(30.0, 0.0),
        rotation_system=RotationSystem.SKY,
        camera_angle=0.0,
    )


def run(folder: Path, text: str, *options: str) -> Result:
    (folder / "Isr.yaml").touch()
    environment = {
        "COLUMNS": "200",
        "RUBIN_INSTRUMENT": "LSSTCam",
        "PREPROCESSING_PIPELINES_CONFIG": "[{pipelines: []}]",
        "MAIN_PIPELINES_CONFIG": yaml.safe_dump(MAIN),
        "HERE": str(folder),
    }
    return CliRunner().invoke(main, ["which-pipeline", "-", *options], input=text, env=environment)


def test_a_visit_across_a_border_is_told_by_detector(tmp_path: Path, visit: Visit) -> None:
    result = run(tmp_path, json.dumps(record_of_visit(visit)), "--json")
    [told] = json.loads(result.stdout)
    before, *main_ones = told["decisions"]
    assert result.exit_code == 0
    assert (before["node"], before["pipelines"], len(before["detectors"])) == (1, [], 205)
    north, south = sorted(main_ones, key=lambda one: int(one["node"]))
    assert (north["node"], south["node"]) == (1, 2)
    assert sorted(north["detectors"] + south["detectors"]) == before["detectors"]
    assert north["missing"] == [str(tmp_path / "Ap.yaml")]
    assert south["missing"] == []
    assert "dec -" in south["passed_over"][0]


def test_the_table_says_why_and_what_is_missing(tmp_path: Path, visit: Visit) -> None:
    visits = (visit, evolve(visit, survey="BLOCK-2"))
    lines = "\n\n".join(json.dumps(record_of_visit(one)) for one in visits)
    result = run(tmp_path, lines, "--detector", "0")
    assert result.exit_code == 0
    assert "Isr" in result.stdout
    assert "MAIN_PIPELINES_CONFIG: not node 1 for detector 0: dec -" in result.stdout
    assert "ignored" in result.stdout


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"survey": "BLOCK-3"}, "no node matches"),
        ({"coordinate_system": CoordinateSystem.MOUNT}, "MOUNT"),
    ],
)
def test_a_visit_without_an_answer_ends_with_1(
    tmp_path: Path, visit: Visit, changes: dict[str, Any], fault: str
) -> None:
    result = run(tmp_path, json.dumps([record_of_visit(evolve(visit, **changes))]), "--detector", "94")
    assert result.exit_code == 1
    assert fault in result.stdout


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{", "- is no JSON"),
        ("[1]", "visit 1 of standard input is no JSON object"),
        ("{}", "visit 1 of standard"),
    ],
)
def test_what_is_no_visit_is_named(tmp_path: Path, text: str, fault: str) -> None:
    result = run(tmp_path, text)
    assert result.exit_code != 0
    assert fault in result.output
    assert "Traceback" not in result.output
