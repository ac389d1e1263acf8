"""Which datasets of the shared repository a visit-detector's pipelines read."""

import logging
from collections.abc import Iterable, Mapping, Sequence

from attrs import field, frozen
from lsst.daf.butler import (
    Butler,
    DatasetAssociation,
    DatasetRef,
    DatasetType,
    MissingDatasetTypeError,
    SkyPixDimension,
    Timespan,
)
from lsst.pipe.base.pipeline_graph import DatasetTypeNode, PipelineGraph
from lsst.sphgeom import ConvexPolygon

from adapters.butler.names import CollectionType
from adapters.butler.pipelines import LoadedPipeline

__all__ = ["OBSERVED", "Certified", "Inputs", "Selection", "find_inputs", "needs", "overall_inputs"]

_log = logging.getLogger(__name__)

OBSERVED = frozenset({"exposure", "visit"})
"""Dimensions of what exists only once the image does."""


@frozen(kw_only=True)
class Selection:
    """What is known of a visit-detector before its image exists."""

    data_id: Mapping[str, str | int]
    """Instrument, detector, group, skymap; filter and band if the visit names one."""
    filters: frozenset[str] | None
    """Physical filters that the visit may use; None if it may be any."""
    region: ConvexPolygon | None
    """On the sky, padding included; None if the visit does not tell."""
    timespan: Timespan
    """When the visit is expected."""


@frozen
class Certified:
    """A dataset as a calibration collection holds it."""

    ref: DatasetRef
    collection: str
    timespan: Timespan


@frozen(kw_only=True)
class Inputs:
    """Datasets to load."""

    refs: tuple[DatasetRef, ...] = ()
    """All of them, by dataset type and data id."""
    certified: tuple[Certified, ...] = ()
    """How calibrations are certified: their validity is part of the lookup."""
    found: frozenset[str] = field(default=frozenset())
    """Names of the dataset types of which there is at least one."""


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
    butler: Butler,
    pipelines: Iterable[LoadedPipeline],
    collections: Sequence[str],
    selection: Selection,
) -> Inputs:
    """Find what the pipelines read that neither they nor the camera make.

    Parameters
    ----------
    butler
        The shared repository.
    pipelines
        All that may run, in any order.
    collections
        Where to look, in order.
    selection
        The visit-detector.
    """
    refs: dict[object, DatasetRef] = {}
    certified: list[Certified] = []
    found: set[str] = set()
    for node in _wanted(pipelines).values():
        associations = _find(butler, node.dataset_type, collections, selection)
        if associations:
            found.add(node.name)
        for association in associations:
            refs[association.ref.id] = association.ref
            if association.timespan is not None:
                certified.append(Certified(association.ref, association.collection, association.timespan))
    return Inputs(refs=tuple(refs.values()), certified=tuple(certified), found=frozenset(found))


def _wanted(pipelines: Iterable[LoadedPipeline]) -> dict[str, DatasetTypeNode]:
    wanted: dict[str, DatasetTypeNode] = {}
    made: set[str] = set()
    for pipeline in pipelines:
        inputs = overall_inputs(pipeline.graph)
        wanted.update(inputs)
        made.update(pipeline.graph.dataset_types.keys() - inputs.keys())
    return {
        name: node
        for name, node in wanted.items()
        if name not in made and not OBSERVED & node.dimensions.names
    }


def _find(
    butler: Butler, dataset_type: DatasetType, collections: Sequence[str], selection: Selection
) -> list[DatasetAssociation]:
    """Find datasets of one type, for each data id those of the first collection that has any."""
    spatial = _spatial_element(dataset_type)
    if spatial is not None and (selection.region is None or _any_band(dataset_type, selection)):
        return []
    infos = {
        info.name: info
        for info in butler.collections.query_info(collections, flatten_chains=True)
        if info.type is not CollectionType.CHAINED
    }
    data_id = {name: value for name, value in selection.data_id.items() if name in dataset_type.dimensions}
    with butler.query() as query:
        try:
            search = query.join_dataset_search(dataset_type.name, list(infos))
        except MissingDatasetTypeError:
            return []
        search = search.where(data_id)
        if spatial is not None:
            search = search.where(f"{spatial}.region OVERLAPS region", bind={"region": selection.region})
        if dataset_type.isCalibration():
            x = query.expression_factory
            search = search.where(x[dataset_type.name].timespan.overlaps(selection.timespan))
        result = search.general(
            dataset_type.dimensions,
            dataset_fields={dataset_type.name: {"dataset_id", "run", "collection", "timespan"}},
            find_first=False,
        )
        rows = list(DatasetAssociation.from_query_result(result, dataset_type, infos))
    rows = [row for row in rows if _filter_matches(row.ref, selection)]
    return _first_found(rows, list(infos))


def _spatial_element(dataset_type: DatasetType) -> str | None:
    for element in ("patch", "tract"):
        if element in dataset_type.dimensions:
            return element
    universe = dataset_type.dimensions.universe
    pixels = [
        name
        for name in dataset_type.dimensions.names
        if isinstance(universe.dimensions[name], SkyPixDimension)
    ]
    return pixels[0] if pixels else None


def _any_band(dataset_type: DatasetType, selection: Selection) -> bool:
    """Say whether the type is one per band and the band is unknown: all would be too many."""
    return "band" in dataset_type.dimensions and "band" not in selection.data_id


def _filter_matches(ref: DatasetRef, selection: Selection) -> bool:
    if selection.filters is None or "physical_filter" not in ref.dimensions:
        return True
    return ref.dataId["physical_filter"] in selection.filters


def _first_found(rows: Iterable[DatasetAssociation], order: Sequence[str]) -> list[DatasetAssociation]:
    by_data_id: dict[object, list[DatasetAssociation]] = {}
    for row in sorted(rows, key=lambda row: order.index(row.collection)):
        members = by_data_id.setdefault(row.ref.dataId.required_values, [])
        if not members or members[0].collection == row.collection:
            members.append(row)
    return [row for members in by_data_id.values() for row in members]
