"""One attempt's folder: its repository, its journal, its files on the way in."""

import hashlib
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from attrs import define, field
from lsst.daf.butler import DataCoordinate, DatasetRef, DatasetType

from adapters.butler.repository.dataset_ids import DatasetIds
from adapters.butler.repository.disk_reserve import DiskReserve
from adapters.butler.repository.visit_repository import VisitRepository
from adapters.butler.workspace.journal import Journal, write_journal
from domain.raws.exposure import Exposure
from domain.raws.raws import RawImage
from ports.ledger import Attempt
from ports.workspace import Assignment, RawUnreadableError

__all__ = ["OpenAttempt", "attempt_folder", "remove_attempts"]

_NAME: Final = re.compile(r".+-\d+-[0-9a-f]{12}-\d+")


def attempt_folder(root: Path, attempt: Attempt) -> Path:
    """Name the folder of an attempt; any process finds it again."""
    identity = attempt.identity
    # A group may hold any character.
    digest = hashlib.sha256(identity.group.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return root / f"{identity.instrument}-{identity.detector}-{digest}-{attempt.number}"


def remove_attempts(root: Path) -> None:
    """Remove the folders of all attempts."""
    for folder in root.glob("*"):
        if _NAME.fullmatch(folder.name):
            shutil.rmtree(folder, ignore_errors=True)


@define
class OpenAttempt:
    """The attempt that the workspace is working on."""

    assignment: Assignment
    folder: Path
    repository: VisitRepository
    journal: Journal
    seconds: dict[str, float] = field(factory=dict)
    """Time spent by stage; lost with the process."""

    @property
    def incoming(self) -> Path:
        """Where raws are downloaded to."""
        return self.folder / "incoming"

    @property
    def reserve(self) -> DiskReserve:
        """Room for what is written after the claim."""
        return DiskReserve(self.folder)

    @property
    def data_id(self) -> Mapping[str, str | int]:
        """The visit-detector before there is a visit."""
        work = self.assignment.work
        return {
            "instrument": work.visit.instrument,
            "group": work.visit.group,
            "detector": work.detector,
        }

    @property
    def ids(self) -> DatasetIds:
        """Ids of its datasets."""
        return DatasetIds(self.assignment.work.visit)

    def ref(self, dataset_type: DatasetType, run: str, data_id: Mapping[str, str | int]) -> DatasetRef:
        """Name a dataset that the workspace itself stores."""
        coordinate = DataCoordinate.standardize(data_id, dimensions=dataset_type.dimensions)
        return self.ids.ref(dataset_type, coordinate, run)

    def check_expected(self, raw: RawImage, exposure: Exposure) -> None:
        """See that an exposure is one that is awaited and not there yet.

        Raises
        ------
        ports.workspace.RawUnreadableError
            Raised if it is not.
        """
        work = self.assignment.work
        for name, said, expected in (
            ("instrument", exposure.instrument, work.visit.instrument),
            ("group", exposure.group, work.visit.group),
            ("detector", exposure.detector, work.detector),
        ):
            if said != expected:
                raise RawUnreadableError(f"{raw.uri}: {name} {said!r} where {expected!r} is awaited")
        if str(exposure.exposure) in self.journal.records:
            raise RawUnreadableError(f"{raw.uri}: exposure {exposure.exposure} is ingested already")

    def spent(self, stage: str, seconds: float, parts: Mapping[str, float] | None = None) -> None:
        """Add to the time of a stage, and to that of its parts."""
        named = {f"{stage}.{name}": value for name, value in (parts or {}).items()}
        for name, value in {stage: seconds, **named}.items():
            self.seconds[name] = self.seconds.get(name, 0.0) + value

    def note(self, journal: Journal) -> None:
        """Keep the new state, on disk first."""
        write_journal(self.folder, journal)
        self.journal = journal
