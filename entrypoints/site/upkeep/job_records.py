"""How the jobs of a site ended: a file that survives restarts and that `site status` reads."""

import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from domain.times import UtcSeconds
from domain.upkeep import Job, JobEnding, JobKind, JobRecord

__all__ = ["JobRecords", "as_json"]

_LOG = logging.getLogger(__name__)

_FAULTS: Final = (ValueError, KeyError, TypeError, AttributeError)


class JobRecords:
    """The last record of each kind of job and night.

    Parameters
    ----------
    path
        Of the file, which need not be there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Sequence[JobRecord]:
        """Read all, the last one last; of a file that is damaged none: jobs may be done twice."""
        try:
            return [_record(one) for one in json.loads(self._path.read_bytes())["jobs"]]
        except FileNotFoundError:
            return []
        except _FAULTS as error:
            _LOG.warning("%s cannot be read (%s): jobs are done again", self._path, error)
            return []

    def add(self, record: JobRecord) -> None:
        """Put a record in the place of the one of its kind and night.

        Raises
        ------
        OSError
            Raised if it cannot be written.
        """
        this = record.job.kind, record.job.night
        others = [one for one in self.read() if (one.job.kind, one.job.night) != this]
        text = json.dumps({"jobs": [as_json(one) for one in (*others, record)]}, indent=1)
        beside = self._path.with_suffix(".part")
        with beside.open("w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)


def as_json(record: JobRecord) -> dict[str, object]:
    """Write a record for machines."""
    job = record.job
    return {
        "kind": job.kind.value,
        "night": job.night,
        "inputs": job.inputs,
        "ending": record.ending.value,
        "said": record.said,
        "ended": record.ended,
    }


def _record(one: dict[str, str]) -> JobRecord:
    return JobRecord(
        job=Job(kind=JobKind(one["kind"]), night=int(one["night"]), inputs=str(one["inputs"])),
        ending=JobEnding(one["ending"]),
        said=str(one["said"]),
        ended=UtcSeconds(float(one["ended"])),
    )
