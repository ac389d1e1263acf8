"""What the writer tells the world of a finished batch (docs/contracts/writer.md)."""

import datetime
import json
from typing import Final
from uuid import UUID

from attrs import frozen

from domain.times import UtcSeconds

__all__ = ["BatchAnnouncement"]

_ORIGIN: Final = "prompt_processing"


@frozen(kw_only=True)
class BatchAnnouncement:
    """One batch: its file and the event that points to it."""

    batch: UUID
    finished: UtcSeconds
    datasets: tuple[UUID, ...]

    @property
    def file_name(self) -> str:
        """Name of the file, in order of time."""
        instant = datetime.datetime.fromtimestamp(self.finished, datetime.UTC)
        return f"{instant:%Y-%m-%dT%H-%M-%S-%f}-{self.batch}.json"

    def file(self) -> bytes:
        """Write the file: ``dataset_batch``."""
        return json.dumps(
            {"batch_id": str(self.batch), "datasets": [str(dataset) for dataset in self.datasets]}
        ).encode()

    def event(self) -> bytes:
        """Write the event: ``batch-ingested``."""
        return json.dumps(
            {
                "type": "batch-ingested",
                "batch_id": str(self.batch),
                "origin": _ORIGIN,
                "batch_file": self.file_name,
            }
        ).encode()
