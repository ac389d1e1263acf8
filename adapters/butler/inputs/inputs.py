"""Which datasets of the central repository a visit-detector's pipelines read."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from attrs import field, frozen
from lsst.daf.butler import DatasetRef, DatasetType, Timespan
from lsst.pipe.base.pipeline_graph import DatasetTypeNode, PipelineGraph
from lsst.sphgeom import Region

from adapters.butler.inputs.pipelines import LoadedPipeline
from domain.runs import serves_night

__all__ = [
    "OBSERVED",
    "Found",
    "InputFinder",
    "Inputs",
    "Selection",
    "find_inputs",
    "first_found",
    "needs",
    "overall_inputs",
]

OBSERVED = frozenset({"exposure", "visit"})
"""Dimensions of what exists only once the image does."""


@frozen(kw_only=True)
class Selection:
    """What is known of a visit-detector before its image exists."""

    data_id: Mapping[str, str | int]
    """Instrument, detector, group, day_obs, skymap; filter and band if the visit names one."""
    filters: frozenset[str] | None
    """Physical filters that the visit may use; None if it may be any."""
    region: Region | None
    """On the sky, padding included; None if the visit does not tell."""
    timespan: Timespan
    """When the visit is expected."""


@frozen
class Found:
    """A dataset as a collection holds it."""

    ref: DatasetRef
    collection: str
    timespan: Timespan | None
    """When it is valid, if it is a calibration; None if it always is."""


@frozen(kw_only=True)
class Inputs:
    """Datasets to load."""

    refs: tuple[DatasetRef, ...] = ()
    """From the repository of inputs, by dataset type and data id."""
    init_outputs: tuple[DatasetRef, ...] = ()
    """From the repository of outputs."""
    certified: tuple[Found, ...] = ()
    """Those whose validity is part of the lookup."""
    found: frozenset[str] = field(default=frozenset())
    """Names of the dataset types of which there is at least one."""

    @property
    def everything(self) -> tuple[DatasetRef, ...]:
        """From either repository."""
        return (*self.refs, *self.init_outputs)


class InputFinder(Protocol):
    """Finds datasets in the central repository."""

    def collections(self, names: Iterable[str]) -> tuple[Sequence[str], Sequence[str]]:
        """Sort names of collections into those that exist and those that do not."""
        ...

    def find(
        self, dataset_type: DatasetType, collections: Sequence[str], selection: Selection
    ) -> Sequence[Found]:
        """Find datasets of one type, for each data id those of the first collection that has any."""
        ...

    def forget(self, age: float = 0.0) -> bool:
        """Drop what is remembered if any of it is older than so many seconds; says whether it was dropped."""
        ...


def overall_inputs(graph: PipelineGraph) -> dict[str, DatasetTypeNode]:
    """List what a pipeline reads and does not write itself, by name."""
    return {name: node for name, node in graph.iter_overall_inputs() if node is not None}


def needs(graph: PipelineGraph, name: str) -> bool:
    """Say whether a pipeline cannot do without a dataset type."""
    return any(
        edge.is_init or not graph.tasks[edge.task_label].is_optional(edge.connection_name)
        for edge in graph.consuming_edges_of(name)
    )


def find_inputs(
    finder: InputFinder,
    pipelines: Iterable[LoadedPipeline],
    collections: Sequence[str],
    selection: Selection,
    own_types: frozenset[str] = frozenset(),
) -> Inputs:
    """Find what the pipelines read that neither they nor the camera make.

    Parameters
    ----------
    finder
        Looks into the central repository.
    pipelines
        All that may run, in any order.
    collections
        Where to look, in order.
    selection
        The visit-detector.
    own_types
        Dataset types that are not looked for, because the workspace makes them.
    """
    refs: dict[object, DatasetRef] = {}
    certified: list[Found] = []
    names: set[str] = set()
    for node in _wanted(pipelines, own_types).values():
        for found in finder.find(node.dataset_type, collections, selection):
            names.add(node.name)
            refs[found.ref.id] = found.ref
            if found.timespan is not None:
                certified.append(found)
    return Inputs(refs=tuple(refs.values()), certified=tuple(certified), found=frozenset(names))


def _wanted(pipelines: Iterable[LoadedPipeline], own_types: frozenset[str]) -> dict[str, DatasetTypeNode]:
    wanted: dict[str, DatasetTypeNode] = {}
    made = set(own_types)
    for pipeline in pipelines:
        inputs = overall_inputs(pipeline.graph)
        wanted.update(inputs)
        made.update(pipeline.graph.dataset_types.keys() - inputs.keys())
    return {
        name: node
        for name, node in wanted.items()
        if name not in made and not OBSERVED & node.dimensions.names
    }


def first_found(rows: Iterable[Found], order: Sequence[str], selection: Selection) -> list[Found]:
    """Keep, for each data id, what the first collection has that has anything for the visit's night."""
    night = int(selection.data_id["day_obs"])
    serving = [row for row in rows if serves_night(row.ref.run, night)]
    by_data_id: dict[object, list[Found]] = {}
    for row in sorted(serving, key=lambda row: order.index(row.collection)):
        members = by_data_id.setdefault(row.ref.dataId.required_values, [])
        if not members or members[0].collection == row.collection:
            members.append(row)
    return [row for members in by_data_id.values() for row in members]
