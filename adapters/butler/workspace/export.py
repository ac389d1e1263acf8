"""Which outputs leave the worker."""

import re
from collections.abc import Iterable, Mapping

from lsst.daf.butler import DatasetRef

from adapters.butler.inputs.pipelines import LoadedPipeline
from domain.work.outcomes import Export

__all__ = ["ExportRules"]


class ExportRules:
    """Chooses outputs.

    Parameters
    ----------
    patterns
        A dataset type's name must match one as a whole.
    """

    def __init__(self, patterns: Iterable[re.Pattern[str]]) -> None:
        self._patterns = tuple(patterns)

    def choose(
        self, refs: Iterable[DatasetRef], what: Export, pipelines: Mapping[str, LoadedPipeline | None]
    ) -> list[DatasetRef]:
        """Choose what is exported.

        Parameters
        ----------
        refs
            What there is.
        what
            What the outcome allows.
        pipelines
            The pipeline behind each run, if any.
        """
        if what is Export.NOTHING:
            return []
        withheld = {
            run: _after_change(pipeline) if what is Export.BEFORE_CHANGE else frozenset()
            for run, pipeline in pipelines.items()
        }
        return [
            ref
            for ref in refs
            if "detector" in ref.dimensions
            and ref.datasetType.name not in withheld[ref.run]
            and any(pattern.fullmatch(ref.datasetType.name) for pattern in self._patterns)
        ]


def _after_change(pipeline: LoadedPipeline | None) -> frozenset[str]:
    """Name the outputs of tasks that change things and of all downstream, but for logs and metadata."""
    if pipeline is None:
        return frozenset()
    tasks = [pipeline.graph.tasks[label] for label in pipeline.after_change]
    return frozenset(edge.parent_dataset_type_name for task in tasks for edge in task.outputs.values())
