"""Pipelines, read once per process."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from attrs import field, frozen
from lsst.daf.butler import Butler
from lsst.pipe.base import Pipeline
from lsst.pipe.base.pipeline_graph import PipelineGraph

from adapters.butler.inputs.type_conflicts import type_conflicts
from adapters.butler.shared.reaching import OUT_OF_REACH
from adapters.butler.shared.steps import step
from domain.pipelines import pipeline_name
from ports.workspace import WorkspaceError

__all__ = ["LoadedPipeline", "PipelineLibrary"]


@frozen(kw_only=True, eq=False)
class LoadedPipeline:
    """A pipeline whose dataset types are those of the central repository."""

    file: str
    """As it is configured."""
    name: str
    graph: PipelineGraph
    """Shared by all users: copy it before resolving it otherwise."""
    change_labels: frozenset[str] = field()
    """Tasks that make permanent changes."""
    after_change: frozenset[str] = field()
    """Those, and all tasks downstream of them."""

    @property
    def init_outputs(self) -> frozenset[str]:
        """Names of the dataset types that the initializer writes for this pipeline."""
        names = {self.graph.packages_dataset_type.name}
        for task in self.graph.tasks.values():
            names.update(edge.parent_dataset_type_name for edge in task.init.iter_all_outputs())
        return frozenset(names)


class PipelineLibrary:
    """Loads pipelines and keeps them.

    Parameters
    ----------
    root
        Where files with relative paths are.
    apdb_config
        Value of the parameter ``apdb_config``, for pipelines that use it.
    change_tasks
        Full names of task classes that make permanent changes.
    butler
        Returns the repository whose dataset types hold.
    outputs
        Returns the one that outputs go to, which may be the same.
    """

    def __init__(
        self,
        root: Path,
        apdb_config: str,
        change_tasks: frozenset[str],
        butler: Callable[[], Butler],
        outputs: Callable[[], Butler],
    ) -> None:
        self._root = root
        self._apdb_config = apdb_config
        self._change_tasks = change_tasks
        self._butler = butler
        self._outputs = outputs
        self._loaded: dict[str, LoadedPipeline] = {}

    def load(self, file: str) -> LoadedPipeline:
        """Load a pipeline.

        Raises
        ------
        WorkspaceError
            Raised if the file cannot be read, or contradicts the repositories'
            dataset types.
        """
        if file not in self._loaded:
            with step(f"pipeline {file}"):
                self._loaded[file] = self._load(file)
        return self._loaded[file]

    def load_any(self, files: Iterable[str]) -> tuple[list[LoadedPipeline], list[str]]:
        """Load those pipelines that can be.

        Returns
        -------
        pipelines
            In their order.
        failures
            A line for each of the others.

        Raises
        ------
        WorkspaceError
            Raised if the registry or a file system cannot be reached, which says
            nothing of a pipeline.
        """
        pipelines: list[LoadedPipeline] = []
        failures: list[str] = []
        for file in files:
            try:
                pipelines.append(self.load(file))
            except WorkspaceError as error:
                if _passes(error.__cause__):
                    raise
                failures.append(str(error))
        return pipelines, failures

    def forget(self) -> None:
        """Load all pipelines anew when they are next asked for."""
        self._loaded.clear()

    def _load(self, file: str) -> LoadedPipeline:
        path = os.path.expandvars(file)
        pipeline = Pipeline.from_uri(path if "://" in path else str(self._root / path))
        pipeline.addConfigOverride("parameters", "apdb_config", self._apdb_config)
        graph = pipeline.to_graph(registry=self._butler().registry)
        self._check_outputs(file, graph)
        changing = {
            label for label, task in graph.tasks.items() if task.task_class_name in self._change_tasks
        }
        after = {name for label in changing for name in graph.select_tasks(f">={label}")}
        return LoadedPipeline(
            file=file,
            name=pipeline_name(file),
            graph=graph,
            change_labels=frozenset(changing),
            after_change=frozenset(after),
        )

    def _check_outputs(self, file: str, graph: PipelineGraph) -> None:
        """Make sure that the repository of outputs will take them: it is told only after they were made."""
        outputs = self._outputs()
        if outputs is self._butler():
            return
        made = [
            node.dataset_type
            for name, node in graph.dataset_types.items()
            if graph.producer_of(name) is not None
        ]
        known = outputs.registry.queryDatasetTypes([dataset_type.name for dataset_type in made])
        if conflicts := type_conflicts(known, made):
            raise WorkspaceError(
                f"pipeline {file}: the repository of outputs defines dataset types differently: "
                f"{'; '.join(conflicts)}"
            )


def _passes(cause: BaseException | None) -> bool:
    """Tell what may pass by itself from a fault of a pipeline's own."""
    if isinstance(cause, FileNotFoundError):
        return False
    return isinstance(cause, (*OUT_OF_REACH, OSError))
