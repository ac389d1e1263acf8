"""Which datasets are complete, told to whoever comes after a process that died."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO
from uuid import UUID

from attrs import frozen
from lsst.daf.butler import DatasetRef

__all__ = ["StoredDataset", "StoredLog", "read_log"]

_FILE = "stored.jsonl"


@frozen(kw_only=True)
class StoredDataset:
    """A dataset in words alone."""

    dataset_type: str
    run: str
    number: UUID
    values: tuple[str | int, ...]
    """Of the data id's required dimensions, in their order."""


class StoredLog:
    """Writes a line for each dataset as soon as it is there.

    Parameters
    ----------
    folder
        Where the log is kept.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / _FILE
        self._stream: TextIO | None = None

    def dataset(self, ref: DatasetRef) -> None:
        """Note that a dataset's files are complete."""
        values = list(ref.dataId.required_values)
        self._write({"type": ref.datasetType.name, "run": ref.run, "id": str(ref.id), "values": values})

    def close(self) -> None:
        """Let go of the file."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _write(self, line: object) -> None:
        if self._stream is None:
            self._stream = self._path.open("a", encoding="utf-8", buffering=1)
        self._stream.write(json.dumps(line) + "\n")


def read_log(folder: Path) -> Sequence[StoredDataset]:
    """Read what another process noted; a line that it could not finish is left out."""
    datasets: list[StoredDataset] = []
    for line in (folder / _FILE).read_text(encoding="utf-8").splitlines(keepends=True):
        if not line.endswith("\n"):
            break
        fields = json.loads(line)
        dataset = StoredDataset(
            dataset_type=fields["type"],
            run=fields["run"],
            number=UUID(fields["id"]),
            values=tuple(fields["values"]),
        )
        datasets.append(dataset)
    return datasets
