"""An attempt's datasets without a registry: all that a registry would tell is known beforehand.

Graphs are assembled (`adapters.butler.predicted.predicted_graph`), tasks run on a
quantum-backed Butler, dimension records are in memory.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from functools import partial
from pathlib import Path
from typing import Any, override
from uuid import UUID

from attrs import frozen
from lsst.daf.butler import (
    DataCoordinate,
    DatasetProvenance,
    DatasetRef,
    DatasetType,
    DimensionRecord,
    DimensionUniverse,
    FileDataset,
    QuantumBackedButler,
    StorageClass,
    StorageClassFactory,
)
from lsst.pipe.base.quantum_graph import PredictedQuantumGraphComponents
from lsst.pipe.base.single_quantum_executor import SingleQuantumExecutor
from lsst.resources import ResourcePath

from adapters.butler.inputs.inputs import Inputs
from adapters.butler.inputs.pipelines import LoadedPipeline
from adapters.butler.predicted.dataset_pool import DatasetPool
from adapters.butler.predicted.file_copies import copy_files
from adapters.butler.predicted.input_files import InputFiles
from adapters.butler.predicted.input_objects import InputObjects
from adapters.butler.predicted.known_records import CentralRecords, KnownRecords
from adapters.butler.predicted.pipeline_shape import PipelineShape
from adapters.butler.predicted.predicted_graph import assemble_graph
from adapters.butler.predicted.reread_objects import RereadObjects
from adapters.butler.predicted.rows import rows_of
from adapters.butler.predicted.stored_log import StoredLog
from adapters.butler.repository.datastores import LoneDatastore
from adapters.butler.repository.disk_reserve import DiskReserve
from adapters.butler.repository.execution import GraphRun, run_graph
from adapters.butler.repository.visit_repository import BeforeTask, CannotBuildError, Execution, Plan
from adapters.butler.shared.names import provenance_type
from adapters.butler.shared.steps import one_line

__all__ = ["PredictedRepository", "Surroundings"]


@frozen(kw_only=True)
class Surroundings:
    """What attempts share."""

    universe: DimensionUniverse
    central: LoneDatastore
    """Tells where files go in the central datastore; nothing is read from it."""
    records: CentralRecords
    files: InputFiles
    objects: InputObjects
    shape: Callable[[LoadedPipeline], PipelineShape]


class _NotingButler(QuantumBackedButler):
    """Says which datasets are complete, and knows some without reading them again."""

    note: Callable[[DatasetRef], None]
    objects: InputObjects
    reread: RereadObjects
    stored_refs: Mapping[UUID, DatasetRef]
    loaded: Set[UUID]
    reserve: DiskReserve

    @override
    def get(
        self,
        ref: DatasetRef,
        /,
        *,
        parameters: dict[str, Any] | None = None,
        storageClass: StorageClass | str | None = None,
    ) -> Any:
        """Read a dataset."""
        if not parameters and ref in self.objects:
            return self.objects.get(ref, storageClass)
        if parameters or storageClass or ref.isComponent():
            return super().get(ref, parameters=parameters, storageClass=storageClass)
        return self.reread.get(ref, partial(super().get, ref))

    @override
    def stored_many(self, refs: Iterable[DatasetRef]) -> dict[DatasetRef, bool]:
        """Say which datasets there are."""
        return {ref: ref.id in self.loaded or ref.id in self.stored_refs for ref in refs}

    @override
    def put(
        self, obj: object, ref: DatasetRef, /, *, provenance: DatasetProvenance | None = None
    ) -> DatasetRef:
        """Store a dataset."""
        result = self.reserve.write(partial(super().put, obj, ref, provenance=provenance))
        self.reserve.write(partial(self.note, result))
        return result


class PredictedRepository:
    """One attempt's datasets.

    Parameters
    ----------
    folder
        For its files.
    local
        The datastore of its files.
    surroundings
        What it shares with others.
    clock
        Seconds, monotonic.
    """

    def __init__(
        self,
        folder: Path,
        local: LoneDatastore,
        surroundings: Surroundings,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._folder = folder
        self._local = local
        self._shared = surroundings
        self._clock = clock
        self._records = KnownRecords(surroundings.records)
        self._pool = DatasetPool()
        self._log = StoredLog(folder)
        self._stored: dict[UUID, DatasetRef] = {}
        self._types: dict[str, DatasetType] = {}
        self._loaded: set[UUID] = set()

    @property
    def universe(self) -> DimensionUniverse:
        """See `VisitRepository.universe`."""
        return self._shared.universe

    def load(self, inputs: Inputs) -> None:
        """See `VisitRepository.load`."""
        files = self._shared.files.fetch(inputs.refs, inputs.init_outputs)
        self._local.know(files)
        self._shared.objects.read(self._local.datastore, inputs.everything, files)
        self._pool.load(inputs)
        self._loaded |= files.keys()

    def add_records(self, records: Sequence[DimensionRecord]) -> None:
        """See `VisitRepository.add_records`."""
        self._records.add(records)

    def put(self, thing: object, ref: DatasetRef) -> None:
        """See `VisitRepository.put`."""
        known = self._expanded(ref)
        self._local.datastore.put(thing, known)
        self._note(known)

    def get(self, ref: DatasetRef) -> Any:  # noqa: ANN401 - a dataset is anything
        """See `VisitRepository.get`."""
        return self._local.datastore.get(ref)

    def add_raw(self, path: Path, ref: DatasetRef, formatter: str | None = None) -> None:
        """See `VisitRepository.add_raw`."""
        self._take(path, self._expanded(ref), formatter)

    def _take(self, path: Path, ref: DatasetRef, formatter: str | None = None) -> None:
        """Make a file a dataset's."""
        file = FileDataset(str(path), [ref], formatter=formatter)
        self._local.datastore.ingest(file, transfer="move", record_validation_info=False)
        self._note(ref)

    def _expanded(self, ref: DatasetRef) -> DatasetRef:
        (data_id,) = self._records.expand(ref.dimensions, [ref.dataId])
        return ref.expanded(data_id)

    def _note(self, ref: DatasetRef) -> None:
        """Remember a dataset that is complete, under its own type's storage class."""
        own = self._types.get(ref.datasetType.name, ref.datasetType)
        known = DatasetRef(own, ref.dataId, run=ref.run, id=ref.id)
        self._stored[ref.id] = known
        self._pool.put(known)
        self._log.dataset(known)

    def know(self, refs: Sequence[DatasetRef]) -> None:
        """Take over datasets that another process stored."""
        expanded = [self._expanded(ref) for ref in refs]
        self._local.expect(expanded)
        self._stored.update({ref.id: ref for ref in expanded})

    def execute(self, plan: Plan, before_task: BeforeTask) -> Execution:
        """See `VisitRepository.execute`."""
        began = self._clock()
        components = self._assemble(plan)
        built = self._clock()
        result = self._run(components, plan, before_task)
        seconds = {"graph": built - began, "run": self._clock() - built, **result.seconds}
        return Execution(
            failures=result.failures, seconds=seconds, away=result.away, is_refused=result.is_refused
        )

    def _assemble(self, plan: Plan) -> PredictedQuantumGraphComponents:
        graph = plan.pipeline.graph
        try:
            components = assemble_graph(
                graph,
                self._shared.shape(plan.pipeline),
                rows_of(plan, self._records, self.universe),
                pool=self._pool,
                records=self._records,
                ids=plan.ids,
                run=plan.run,
                earlier=plan.earlier,
            )
        # Tasks take part in it, so it can end in any error.
        except Exception as error:
            raise CannotBuildError(one_line(error)) from error
        if not components.quantum_datasets:
            raise CannotBuildError("nothing to run on these data")
        self._types.update({node.name: node.dataset_type for node in graph.dataset_types.values()})
        return components

    def _run(
        self, components: PredictedQuantumGraphComponents, plan: Plan, before_task: BeforeTask
    ) -> GraphRun:
        kind = provenance_type(self.universe)
        data_id = DataCoordinate.standardize(plan.data_id, dimensions=kind.dimensions)
        ref = self._expanded(plan.ids.ref(kind, data_id, plan.run))
        extension = self._local.datastore.getURI(ref, predict=True).getExtension()
        path = self._folder / f"provenance{extension}"
        butler = self._butler(components, plan.reserve)
        executor = SingleQuantumExecutor(butler=butler, assume_no_existing_outputs=True)
        result = run_graph(
            components.assemble(), executor, str(path), before_task, clock=self._clock, reserve=plan.reserve
        )
        if result.provenance:
            self._take(path, ref)
        return result

    def _butler(
        self, components: PredictedQuantumGraphComponents, reserve: DiskReserve
    ) -> QuantumBackedButler:
        quanta = [*components.init_quanta.root, *components.quantum_datasets.values()]
        outputs = {number for quantum in quanta for number in quantum.iter_output_dataset_ids()}
        inputs = {number for quantum in quanta for number in quantum.iter_input_dataset_ids()}
        butler = _NotingButler(
            predicted_inputs=inputs - outputs,
            predicted_outputs=outputs,
            dimensions=self.universe,
            datastore=self._local.datastore,
            storageClasses=StorageClassFactory(),
            dataset_types=self._types,
        )
        butler.note = self._note
        butler.objects = self._shared.objects
        butler.reread = RereadObjects.of(quantum.iter_input_dataset_ids() for quantum in quanta)
        butler.stored_refs = self._stored
        butler.loaded = self._loaded
        butler.reserve = reserve
        return butler

    def outputs(self, runs: Sequence[str]) -> Sequence[DatasetRef]:
        """See `VisitRepository.outputs`."""
        return [ref for ref in self._stored.values() if ref.run in runs]

    def copy_out(self, refs: Sequence[DatasetRef]) -> Sequence[FileDataset]:
        """See `VisitRepository.copy_out`."""
        central = self._shared.central.datastore
        root = next(root for root in central.roots.values() if root is not None)
        files: list[FileDataset] = []
        moves: list[tuple[ResourcePath, ResourcePath]] = []
        for file in self._local.datastore.export(refs, directory=None, transfer="direct"):
            place = central.getURI(file.refs[0], predict=True)
            moves.append((ResourcePath(file.path), place))
            path = place.relative_to(root) or place.geturl()
            files.append(FileDataset(path, file.refs, formatter=file.formatter))
        copy_files(moves)
        return files

    def close(self) -> None:
        """See `VisitRepository.close`."""
        self._log.close()
