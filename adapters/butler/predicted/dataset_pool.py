"""The datasets that one attempt can read, and how tasks' prerequisites are found among them.

These are the rules of the middleware's own graph builder
(`lsst.pipe.base.prerequisite_helpers`), applied to datasets in memory.
"""

from collections import defaultdict
from collections.abc import Sequence

from lsst.daf.butler import (
    CalibrationLookupError,
    DataCoordinate,
    DatasetRef,
    DimensionGroup,
    SkyPixDimension,
    Timespan,
)
from lsst.pipe.base.pipeline_graph import DatasetTypeNode, TaskNode
from lsst.sphgeom import Region

from adapters.butler.inputs.inputs import Found, Inputs

__all__ = ["DatasetPool", "overlap"]


class DatasetPool:
    """Datasets by type and data id; all data ids have their dimension records."""

    def __init__(self) -> None:
        self._refs: dict[str, dict[tuple[str | int, ...], DatasetRef]] = defaultdict(dict)
        self._validity: dict[str, list[Found]] = defaultdict(list)
        self._empty: dict[str, dict[str, DatasetRef]] = defaultdict(dict)

    def load(self, inputs: Inputs) -> None:
        """Add what was found in the central repositories."""
        for ref in inputs.everything:
            self.put(ref)
        for found in inputs.certified:
            self._validity[found.ref.datasetType.name].append(found)

    def put(self, ref: DatasetRef) -> None:
        """Add a dataset; it takes the place of an older one with its data id."""
        name = ref.datasetType.name
        if ref.dimensions:
            self._refs[name][ref.dataId.required_values] = ref
        else:
            self._empty[name][ref.run] = ref

    def empty(self, name: str, runs: Sequence[str]) -> DatasetRef | None:
        """Find a dataset without dimensions, in these runs before all others."""
        known = self._empty[name]
        order = [*(run for run in runs if run in known), *known]
        return known[order[0]] if order else None

    def get(self, name: str, data_id: DataCoordinate) -> DatasetRef | None:
        """Find a dataset by its own data id."""
        return self._refs[name].get(data_id.required_values)

    def places(self, sky: DimensionGroup) -> list[DataCoordinate]:
        """List the places on the sky that any dataset is for."""
        refs = (ref for members in self._refs.values() for ref in members.values())
        found = {ref.dataId.subset(sky) for ref in refs if sky.names <= ref.dimensions.names}
        return sorted(found)

    def prerequisites(
        self, task: TaskNode, node: DatasetTypeNode, data_id: DataCoordinate
    ) -> Sequence[DatasetRef]:
        """Find the prerequisites of one quantum on one of its connections.

        Parameters
        ----------
        task, node
            The task, and the dataset type of the connection.
        data_id
            Of the quantum.

        Raises
        ------
        CalibrationLookupError
            Raised if more than one calibration is valid.
        """
        if node.is_calibration and task.dimensions.temporal:
            return self._valid(node.name, data_id, data_id.timespan)
        if not node.dimensions:
            ref = self.empty(node.name, ())
            return [] if ref is None else [ref]
        near = bool(node.dimensions.spatial - task.dimensions.spatial)
        return [
            ref
            for ref in self._refs[node.name].values()
            if _agrees(ref, data_id) and (not near or _overlaps(ref, data_id.region))
        ]

    def _valid(self, name: str, data_id: DataCoordinate, span: Timespan | None) -> Sequence[DatasetRef]:
        certified = [found for found in self._validity[name] if _agrees(found.ref, data_id)]
        if not certified:
            return [ref for ref in self._refs[name].values() if _agrees(ref, data_id)]
        valid = {found.ref for found in certified if span is None or _during(found, span)}
        if len(valid) > 1:
            raise CalibrationLookupError(f"{len(valid)} datasets {name} are valid for {data_id}")
        return list(valid)


def _during(found: Found, span: Timespan) -> bool:
    return found.timespan is None or found.timespan.overlaps(span)


def _agrees(ref: DatasetRef, data_id: DataCoordinate) -> bool:
    shared = ref.dimensions.names & data_id.dimensions.names
    return all(ref.dataId[name] == data_id[name] for name in shared)


def _overlaps(ref: DatasetRef, region: Region | None) -> bool:
    if region is None:
        return False
    universe = ref.dimensions.universe
    for name in ref.dimensions.skypix:
        pixels = universe.dimensions[name]
        if isinstance(pixels, SkyPixDimension):
            index = int(ref.dataId[name])
            return any(begin <= index < end for begin, end in pixels.pixelization.envelope(region))
    return overlap(ref.dataId.region, region)


def overlap(one: Region | None, other: Region | None) -> bool:
    """Say whether two regions overlap; not to be known apart counts, as it does in the registry."""
    return one is not None and other is not None and one.overlaps(other) is not False
