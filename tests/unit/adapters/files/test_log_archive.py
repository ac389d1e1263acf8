"""Log lines are found in files, whatever else is in them."""

import logging
from pathlib import Path
from typing import override

import pytest

from adapters.files.log_archive import FolderLogArchive
from domain.visit import Identity
from entrypoints.logs import line_formatter
from ports.night_board import LogLine
from tests.contract_suites.log_archive import IDENTITY, LogArchiveContract, LogBench, a_line


class _Files(LogBench):
    """Writes lines as the services do, of each process to its own file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.archive = FolderLogArchive(folder)

    @override
    def log(self, identity: Identity, *lines: LogLine) -> None:
        for line in lines:
            record = logging.LogRecord(
                line.logger, getattr(logging, line.level), "", 1, "%s", (line.text,), exc_info=None
            )
            record.created = line.at
            about = {
                "instrument": identity.instrument, "group": identity.group, "detector": identity.detector
            }  # fmt: skip
            record.__dict__.update(about | ({"stage": line.stage} if line.stage else {}))
            with (self._folder / f"{line.process}.log").open("a", encoding="utf-8") as file:
                file.write(line_formatter(line.process).format(record) + "\n")


class TestFolderLogArchive(LogArchiveContract):
    @pytest.fixture
    def bench(self, tmp_path: Path) -> LogBench:
        return _Files(tmp_path)


async def test_what_is_no_line_of_ours_is_passed_over(tmp_path: Path) -> None:
    bench = _Files(tmp_path)
    bench.log(IDENTITY, a_line(1))
    group = f'"{IDENTITY.group}"'
    (tmp_path / "library.log").write_text(
        f"plain text about {group}\n[{group}]\n"
        f'{{"group": {group}, "detector": 4, "time": "noon"}}\n'
        f'{{"group": {group}, "detector": 4, "half a line'
    )
    (tmp_path / "empty.log").touch()
    assert list(await bench.archive.lines(IDENTITY)) == [a_line(1)]


async def test_lines_of_several_processes_come_in_one_order(tmp_path: Path) -> None:
    bench = _Files(tmp_path)
    of_another = LogLine(
        at=a_line(2).at, level="WARNING", process="worker-2", logger="entrypoints", text="late"
    )
    bench.log(IDENTITY, a_line(1), a_line(3), of_another)
    assert list(await bench.archive.lines(IDENTITY)) == [a_line(1), of_another, a_line(3)]


async def test_logs_that_go_elsewhere_are_said_to() -> None:
    archive = FolderLogArchive(None)
    assert list(await archive.lines(IDENTITY)) == []
    assert "standard error" in archive.place
