"""What a workspace needs of the place where one attempt's datasets live.

There is more than one way to keep them and to build graphs: the workspace does
not know which it uses.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from attrs import field, frozen
from lsst.daf.butler import DatasetRef, DimensionRecord, DimensionUniverse, FileDataset

from adapters.butler.inputs.inputs import InputFinder, Inputs
from adapters.butler.inputs.pipelines import LoadedPipeline
from adapters.butler.repository.dataset_ids import DatasetIds
from adapters.butler.repository.disk_reserve import DiskReserve
from domain.errors import PromptProcessingError
from ports.neighbours import Neighbour

__all__ = ["BeforeTask", "CannotBuildError", "Execution", "Plan", "VisitRepositories", "VisitRepository"]

type BeforeTask = Callable[[str], None]
"""Called with a task's label before each of its quanta; what it raises ends the run."""


class CannotBuildError(PromptProcessingError):
    """A pipeline's graph cannot be built, or has nothing in it."""


@frozen(kw_only=True)
class Plan:
    """One run of one pipeline."""

    pipeline: LoadedPipeline
    run: str
    """Where outputs go."""
    earlier: tuple[str, ...]
    """Local runs to read, in order."""
    inputs: tuple[str, ...]
    """Collections of the central repository to read after them, in order."""
    data_id: Mapping[str, str | int]
    """Instrument, detector and group."""
    ids: DatasetIds
    """Of what will be made."""
    reserve: DiskReserve
    """For what is made after the claim."""
    exposures: tuple[int, ...] = ()
    """None before the image."""


@frozen(kw_only=True)
class Execution:
    """How a run ended."""

    failures: tuple[str, ...] = ()
    """A line for each quantum that failed; empty if all succeeded."""
    seconds: Mapping[str, float] = field(factory=dict)
    """Time spent by stage and task."""
    away: Neighbour | None = None
    """The neighbour without whom one failed, as far as its error tells."""
    is_refused: bool = False
    """Whether nothing failed but tasks that cannot do with these images, again or not."""


class VisitRepository(Protocol):
    """One attempt's datasets, and how pipelines run on them.

    Errors are those of the libraries: the workspace translates them.
    """

    def load(self, inputs: Inputs) -> None:
        """Bring datasets from the central repository."""
        ...

    @property
    def universe(self) -> DimensionUniverse:
        """The dimensions of the central repository."""
        ...

    def put(self, thing: object, ref: DatasetRef) -> None:
        """Store something that the workspace itself made."""
        ...

    def get(self, ref: DatasetRef) -> Any:  # noqa: ANN401 - a dataset is anything
        """Read an output."""
        ...

    def add_records(self, records: Sequence[DimensionRecord]) -> None:
        """Define groups, exposures, visits."""
        ...

    def add_raw(self, path: Path, ref: DatasetRef, formatter: str | None = None) -> None:
        """Take over a raw's file; its exposure is defined already.

        Parameters
        ----------
        path
            The file.
        ref
            The raw.
        formatter
            Class that reads it; None: the configured one.
        """
        ...

    def execute(self, plan: Plan, before_task: BeforeTask) -> Execution:
        """Build the graph and run it.

        Raises
        ------
        CannotBuildError
            Raised if there is no graph, or an empty one; nothing ran.
        """
        ...

    def outputs(self, runs: Sequence[str]) -> Sequence[DatasetRef]:
        """List the datasets in these runs."""
        ...

    def copy_out(self, refs: Sequence[DatasetRef]) -> Sequence[FileDataset]:
        """Copy datasets to the central datastore; files that are there are replaced."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...


class VisitRepositories(Protocol):
    """Makes a repository for each attempt, and knows how their inputs are best found."""

    @property
    def finder(self) -> InputFinder:
        """Finds inputs in the central repository."""
        ...

    def create(
        self, folder: Path, collections: Sequence[str], pipelines: Sequence[LoadedPipeline]
    ) -> VisitRepository:
        """Make an empty one.

        Parameters
        ----------
        folder
            A folder for it; it does not exist yet.
        collections
            Of the central repository, that inputs will be looked for in.
        pipelines
            All that may run.
        """
        ...

    def reopen(self, folder: Path, records: Sequence[Any]) -> VisitRepository:
        """Open one that another process made; its datasets may be incomplete.

        Parameters
        ----------
        folder
            Its folder.
        records
            Dimension records that were added to it, packed.
        """
        ...

    def close(self) -> None:
        """Let go of what repositories share."""
        ...
