"""Alerts without a broker: files in a folder."""

from pathlib import Path

import pytest

from prompt_pipelines.alert_files import AlertFile, AlertFolder
from prompt_pipelines.alert_stream import AlertStream, alerts_from_environment


def test_alerts_become_a_file_in_the_folder_of_the_day(tmp_path: Path) -> None:
    folder = AlertFolder(tmp_path.as_uri())
    assert folder.send(iter([b"one", b"two"])) == 2
    assert folder.send([]) == 0
    (file,) = tmp_path.glob("20??-??-??/*.avro")
    assert AlertFile(file.as_uri()).read() == [b"one", b"two"]


def test_alerts_that_are_sent_again_are_there_once(tmp_path: Path) -> None:
    folder = AlertFolder((tmp_path / "alerts").as_uri())
    (tmp_path / "alerts").mkdir()
    kept = AlertFile((tmp_path / "kept.avro").as_uri())
    for _ in range(2):
        kept.write([b"one"], [7], {"owner": "me"})
        assert folder.send([b"one"], kept) == 1
        assert not (tmp_path / "kept.avro").exists()
    assert [AlertFile(file.as_uri()).read() for file in tmp_path.rglob("*.avro")] == [[b"one"]]


def test_a_broker_goes_before_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AP_KAFKA_SERVER", "AP_KAFKA_TOPIC", "AP_ALERT_FOLDER"):
        monkeypatch.delenv(name, raising=False)
    assert alerts_from_environment() is None
    monkeypatch.setenv("AP_ALERT_FOLDER", "file:///site/alerts")
    assert alerts_from_environment() == AlertFolder("file:///site/alerts")
    monkeypatch.setenv("AP_KAFKA_SERVER", "127.0.0.1:1")
    monkeypatch.setenv("AP_KAFKA_TOPIC", "alerts")
    assert isinstance(alerts_from_environment(), AlertStream)
