"""`status` and `explain` as a person calls them, of a night that was kept."""

import asyncio
import contextlib
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from click.testing import CliRunner, Result

from adapters.files.kept_ledger import write_histories
from domain.times import UtcSeconds
from domain.work.about import AboutVisit, FoundRaw
from domain.work.history import WorkHistory
from domain.work.outcomes import Completed, FailedBeforeChange, SnapResult, SnapStatus
from domain.work.quality import Quality
from entrypoints.cli import main
from tests.contract_suites.night_board import NIGHT_BEGAN, a_record, an_attempt_under_way
from tests.contract_suites.samples import a_visit
from workbench.night.apdb import make_apdb

GROUP = "2026-03-14T02:15:07.310#2 [b]"
NIGHT = "2026-03-13"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A night of two visits; of the first one detector was late, and one failed."""
    about = AboutVisit.of(a_visit(GROUP))
    snaps = (SnapResult(exposure=2026031300012, result=SnapStatus.COMPLETED),)
    seconds = {"transfer": 45.0, "process.task isr": 4.0}
    done = Completed(pipeline="ApPipe", snaps=snaps)
    held = Quality.of({"seeing_arcsec": 5.0, "held": ["bad seeing"]})
    raw = FoundRaw(2026031300012, UtcSeconds(NIGHT_BEGAN + 12), "raw microservice")
    process = {"stage": "process", "stage_begun": UtcSeconds(NIGHT_BEGAN + 20)}
    records = [
        a_record(GROUP, 4, outcome=done, since_shutter=75.5, seconds=seconds, about=about, raws=(raw,)),
        a_record(GROUP, 5, outcome=FailedBeforeChange(reason="no calibrations")),
        a_record("another", 4, outcome=evolve(done, detail="held: bad seeing"), quality=held),
        *[an_attempt_under_way("third", detector, **process) for detector in range(189)],
    ]
    night = tmp_path / "night"
    (night / "logs").mkdir(parents=True)
    write_histories(
        [WorkHistory(one.attempt.identity, records=(one,)) for one in records], night / "ledger.jsonl"
    )
    about_it = {"group": GROUP, "detector": 4, "process": "worker 1", "message": "the disk is [slow]"}
    line = {"time": "2026-03-14T02:15:40Z", "level": "WARNING", "logger": "x"} | about_it
    (night / "logs" / "worker-1.log").write_text(json.dumps(line, ensure_ascii=False) + "\n")
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, env={"COLUMNS": "200"})


def as_json(*arguments: str) -> Any:
    done = run(*arguments, "--json")
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


def test_a_detector_is_explained(results: Path) -> None:
    done = run("explain", GROUP, "4", "--results", str(results))
    assert done.exit_code == 0, done.stderr
    assert "late, 75.5 s after the shutter closed instead of 60 (transfer: 45.0 s of 7 s)" in done.stdout
    assert "announced: r_03, ICRS ra 149.90000 dec +2.20000, 2 snaps, survey 'BLOCK-407'" in done.stdout
    assert "the disk is [slow]" in done.stdout
    (exposure,) = [line for line in done.stdout.splitlines() if "2026031300012" in line]
    assert "raw microservice" in exposure
    found = as_json("explain", GROUP, "4", "--results", str(results))
    assert found["attempts"][0]["seconds"]["transfer"] == 45.0
    assert found["about"]["coordinate_system"] == "ICRS"
    assert [line["text"] for line in found["lines"]] == ["the disk is [slow]"]


def test_what_was_found_in_its_images_is_told(results: Path) -> None:
    night = results / "night"
    make_apdb(night)
    with contextlib.closing(sqlite3.connect(night / "apdb.db")) as database, database:
        columns = database.execute('PRAGMA table_info("DiaSource")').fetchall()
        row: dict[str, float] = {name: 0 for _, name, _, needed, _, _ in columns if needed}
        row |= {"diaSourceId": 7, "diaObjectId": 9, "visit": 2026031300012, "detector": 4, "psfFlux": 5.5}
        marks = ", ".join("?" * len(row))
        statement = f'INSERT INTO "DiaSource" ({", ".join(row)}) VALUES ({marks})'  # noqa: S608 - our own names
        database.execute(statement, tuple(row.values()))
    assert "found: 1 DiaSources, of 1 objects" in run("explain", GROUP, "4", "--results", str(results)).stdout
    (source,) = as_json("explain", GROUP, "4", "--results", str(results))["sources"]
    assert (source["source_id"], source["flux"], source["snr"]) == (7, 5.5, None)


def test_what_is_held_is_told_with_its_quality(results: Path) -> None:
    done = run("explain", "another", "4", "--results", str(results))
    assert "completed (ApPipe; held: bad seeing)" in done.stdout
    assert "to do: look at the images; then `prompt-processing alerts release`" in done.stdout
    (seeing,) = [line for line in done.stdout.splitlines() if "seeing, arcsec" in line]
    assert seeing.split()[-1] == "5"
    [attempt] = as_json("explain", "another", "4", "--results", str(results))["attempts"]
    assert (attempt["held"], attempt["quality"]) == ("bad seeing", {"seeing_arcsec": 5.0})
    status = as_json("status", "--results", str(results))
    [one] = status["held"]
    assert (one["group"], one["detector"], one["reason"]) == ("another", 4, "bad seeing")
    assert "Held: alerts wait" in run("status", "--results", str(results)).stdout


def test_what_is_left_to_do_is_said(results: Path) -> None:
    done = run("explain", GROUP, "5", "--results", str(results))
    assert "failed before change (no calibrations)" in done.stdout
    assert "to do: once the reason is mended" in done.stdout


def test_what_nobody_knows_is_said_to_be_unknown(results: Path) -> None:
    done = run("explain", "never", "4", "--results", str(results))
    assert done.exit_code == 1
    assert "nothing is recorded of it" in done.stdout


def test_the_night_that_was_kept_is_shown(results: Path) -> None:
    status = as_json("status", "--results", str(results))
    assert (status["night"], status["queue"]) == (NIGHT, None)
    assert status["outcomes"] == {"completed": 2, "failed before change": 1}
    assert [one["detector"] for one in status["not_completed"]] == [5]
    told = run("status", "--results", str(results)).stdout
    assert "no calibrations" in told
    assert "of the completed: 1 in time, 1 late" in told
    assert status["promptness"] == {"in time": 1, "late": 1, "failed": 1}
    (third,) = [line for line in told.splitlines() if line.startswith(" third")]
    assert third.split()[:3] == ["third", "process", "0-188"]


def test_one_visit_of_it_is_shown_by_detector(results: Path) -> None:
    visit = as_json("status", "--results", str(results), "--visit", GROUP[:20])
    assert [(one["detector"], one["since_shutter"]) for one in visit["detectors"]] == [(4, 75.5), (5, 32.5)]
    told = run("status", "--results", str(results), "--visit", GROUP).stdout
    (line,) = [line for line in told.splitlines() if "75.5" in line]
    assert "completed (ApPipe)" in line


def test_another_night_is_empty(results: Path) -> None:
    status = as_json("status", "--results", str(results), "--night", "2026-01-01")
    assert (status["night"], status["outcomes"]) == ("2026-01-01", {})


@pytest.mark.parametrize("arguments", [("status",), ("explain", GROUP, "4")])
def test_a_folder_without_records_is_named_in_one_line(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = run(*arguments, "--results", str(tmp_path))
    assert done.exit_code == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"Error: {tmp_path}: neither a site (site.yaml) nor results with a ledger")


def test_a_watch_goes_on_until_it_is_told_to_end(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(asyncio, "sleep", interrupted)
    done = run("status", "--results", str(results), "--watch")
    assert "no calibrations" in done.stdout
    assert done.exit_code == 130


def test_a_night_is_written_as_one_file(results: Path) -> None:
    done = run("night-report", str(results))
    assert done.exit_code == 0, done.stderr
    report = results / "night" / "report.html"
    assert done.stdout.split() == [str(report)]
    assert "no calibrations" in report.read_text()


def test_a_report_is_written_here_if_the_results_take_none(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (results / "night" / "report.html").mkdir()
    here = results / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    assert run("night-report", str(results)).stdout.split() == [f"report-{NIGHT}.html"]
    assert [one.name for one in (results / "night").glob("*.part")] == []


def test_what_keeps_a_report_from_being_written_is_one_line(results: Path) -> None:
    for arguments in (("--night", "2026-01-01"), ("-o", str(results / "no" / "r.html"))):
        done = run("night-report", str(results), *arguments)
        assert done.exit_code == 1
        assert len(done.stderr.splitlines()) == 1
    assert "cannot be written: No such file" in done.stderr
