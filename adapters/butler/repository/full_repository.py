"""An attempt's datasets in a local repository of its own, registry and all.

Graphs are built by queries, as everybody's are. It is the plain way, and the
one that faster ways are measured against.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lsst.daf.butler import (
    Butler,
    DataCoordinate,
    DatasetRef,
    DimensionRecord,
    DimensionUniverse,
    FileDataset,
    Timespan,
)
from lsst.daf.butler._rubin.temporary_for_ingest import TemporaryForIngest
from lsst.pipe.base.all_dimensions_quantum_graph_builder import AllDimensionsQuantumGraphBuilder
from lsst.pipe.base.quantum_graph import PredictedQuantumGraph
from lsst.pipe.base.single_quantum_executor import SingleQuantumExecutor

from adapters.butler.inputs.input_queries import InputQueries
from adapters.butler.inputs.inputs import Found, Inputs
from adapters.butler.inputs.pipelines import LoadedPipeline
from adapters.butler.repository.datastores import copy_datasets
from adapters.butler.repository.execution import GraphRun, run_graph
from adapters.butler.repository.local_template import LocalTemplate
from adapters.butler.repository.visit_repository import BeforeTask, CannotBuildError, Execution, Plan
from adapters.butler.shared.central_repository import CentralRepositories
from adapters.butler.shared.names import CollectionType, provenance_type
from adapters.butler.shared.records import insert_records
from adapters.butler.shared.steps import one_line

__all__ = ["FullRepositories", "FullRepository"]


class FullRepositories:
    """Makes repositories from a template.

    Parameters
    ----------
    shared
        Where inputs come from and outputs go.
    template
        What each repository begins as.
    clock
        Seconds, monotonic.
    """

    def __init__(
        self,
        shared: CentralRepositories,
        template: LocalTemplate,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._shared = shared
        self._template = template
        self._clock = clock
        self._finder = InputQueries(shared)

    @property
    def finder(self) -> InputQueries:
        """See `VisitRepositories.finder`."""
        return self._finder

    def create(
        self,
        folder: Path,
        collections: Sequence[str],
        pipelines: Sequence[LoadedPipeline],  # noqa: ARG002 - it can run any
    ) -> "FullRepository":
        """See `VisitRepositories.create`."""
        butler = self._template.copy(folder)
        _mirror(self._shared.reader, butler, collections)
        return FullRepository(butler, self._shared, self._clock)

    def reopen(
        self,
        folder: Path,
        records: Sequence[Any],  # noqa: ARG002 - it has them itself
    ) -> "FullRepository":
        """See `VisitRepositories.reopen`."""
        return FullRepository(self._template.open(folder), self._shared, self._clock)

    def close(self) -> None:
        """See `VisitRepositories.close`."""


def _mirror(central: Butler, local: Butler, names: Sequence[str]) -> None:
    """Make the same collections, empty, chains as they are there."""
    if not names:
        return
    infos = central.collections.query_info(names, flatten_chains=True, include_chains=True)
    for info in infos:
        local.collections.register(info.name, info.type)
    for info in infos:
        if info.type is CollectionType.CHAINED:
            local.collections.redefine_chain(info.name, info.children)


class FullRepository:
    """One attempt's repository.

    Parameters
    ----------
    butler
        The local repository.
    shared
        Where inputs come from and outputs go.
    clock
        Seconds, monotonic.
    """

    def __init__(
        self, butler: Butler, shared: CentralRepositories, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._butler = butler
        self._shared = shared
        self._clock = clock

    def load(self, inputs: Inputs) -> None:
        """See `VisitRepository.load`."""
        sources = ((self._shared.reader, inputs.refs), (self._shared.outputs, inputs.init_outputs))
        for source, refs in sources:
            self._butler.transfer_from(
                source,
                refs,
                transfer="copy",
                skip_missing=False,
                register_dataset_types=True,
                transfer_dimensions=True,
            )
        groups: dict[tuple[str, Timespan], list[Found]] = defaultdict(list)
        for member in inputs.certified:
            if member.timespan is not None:
                groups[member.collection, member.timespan].append(member)
        for (collection, timespan), members in groups.items():
            self._butler.collections.register(collection, CollectionType.CALIBRATION)
            self._butler.registry.certify(collection, [member.ref for member in members], timespan)

    @property
    def universe(self) -> DimensionUniverse:
        """See `VisitRepository.universe`."""
        return self._butler.dimensions

    def put(self, thing: object, ref: DatasetRef) -> None:
        """See `VisitRepository.put`."""
        self._butler.put(thing, self._expected(ref))

    def get(self, ref: DatasetRef) -> Any:  # noqa: ANN401 - a dataset is anything
        """See `VisitRepository.get`."""
        return self._butler.get(ref)

    def add_records(self, records: Sequence[DimensionRecord]) -> None:
        """See `VisitRepository.add_records`."""
        insert_records(self._butler, records)

    def add_raw(self, path: Path, ref: DatasetRef, formatter: str | None = None) -> None:
        """See `VisitRepository.add_raw`."""
        file = FileDataset(str(path), [self._expected(ref)], formatter=formatter)
        self._butler.ingest(file, transfer="move", record_validation_info=False)

    def _expected(self, ref: DatasetRef) -> DatasetRef:
        """Make ready for a dataset: its type, its run, the records of its data id."""
        self._butler.registry.registerDatasetType(ref.datasetType)
        self._butler.collections.register(ref.run)
        return ref.expanded(self._butler.registry.expandDataId(ref.dataId))

    def execute(self, plan: Plan, before_task: BeforeTask) -> Execution:
        """See `VisitRepository.execute`."""
        began = self._clock()
        for run in (plan.run, *plan.earlier):
            self._butler.collections.register(run)
        plan.pipeline.graph.register_dataset_types(self._butler)
        graph = self._build(plan)
        built = self._clock()
        result = self._run(graph, plan, before_task)
        seconds = {"graph": built - began, "run": self._clock() - built, **result.seconds}
        return Execution(
            failures=result.failures, seconds=seconds, away=result.away, is_refused=result.is_refused
        )

    def _run(self, graph: PredictedQuantumGraph, plan: Plan, before_task: BeforeTask) -> GraphRun:
        dataset_type = provenance_type(self.universe)
        data_id = DataCoordinate.standardize(plan.data_id, dimensions=dataset_type.dimensions)
        ref = self._expected(plan.ids.ref(dataset_type, data_id, plan.run))
        executor = SingleQuantumExecutor(
            butler=self._butler.clone(run=plan.run), assume_no_existing_outputs=True
        )

        def before(label: str) -> None:
            before_task(label)
            # Its registry is written to as well, in transactions: none can be begun again.
            plan.reserve.release()

        with TemporaryForIngest(self._butler, ref) as temporary:
            result = run_graph(
                graph, executor, temporary.ospath, before, clock=self._clock, reserve=plan.reserve
            )
            if result.provenance:
                temporary.ingest(record_validation_info=False)
        return result

    def _build(self, plan: Plan) -> PredictedQuantumGraph:
        where, bind = _constraint(plan)
        try:
            builder = AllDimensionsQuantumGraphBuilder(
                plan.pipeline.graph.copy(),
                self._butler,
                where=where,
                bind=bind,
                input_collections=[*plan.earlier, *plan.inputs],
                output_run=plan.run,
            )
            components = builder.finish(attach_datastore_records=False)
        # Tasks take part in it, so it can end in any error.
        except Exception as error:
            raise CannotBuildError(one_line(error)) from error
        if not components.quantum_datasets:
            raise CannotBuildError("nothing to run on these data")
        plan.ids.give_to(components)
        return components.assemble()

    def outputs(self, runs: Sequence[str]) -> Sequence[DatasetRef]:
        """See `VisitRepository.outputs`."""
        for run in runs:
            self._butler.collections.register(run)
        if not runs:
            return []
        refs = self._butler.query_all_datasets(list(runs), find_first=False, limit=None)
        there = self._butler.stored_many(refs)
        return [ref for ref in refs if there[ref]]

    def copy_out(self, refs: Sequence[DatasetRef]) -> Sequence[FileDataset]:
        """See `VisitRepository.copy_out`."""
        return copy_datasets(self._butler, self._shared.write_config, refs)

    def close(self) -> None:
        """See `VisitRepository.close`."""
        self._butler.close()


def _constraint(plan: Plan) -> tuple[str, dict[str, Any]]:
    bind: dict[str, Any] = {name: plan.data_id[name] for name in ("instrument", "detector")}
    where = "instrument = :instrument AND detector = :detector"
    if plan.exposures:
        return f"{where} AND exposure IN (:exposures)", {**bind, "exposures": list(plan.exposures)}
    return f"{where} AND group = :group", {**bind, "group": plan.data_id["group"]}
