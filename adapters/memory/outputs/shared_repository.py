"""A central repository of names alone."""

from collections.abc import Iterable
from uuid import UUID

from domain.pipelines import pipeline_name
from domain.work.attempts import Attempt

__all__ = ["MemoryRepository", "types_of"]


def types_of(pipeline: str) -> frozenset[str]:
    """Name the dataset types that a pipeline writes here."""
    name = pipeline_name(pipeline)
    return frozenset({f"{name}_image", f"{name}_metadata"})


class MemoryRepository:
    """What initializer, workers and Butler Writer see of one another.

    `outage` is for tests: while it is not blank, the repository cannot be reached
    for that reason.

    Parameters
    ----------
    dataset_types
        Registered from the beginning.
    """

    def __init__(self, dataset_types: Iterable[str] = ()) -> None:
        self.outage = ""
        self.dataset_types = set(dataset_types)
        self.runs: set[str] = set()
        """Runs with all their init-outputs."""
        self.chains: dict[str, list[str]] = {}
        self.files: dict[UUID, str] = {}
        """Run and dataset type of each file in the datastore, registered or not."""
        self.datasets: dict[UUID, str] = {}
        """Run and dataset type of each dataset in the registry."""
        self.changes: list[tuple[int, Attempt]] = []
        """What pipelines changed for ever (as in an APDB): each exposure, and the attempt on whose behalf."""
