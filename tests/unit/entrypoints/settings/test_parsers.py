import logging
from pathlib import Path

import pytest

from entrypoints.logs import configure_logs
from entrypoints.settings.parsers import debug_contexts, folder_uri, log_levels


def test_a_folder_may_be_a_uri(tmp_path: Path) -> None:
    assert folder_uri("s3://embargo@bucket/lists/") == "s3://embargo@bucket/lists/"
    assert folder_uri(f"{tmp_path}/new") == f"{tmp_path}/new"
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="is not a folder"):
        folder_uri(f"{tmp_path}/file")


def test_levels_of_the_butler_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [*root.handlers])
    monkeypatch.setattr(root, "level", root.level)
    configure_logs(log_levels("some.butler=VERBOSE\nsome.other=trace"), "worker")
    assert not logging.getLogger("some.butler").isEnabledFor(logging.DEBUG)
    assert logging.getLogger("some.butler").isEnabledFor(15)
    assert logging.getLogger("some.other").isEnabledFor(5)


@pytest.mark.parametrize("text", ["a=LOUD", "a", "a=", "=", "a=INFO b"])
def test_other_levels_are_not(text: str) -> None:
    with pytest.raises(ValueError, match="is not logger=LEVEL"):
        log_levels(text)


@pytest.mark.parametrize(
    ("text", "contexts"),
    [("0", ""), ("1", "all"), ("broker,topic", "broker,topic"), ("cgrp eos", "cgrp,eos")],
)
def test_debug_contexts_may_be_a_switch(text: str, contexts: str) -> None:
    assert debug_contexts(text) == contexts
