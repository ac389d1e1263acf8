"""What assembling a pipeline's graph needs to know of the pipeline, worked out once."""

from collections.abc import Iterator, Mapping

from attrs import frozen
from lsst.daf.butler import DimensionGroup
from lsst.pipe.base import PipelineTaskConnections
from lsst.pipe.base.pipeline_graph import PipelineGraph, TaskNode

from adapters.butler.inputs.inputs import OBSERVED, overall_inputs

__all__ = ["Part", "PipelineShape", "shape_of"]

_SKY = frozenset({"skymap", "tract", "patch"})

_KNOWN = frozenset(
    {"instrument", "detector", "group", "exposure", "visit", "day_obs", "physical_filter", "band"}
)
"""Dimensions whose values an exposure and its detector determine."""

_AHEAD = frozenset({"instrument", "detector", "group"})
"""Those that are determined without an exposure."""


@frozen(kw_only=True)
class Part:
    """Tasks that have to do with one another."""

    labels: tuple[str, ...]
    """In the order of their execution."""
    dimensions: DimensionGroup
    """Of all their quanta and datasets, prerequisites left out."""
    sky: DimensionGroup
    """Those of them that name a place on the sky: each row is joined with all places it overlaps."""
    constraints: Mapping[str, DimensionGroup]
    """Inputs without which there is nothing to do."""


@frozen(kw_only=True)
class PipelineShape:
    """A pipeline as `adapters.butler.predicted.predicted_graph` needs it."""

    parts: tuple[Part, ...]
    obstacles: tuple[str, ...]
    """Why the graph must be left to the query-driven builder; empty if it need not."""


def shape_of(graph: PipelineGraph) -> PipelineShape:
    """Work out the shape of a pipeline."""
    parts = tuple(_part(graph, subgraph) for subgraph in graph.split_independent())
    return PipelineShape(parts=parts, obstacles=tuple(_obstacles(graph)))


def _part(graph: PipelineGraph, subgraph: PipelineGraph) -> Part:
    members = frozenset(subgraph.tasks)
    dimensions = subgraph.get_all_dimensions(prerequisites=False)
    return Part(
        labels=tuple(label for label in graph.tasks if label in members),
        dimensions=dimensions,
        sky=dimensions.universe.conform(_SKY & dimensions.names),
        constraints={
            name: node.dimensions
            for name, node in overall_inputs(subgraph).items()
            if node.is_initial_query_constraint and node.dimensions and not node.is_prerequisite
        },
    )


def _obstacles(graph: PipelineGraph) -> Iterator[str]:
    dimensions = graph.get_all_dimensions(prerequisites=False)
    known = _KNOWN if dimensions.names & OBSERVED else _AHEAD
    for dimension in sorted(dimensions.names - known - _SKY):
        yield f"dimension {dimension}"
    if dimensions.names & _SKY and not {"visit", "detector"} <= dimensions.names:
        yield "places on the sky without a visit"
    for task in graph.tasks.values():
        for dimension in sorted(_written(graph, task) & _SKY):
            yield f"{task.label} works by {dimension}"
        connections = type(task.get_connections())
        if connections.adjust_all_quanta is not PipelineTaskConnections.adjust_all_quanta:
            yield f"{task.label} adjusts all its quanta together"
        if task.get_spatial_bounds_connections() or task.get_temporal_bounds_connections():
            yield f"{task.label} has bounds of its own"
        yield from _prerequisite_obstacles(graph, task)


def _written(graph: PipelineGraph, task: TaskNode) -> frozenset[str]:
    """Name the dimensions of a task and of all that it writes."""
    outputs = [graph.dataset_types[edge.parent_dataset_type_name] for edge in task.iter_all_outputs()]
    return frozenset(name for node in outputs for name in node.dimensions.names) | task.dimensions.names


def _prerequisite_obstacles(graph: PipelineGraph, task: TaskNode) -> Iterator[str]:
    for name, edge in task.prerequisite_inputs.items():
        node = graph.dataset_types[edge.parent_dataset_type_name]
        if task.get_lookup_function(name) is not None:
            yield f"{task.label} looks up {node.name} in its own way"
        elif node.is_calibration and not task.dimensions.temporal:
            yield f"{task.label} reads calibration {node.name} at no time"
        elif node.dimensions.spatial - task.dimensions.spatial and not task.dimensions.spatial:
            yield f"{task.label} reads {node.name} at no place"
