import importlib.util
import logging

import pytest

from entrypoints import former_loggers
from entrypoints.former_loggers import current_logger
from entrypoints.logs import configure_logs


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
