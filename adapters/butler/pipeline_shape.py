"""What assembling a pipeline's graph needs to know of the pipeline, worked out once."""

from collections.abc import Iterator, Mapping

from attrs import frozen
from lsst.daf.butler import DimensionGroup
from lsst.pipe.base import PipelineTaskConnections
from lsst.pipe.base.pipeline_graph import PipelineGraph, TaskNode

from adapters.butler.inputs import overall_inputs

__all__ = ["Part", "PipelineShape", "shape_of"]

_KNOWN = frozenset(
    {"instrument", "detector", "group", "exposure", "visit", "day_obs", "physical_filter", "band"}
)
"""Dimensions whose values an exposure and its detector determine."""


@frozen(kw_only=True)
class Part:
    """Tasks that have to do with one another."""

    labels: tuple[str, ...]
    """In the order of their execution."""
    dimensions: DimensionGroup
    """Of all their quanta and datasets, prerequisites left out."""
    constraints: Mapping[str, DimensionGroup]
    """Inputs without which there is nothing to do."""


@frozen(kw_only=True)
class PipelineShape:
    """A pipeline as `adapters.butler.predicted_graph` needs it."""

    parts: tuple[Part, ...]
    obstacles: tuple[str, ...]
    """Why the graph must be left to the query-driven builder; empty if it need not."""


def shape_of(graph: PipelineGraph) -> PipelineShape:
    """Work out the shape of a pipeline."""
    parts = tuple(_part(graph, subgraph) for subgraph in graph.split_independent())
    return PipelineShape(parts=parts, obstacles=tuple(_obstacles(graph)))


def _part(graph: PipelineGraph, subgraph: PipelineGraph) -> Part:
    members = frozenset(subgraph.tasks)
    return Part(
        labels=tuple(label for label in graph.tasks if label in members),
        dimensions=subgraph.get_all_dimensions(prerequisites=False),
        constraints={
            name: node.dimensions
            for name, node in overall_inputs(subgraph).items()
            if node.is_initial_query_constraint and node.dimensions
        },
    )


def _obstacles(graph: PipelineGraph) -> Iterator[str]:
    for dimension in sorted(graph.get_all_dimensions(prerequisites=False).names - _KNOWN):
        yield f"dimension {dimension}"
    for task in graph.tasks.values():
        connections = type(task.get_connections())
        if connections.adjust_all_quanta is not PipelineTaskConnections.adjust_all_quanta:
            yield f"{task.label} adjusts all its quanta together"
        if task.get_spatial_bounds_connections() or task.get_temporal_bounds_connections():
            yield f"{task.label} has bounds of its own"
        yield from _prerequisite_obstacles(graph, task)


def _prerequisite_obstacles(graph: PipelineGraph, task: TaskNode) -> Iterator[str]:
    for name, edge in task.prerequisite_inputs.items():
        node = graph.dataset_types[edge.parent_dataset_type_name]
        if task.get_lookup_function(name) is not None:
            yield f"{task.label} looks up {node.name} in its own way"
        elif node.is_calibration and not task.dimensions.temporal:
            yield f"{task.label} reads calibration {node.name} at no time"
        elif node.dimensions.spatial - task.dimensions.spatial and not task.dimensions.spatial:
            yield f"{task.label} reads {node.name} at no place"
