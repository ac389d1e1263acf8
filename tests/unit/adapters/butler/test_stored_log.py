"""What another process stored is known, whatever became of its log's lines."""

from pathlib import Path
from uuid import UUID

import pytest
from lsst.daf.butler import DataCoordinate, DatasetRef, DatasetType, DimensionUniverse

from adapters.butler.predicted.stored_log import StoredLog, read_log

UNIVERSE = DimensionUniverse()
COUNT = DatasetType("count", ("instrument", "detector"), "StructuredDataDict", universe=UNIVERSE)
WHOLE = (
    '{"type": "count", "run": "r", "id": "00000000-0000-0000-0000-00000000000%d", "values": ["SimCam", 4]}'
)


def ref(number: int) -> DatasetRef:
    data_id = DataCoordinate.standardize(
        instrument="SimCam", detector=4, dimensions=COUNT.dimensions, universe=UNIVERSE
    )
    return DatasetRef(COUNT, data_id, run="r", id=UUID(int=number))


def test_what_is_noted_is_read(tmp_path: Path) -> None:
    log = StoredLog(tmp_path)
    for number in range(2):
        log.dataset(ref(number))
    log.close()
    first, second = read_log(tmp_path)
    assert (first.dataset_type, first.run, first.values) == ("count", "r", ("SimCam", 4))
    assert [first.number, second.number] == [UUID(int=0), UUID(int=1)]


@pytest.mark.parametrize(
    "bad",
    [
        b'{"type": "cou',
        b'{"type": "cou' + (WHOLE % 3).encode(),
        b"",
        b"\0\0\0",
        b"\xff",
        b'"count"',
        b'{"type": "count"}',
        b'{"type": "count", "run": "r", "id": 7, "values": []}',
        b'{"type": "count", "run": "r", "id": "7", "values": []}',
        b'{"type": "count", "run": "r", "id": "00000000-0000-0000-0000-000000000000", "values": 4}',
    ],
)
def test_a_bad_line_costs_no_other(tmp_path: Path, caplog: pytest.LogCaptureFixture, bad: bytes) -> None:
    lines = [(WHOLE % 1).encode(), bad, bad, (WHOLE % 2).encode()]
    (tmp_path / "stored.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    assert [dataset.number for dataset in read_log(tmp_path)] == [UUID(int=1), UUID(int=2)]
    (record,) = caplog.records
    assert record.getMessage().endswith("stored.jsonl: 2")


def test_a_last_line_that_is_not_finished_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "stored.jsonl").write_text(f"{WHOLE % 1}\n{WHOLE[:40]}")
    assert [dataset.number for dataset in read_log(tmp_path)] == [UUID(int=1)]
