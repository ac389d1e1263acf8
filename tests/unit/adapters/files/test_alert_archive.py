"""Archives of alerts hold their contract, in memory and on files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import fastavro
import pytest

from adapters.files.alert_archive import FileAlertArchive
from adapters.memory.console.alert_archive import MemoryAlertArchive
from ports.alert_archive import KeptAlert
from prompt_pipelines.alert_files import AlertFile
from tests.contract_suites.alert_archive import AlertArchiveBench, AlertArchiveContract
from workbench.night.alerts import read_alert_file

_SCHEMA = fastavro.parse_schema(
    {
        "type": "record", "name": "alert", "fields": [
            {"name": "diaSourceId", "type": "long"},
            {"name": "diaSource", "type": {"type": "record", "name": "source", "fields": [
                {"name": "diaObjectId", "type": ["null", "long"]}, {"name": "visit", "type": "long"},
                {"name": "detector", "type": "int"}, {"name": "timeProcessedMjdTai", "type": "double"},
            ]}},
        ],
    }
)  # fmt: skip


def _packet(alert: KeptAlert) -> Mapping[str, Any]:
    source = {"diaObjectId": alert.object_id or None, "visit": alert.visit, "detector": alert.detector}
    return {"diaSourceId": alert.source_id, "diaSource": source | {"timeProcessedMjdTai": alert.processed}}


class _Files(AlertArchiveBench):
    def __init__(self, folder: Path) -> None:
        self._sent, self._waiting = folder / "alerts", folder / "outbox"
        self._sent.mkdir()
        self.archive: FileAlertArchive = FileAlertArchive([self._sent], [self._waiting], _read)

    def put(self, *alerts: KeptAlert) -> None:
        self._waiting.mkdir()
        for alert in alerts:
            folder = self._waiting if alert.is_waiting else self._sent
            with (folder / f"{alert.source_id}.avro").open("wb") as file:
                fastavro.writer(file, _SCHEMA, [_packet(alert)])

    def cut_off(self) -> None:
        (self._sent / "other.avro").write_bytes(b"no Avro")


def _read(file: Path) -> list[dict[str, Any]]:
    with file.open("rb") as content:
        return [one for one in fastavro.reader(content) if isinstance(one, dict)]


class _Memory(AlertArchiveBench):
    def __init__(self) -> None:
        self.archive: MemoryAlertArchive = MemoryAlertArchive()

    def put(self, *alerts: KeptAlert) -> None:
        for alert in alerts:
            self.archive.put(alert, _packet(alert))

    def cut_off(self) -> None:
        self.archive.outage = "the disk is away"


class TestFileAlertArchive(AlertArchiveContract):
    @pytest.fixture
    def kept(self, tmp_path: Path) -> AlertArchiveBench:
        return _Files(tmp_path)


class TestMemoryAlertArchive(AlertArchiveContract):
    @pytest.fixture
    def kept(self) -> AlertArchiveBench:
        return _Memory()


async def test_a_file_of_messages_that_are_no_alerts_is_named(tmp_path: Path) -> None:
    AlertFile((tmp_path / "strange.avro").as_uri()).write([b"no alert"])
    archive = FileAlertArchive([tmp_path], [], read_alert_file)
    with pytest.raises(Exception, match=r"strange\.avro holds a message that is no alert"):
        await archive.alerts()
