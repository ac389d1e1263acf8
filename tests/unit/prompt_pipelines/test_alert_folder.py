"""Alerts without a broker: files in a folder."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from adapters.folder.laid_alerts import hand_out_alerts
from prompt_pipelines.alert_files import AlertFile, AlertFolder
from prompt_pipelines.alert_stream import AlertStream, alerts_from_environment


def test_alerts_become_a_file_in_the_folder_of_the_day(tmp_path: Path) -> None:
    folder = AlertFolder(tmp_path.as_uri())
    assert folder.send(iter([b"one", b"two"])) == 2
    assert folder.send([]) == 0
    (file,) = tmp_path.glob("20??-??-??/*.avro")
    assert AlertFile(file.as_uri()).read() == [b"one", b"two"]


def _files(folder: Path) -> list[list[bytes]]:
    return [AlertFile(file.as_uri()).read() for file in folder.rglob("*.avro")]


def test_alerts_of_a_change_that_fails_are_not_sent(tmp_path: Path) -> None:
    folder = AlertFolder(tmp_path.as_uri())
    with pytest.raises(ValueError, match="no disk"), folder.sending([b"one"], 7, 4):
        raise ValueError("no disk")
    assert not list(tmp_path.rglob("*.*"))
    with folder.sending([b"two"], 7, 4):
        assert _files(tmp_path) == []
    assert _files(tmp_path) == [[b"two"]]


def test_alerts_of_a_killed_process_are_handed_out_if_their_sources_are_stored(tmp_path: Path) -> None:
    folder, apdb = AlertFolder(tmp_path.as_uri()), tmp_path / "apdb.db"
    killed = [folder.sending([alert], visit, 4) for visit, alert in ((7, b"stored"), (8, b"not stored"))]
    for sending in killed:
        sending.__enter__()
    with closing(sqlite3.connect(apdb)) as connection:
        connection.execute('CREATE TABLE "DiaSource" (visit, detector)')
        connection.execute('INSERT INTO "DiaSource" VALUES (7, 4)')
        connection.commit()
    for _ in range(2):
        hand_out_alerts(tmp_path, apdb)
        assert _files(tmp_path) == [[b"stored"]]
    # The process lives, and goes on.
    killed[1].__exit__(None, None, None)
    assert sorted(_files(tmp_path)) == [[b"not stored"], [b"stored"]]


def test_a_broker_goes_before_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AP_KAFKA_SERVER", "AP_KAFKA_TOPIC", "AP_ALERT_FOLDER"):
        monkeypatch.delenv(name, raising=False)
    assert alerts_from_environment() is None
    monkeypatch.setenv("AP_ALERT_FOLDER", "file:///site/alerts")
    assert alerts_from_environment() == AlertFolder("file:///site/alerts")
    monkeypatch.setenv("AP_KAFKA_SERVER", "127.0.0.1:1")
    monkeypatch.setenv("AP_KAFKA_TOPIC", "alerts")
    assert isinstance(alerts_from_environment(), AlertStream)
