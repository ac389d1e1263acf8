import importlib.metadata
import importlib.util
import json
import logging
import os
import threading

import pytest
from attrs import evolve

from application.worker.log_context import current_log_context, logging_about, note_exposure
from domain.times import TaiSeconds, day_obs_of, utc_from_tai
from entrypoints import former_loggers
from entrypoints.former_loggers import current_logger
from entrypoints.logs import configure_logs, line_formatter
from tests.unit.domain.expectations import work_of


@pytest.mark.parametrize("former", former_loggers.FORMER_LOGGERS)
def test_a_former_name_leads_to_a_module_of_today(former: str) -> None:
    assert importlib.util.find_spec(current_logger(former))
    assert not importlib.util.find_spec(former.rpartition(".")[0]) or not importlib.util.find_spec(former)


def test_levels_by_former_names_are_heeded(monkeypatch: pytest.MonkeyPatch) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "level", root.level)
    logger = logging.getLogger("adapters.workspace_process.client")
    monkeypatch.setattr(logger, "level", logger.level)
    configure_logs({"adapters.child.client": "DEBUG"}, "worker")
    logging.captureWarnings(capture=False)
    assert logger.level == logging.DEBUG


def test_a_line_has_our_names_and_those_of_the_former_dashboards() -> None:
    record = logging.LogRecord("domain.x", logging.WARNING, "/a/x.py", 7, "%s", ("it is",), None, func="look")
    line = json.loads(line_formatter("worker").format(record))
    assert line.pop("time") == line.pop("asctime")
    assert line == {
        "level": "WARNING",
        "logger": "domain.x",
        "message": "it is",
        "service": "worker",
        "version": importlib.metadata.version("prompt-processing"),
        "levelname": "WARNING",
        "name": "domain.x",
        "pathname": "/a/x.py",
        "funcName": "look",
        "lineno": 7,
        "process": os.getpid(),
        "thread": threading.get_ident(),
    }


def test_lines_of_a_visit_name_its_day_and_the_exposures_that_have_come() -> None:
    work = work_of(4)
    with logging_about(work, attempt=1):
        assert current_log_context()["exposures"] == []
        note_exposure(2026031300001)
        note_exposure(2026031300001)
        about = current_log_context()
    assert about["exposures"] == [2026031300001]
    assert about["day_obs"] == int(day_obs_of(utc_from_tai(work.visit.sent)).strftime("%Y%m%d"))
    note_exposure(1)  # about no visit: nothing to add it to
    with logging_about(evolve(work, visit=evolve(work.visit, sent=TaiSeconds(-1e12)))):
        assert current_log_context()["day_obs"] is None
