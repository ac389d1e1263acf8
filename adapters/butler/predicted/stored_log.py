"""Which datasets are complete, told to whoever comes after a process that died."""

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO
from uuid import UUID

from attrs import frozen
from lsst.daf.butler import DatasetRef

__all__ = ["StoredDataset", "StoredLog", "read_log"]

_log = logging.getLogger(__name__)

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
    """Read what another process noted; lines that it could not finish are left out."""
    lines = (folder / _FILE).read_text(encoding="utf-8", errors="replace").splitlines()
    read = [_read(line) for line in lines]
    datasets = [dataset for dataset in read if dataset is not None]
    if len(datasets) < len(lines):
        _log.warning("unreadable lines in %s: %d", folder / _FILE, len(lines) - len(datasets))
    return datasets


def _read(line: str) -> StoredDataset | None:
    try:
        fields = json.loads(line)
        return StoredDataset(
            dataset_type=fields["type"],
            run=fields["run"],
            number=UUID(fields["id"]),
            values=tuple(fields["values"]),
        )
    # Half a line, or the beginning of one and another behind it.
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
