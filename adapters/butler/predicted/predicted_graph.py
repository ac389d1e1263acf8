"""The graph of a visit-detector, assembled from what is known, without a query.

A visit-detector's data ids are few: an exposure each, with its visit and group.
The graph is what the query-driven builder of the middleware makes of them; that
builder is the oracle of the tests.
"""

from collections.abc import Iterable, Mapping, Sequence

from lsst.daf.butler import (
    DataCoordinate,
    DatasetRef,
    DatasetType,
    DimensionGroup,
    NamedKeyDict,
    NamedKeyMapping,
)
from lsst.pipe.base import AdjustQuantumHelper, NoWorkFound
from lsst.pipe.base.pipeline_graph import Edge, PipelineGraph, TaskNode
from lsst.pipe.base.quantum_graph import (
    PredictedDatasetModel,
    PredictedQuantumDatasetsModel,
    PredictedQuantumGraphComponents,
)

from adapters.butler.predicted.dataset_pool import DatasetPool, overlap
from adapters.butler.predicted.known_records import KnownRecords
from adapters.butler.predicted.pipeline_shape import Part, PipelineShape
from adapters.butler.repository.dataset_ids import DatasetIds

__all__ = ["Row", "assemble_graph"]

type Row = Mapping[str, str | int]
"""Values of all dimensions that go together: an exposure, its visit, its group, ..."""

type _Refs = NamedKeyDict[DatasetType, list[DatasetRef]]


def assemble_graph(
    graph: PipelineGraph,
    shape: PipelineShape,
    rows: Sequence[Row],
    *,
    pool: DatasetPool,
    records: KnownRecords,
    ids: DatasetIds,
    run: str,
    earlier: Sequence[str],
) -> PredictedQuantumGraphComponents:
    """Assemble the graph of a pipeline.

    Parameters
    ----------
    graph, shape
        The pipeline.
    rows
        Its data.
    pool
        What it can read.
    records
        Dimension records of all of them.
    ids
        Of what it will write.
    run
        Where it will write.
    earlier
        Runs to read before all others.

    Returns
    -------
    components
        Without quanta if there is nothing to do.

    Raises
    ------
    Exception
        Whatever a task raises when it is shown what there is for it.
    """
    assembly = _Assembly(graph, pool=pool, records=records, ids=ids, run=run, earlier=earlier)
    for part in shape.parts:
        assembly.add(part, rows)
    return assembly.finish()


class _Assembly:
    """A graph on the way."""

    def __init__(
        self,
        graph: PipelineGraph,
        *,
        pool: DatasetPool,
        records: KnownRecords,
        ids: DatasetIds,
        run: str,
        earlier: Sequence[str],
    ) -> None:
        self._graph = graph
        self._pool = pool
        self._ids = ids
        self._run = run
        self._earlier = earlier
        self._made: dict[str, dict[tuple[str | int, ...], DatasetRef]] = {}
        self._expanded: dict[tuple[DimensionGroup, tuple[str | int, ...]], DataCoordinate] = {}
        self._attacher = records.attacher(graph.get_all_dimensions())
        self._components = PredictedQuantumGraphComponents(pipeline_graph=graph)
        self._components.header.output_run = run
        self._components.dimension_data = self._attacher

    def finish(self) -> PredictedQuantumGraphComponents:
        self._components.set_thin_graph()
        self._components.set_header_counts()
        return self._components

    def add(self, part: Part, rows: Sequence[Row]) -> None:
        """Add the quanta of tasks that have to do with one another."""
        joined = [wider for row in rows for wider in self._with_places(part, row)]
        usable = [row for row in joined if part.dimensions.names <= row.keys()]
        for name, dimensions in part.constraints.items():
            usable = [row for row in usable if self._existing(name, dimensions, row) is not None]
        for label in part.labels:
            self._add_task(self._graph.tasks[label], usable)

    def _with_places(self, part: Part, row: Row) -> list[Row]:
        """Join a row with each place on the sky that its detector overlaps."""
        if not part.sky:
            return [row]
        observed = part.dimensions.universe.conform(["visit", "detector"])
        if not observed.names <= row.keys():
            return []
        region = self._data_id(observed, row).region
        return [
            {**row, **place.mapping} for place in self._pool.places(part.sky) if overlap(place.region, region)
        ]

    def _add_task(self, task: TaskNode, rows: Sequence[Row]) -> None:
        by_data_id: dict[DataCoordinate, list[Row]] = {}
        for row in rows:
            by_data_id.setdefault(self._data_id(task.dimensions, row), []).append(row)
        quanta = [self._quantum(task, data_id, members) for data_id, members in sorted(by_data_id.items())]
        for quantum in quanta:
            if quantum is not None:
                self._components.quantum_datasets[quantum.quantum_id] = quantum
        if any(quanta):
            self._components.init_quanta.root.append(self._init_quantum(task))

    def _quantum(
        self, task: TaskNode, data_id: DataCoordinate, rows: Sequence[Row]
    ) -> PredictedQuantumDatasetsModel | None:
        """Make one quantum; None if it has nothing to do."""
        connections = task.get_connections()
        helper = AdjustQuantumHelper(
            inputs=self._inputs(task, data_id, rows), outputs=self._outputs(task, rows)
        )
        try:
            helper.adjust_in_place(connections, task.label, data_id)
        except NoWorkFound:
            return None
        if helper.outputs_adjusted and not any(helper.outputs.values()):
            return None
        for refs in helper.outputs.values():
            for ref in refs:
                name = ref.datasetType.nameAndComponent()[0]
                self._made.setdefault(name, {})[ref.dataId.required_values] = self._general(ref)
        return PredictedQuantumDatasetsModel.model_construct(
            quantum_id=self._ids.quantum(task.label, self._run, data_id.required_values),
            task_label=task.label,
            data_coordinate=list(data_id.full_values),
            inputs=_models(task.iter_all_inputs(), helper.inputs),
            outputs=_models(task.iter_all_outputs(), helper.outputs),
            datastore_records={},
        )

    def _general(self, ref: DatasetRef) -> DatasetRef:
        """Undo what a connection does to a reference: its storage class."""
        return self._graph.dataset_types[ref.datasetType.nameAndComponent()[0]].generalize_ref(ref)

    def _outputs(self, task: TaskNode, rows: Sequence[Row]) -> _Refs:
        outputs: _Refs = NamedKeyDict()
        for edge in task.iter_all_outputs():
            node = self._graph.dataset_types[edge.parent_dataset_type_name]
            refs = {
                self._ids.ref(node.dataset_type, self._data_id(node.dimensions, row), self._run)
                for row in rows
            }
            outputs[edge.adapt_dataset_type(node.dataset_type)] = [
                edge.adapt_dataset_ref(ref) for ref in sorted(refs)
            ]
        return outputs

    def _inputs(self, task: TaskNode, data_id: DataCoordinate, rows: Sequence[Row]) -> _Refs:
        inputs: _Refs = NamedKeyDict()
        for edge in task.iter_all_inputs():
            node = self._graph.dataset_types[edge.parent_dataset_type_name]
            kind = edge.adapt_dataset_type(node.dataset_type)
            if kind in inputs:
                continue  # Two connections may read the same datasets.
            if edge.is_prerequisite:
                refs = set(self._pool.prerequisites(task, node, data_id))
            else:
                found = [self._existing(node.name, node.dimensions, row) for row in rows]
                refs = {ref for ref in found if ref is not None}
            inputs[kind] = [edge.adapt_dataset_ref(ref) for ref in sorted(refs)]
        return inputs

    def _existing(self, name: str, dimensions: DimensionGroup, row: Row) -> DatasetRef | None:
        """Find a dataset that there is, or that an earlier quantum will make."""
        data_id = self._data_id(dimensions, row)
        if self._graph.producer_of(name) is not None:
            return self._made.get(name, {}).get(data_id.required_values)
        if not dimensions:
            return self._pool.empty(name, self._earlier)
        return self._pool.get(name, data_id)

    def _init_quantum(self, task: TaskNode) -> PredictedQuantumDatasetsModel:
        return PredictedQuantumDatasetsModel.model_construct(
            quantum_id=self._ids.quantum(task.label, self._run, ("init",)),
            task_label=task.label,
            inputs=self._init_datasets(task.init.iter_all_inputs()),
            outputs=self._init_datasets(task.init.iter_all_outputs()),
            datastore_records={},
        )

    def _init_datasets(self, edges: Iterable[Edge]) -> dict[str, list[PredictedDatasetModel]]:
        datasets: dict[str, list[PredictedDatasetModel]] = {}
        for edge in edges:
            name = edge.parent_dataset_type_name
            own = self._graph.producer_of(name) is not None
            ref = self._pool.empty(name, (self._run,) if own else self._earlier)
            if ref is None:
                raise LookupError(f"init-dataset {name} is not there")
            datasets[edge.connection_name] = [PredictedDatasetModel.from_dataset_ref(ref)]
        return datasets

    def _data_id(self, dimensions: DimensionGroup, row: Row) -> DataCoordinate:
        """Take the data id of these dimensions from a row, with its records."""
        values = tuple(row[name] for name in dimensions.data_coordinate_keys)
        key = dimensions, values
        if key not in self._expanded:
            plain = DataCoordinate.from_full_values(dimensions, values)
            (self._expanded[key],) = self._attacher.attach(dimensions, [plain])
        return self._expanded[key]


def _models(
    edges: Iterable[Edge], refs: NamedKeyMapping[DatasetType, Sequence[DatasetRef]]
) -> dict[str, list[PredictedDatasetModel]]:
    return {
        edge.connection_name: [
            PredictedDatasetModel.from_dataset_ref(ref) for ref in refs[edge.dataset_type_name]
        ]
        for edge in edges
    }
