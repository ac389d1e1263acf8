"""Today's sequence, ported in the straightforward way, to compare with: nothing is kept from visit to visit.

It uses the Butler as its documentation teaches: a local repository with a
registry for each visit, a query for each dataset type, graphs built by
queries, outputs found by queries, and the repository emptied afterwards.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

from lsst.daf.butler import (  # type: ignore[attr-defined]  # CollectionType is public, not marked as such
    Butler,
    ButlerConfig,
    CollectionType,
    DatasetRef,
    DatasetType,
    FileDataset,
    MissingDatasetTypeError,
    Timespan,
)
from lsst.daf.butler._rubin.file_datasets import transfer_datasets_to_datastore
from lsst.pipe.base import Pipeline
from lsst.pipe.base.mp_graph_executor import MPGraphExecutor
from lsst.pipe.base.pipeline_graph import PipelineGraph
from lsst.pipe.base.separable_pipeline_executor import SeparablePipelineExecutor
from lsst.pipe.base.single_quantum_executor import SingleQuantumExecutor
from lsst.pipe.base.utils import RegionTimeInfo
from lsst.resources import ResourcePath

from adapters.butler.camera.camera_stack import OurCameraStack
from adapters.butler.shared.messages import encode, pack_records
from adapters.butler.shared.names import provenance_type, raw_run, region_time_type
from adapters.butler.shared.records import insert_records, make_record
from adapters.butler.workspace.selection import select
from benchmarks.visits.visit_night import DEPLOYMENT, ROOT, Job, Workload
from domain.runs import chain, input_collections, output_run, preload_run
from ports.workspace import Assignment
from prompt_pipelines.repository import butler_config

__all__ = ["StraightforwardWorker"]

_OBSERVED = frozenset({"exposure", "visit"})
_PADDING = 30.0  # arcseconds


class StraightforwardWorker:
    """Works on one visit-detector after the other.

    Parameters
    ----------
    night
        The night.
    job
        The pipelines.
    folder
        Where its repository is made for each visit.
    """

    def __init__(self, night: Workload, job: Job, folder: Path) -> None:
        self._night = night
        self._job = job
        self._folder = folder
        self._instrument = night.camera.instrument
        self._stack = OurCameraStack(night.camera)
        self._chain = chain(self._instrument, night.day)
        names = input_collections(self._instrument)
        self._inputs = [names.defaults, names.calibrations, names.reference_catalogues, names.templates]
        self._assignment: Assignment

    def prepare(self, number: int) -> None:
        """Preload and preprocess."""
        self._assignment = self._night.assignment(self._job, number)
        self._central = Butler.from_config(str(self._night.repository))
        self._make_repository()
        preprocessing, main = (self._pipeline(file) for file in (self._job.preprocessing, self._job.main))
        self._runs = [output_run(self._chain, self._job.preprocessing, DEPLOYMENT)]
        self._preload(preprocessing, main)
        self._run(self._job.preprocessing, f"group = '{self._assignment.work.visit.group}'")

    def _make_repository(self) -> None:
        Butler.makeRepo(
            str(self._folder),
            config=butler_config(),
            dimensionConfig=self._central.dimensions.dimensionConfig,
        )
        self._local = Butler.from_config(str(self._folder), writeable=True)
        for element in ("instrument", "detector", "physical_filter", "visit_system"):
            records = self._central.query_dimension_records(element, instrument=self._instrument)
            self._local.registry.insertDimensionData(element, *records)
        for info in self._central.collections.query_info(
            self._inputs, flatten_chains=True, include_chains=True
        ):
            self._local.collections.register(info.name, info.type)
        for name in self._inputs:
            info = self._central.collections.get_info(name)
            if info.type is CollectionType.CHAINED:
                self._local.collections.redefine_chain(name, info.children)

    def _pipeline(self, file: str) -> PipelineGraph:
        pipeline = Pipeline.from_uri(str(ROOT / file))
        pipeline.addConfigOverride("parameters", "apdb_config", self._night.apdb)
        return pipeline.to_graph(registry=self._central.registry)

    def _preload(self, *graphs: PipelineGraph) -> None:
        """Copy what the pipelines read and do not make."""
        made = {
            node.name
            for graph in graphs
            for node in graph.dataset_types.values()
            if graph.producer_of(node.name) is not None
        }
        wanted = {
            name: node.dataset_type
            for graph in graphs
            for name, node in graph.iter_overall_inputs()
            if node is not None and name not in made and not _OBSERVED & node.dimensions.names
        }
        for dataset_type in wanted.values():
            self._preload_type(dataset_type)
        for file in (self._job.preprocessing, self._job.main):
            run = output_run(self._chain, file, DEPLOYMENT)
            refs = self._central.query_all_datasets(run, find_first=False)
            own = [ref for ref in refs if not ref.dimensions]
            self._local.transfer_from(self._central, own, transfer="copy", register_dataset_types=True)
        visit = self._assignment.work.visit
        group = make_record(self._local.dimensions, "group", instrument=visit.instrument, name=visit.group)
        insert_records(self._local, [group])
        self._tell_region()

    def _preload_type(self, dataset_type: DatasetType) -> None:
        selection, _ = select(
            self._night.camera,
            self._stack,
            self._assignment.work,
            skymap=self._night.skymap,
            padding=_PADDING,
        )
        data_id = {
            name: value for name, value in selection.data_id.items() if name in dataset_type.dimensions
        }
        spatial = next((name for name in ("htm7", "patch") if name in dataset_type.dimensions), None)
        where = "" if spatial is None else f"{spatial}.region OVERLAPS region"
        bind = {} if spatial is None else {"region": selection.region}
        try:
            refs = self._central.query_datasets(
                dataset_type.name,
                collections=self._inputs,
                data_id=data_id,
                where=where,
                bind=bind,
                with_dimension_records=True,
                explain=False,
            )
        except MissingDatasetTypeError:
            return
        self._local.transfer_from(
            self._central, refs, transfer="copy", register_dataset_types=True, transfer_dimensions=True
        )
        if dataset_type.isCalibration():
            self._certify(dataset_type, refs)

    def _certify(self, dataset_type: DatasetType, refs: Sequence[DatasetRef]) -> None:
        wanted = {ref.id: ref for ref in refs}
        associations = self._central.registry.queryDatasetAssociations(
            dataset_type, self._inputs, collectionTypes={CollectionType.CALIBRATION}, flattenChains=True
        )
        for association in associations:
            if association.ref.id in wanted:
                span = association.timespan or Timespan(None, None)
                self._local.registry.certify(association.collection, [wanted[association.ref.id]], span)

    def _tell_region(self) -> None:
        visit = self._assignment.work.visit
        selection, _ = select(
            self._night.camera,
            self._stack,
            self._assignment.work,
            skymap=self._night.skymap,
            padding=_PADDING,
        )
        if selection.region is None:
            raise RuntimeError("the visit has no place on the sky")
        run = preload_run(self._chain, DEPLOYMENT)
        self._runs.append(run)
        kind = region_time_type(self._local.dimensions)
        self._local.registry.registerDatasetType(kind)
        self._local.collections.register(run)
        self._local.put(
            RegionTimeInfo(region=selection.region, timespan=selection.timespan),
            kind,
            instrument=visit.instrument,
            group=visit.group,
            detector=self._assignment.work.detector,
            run=run,
        )

    def ingest(self, number: int) -> None:
        """Fetch the raw, register it, define its visit."""
        raw = self._night.visits[number][1]
        path = self._folder / "raw.fits"
        ResourcePath(path).transfer_from(ResourcePath(raw.uri), transfer="copy")
        exposure = self._stack.read(path, raw)
        self._exposure = exposure.exposure
        self._records = self._stack.records(self._local.dimensions, exposure)
        insert_records(self._local, self._records)
        kind = self._central.get_dataset_type("raw")
        run = raw_run(self._instrument)
        self._local.registry.registerDatasetType(kind)
        self._local.collections.register(run)
        data_id = self._local.registry.expandDataId(
            instrument=self._instrument, exposure=exposure.exposure, detector=exposure.detector
        )
        self._local.ingest(FileDataset(str(path), [DatasetRef(kind, data_id, run)]), transfer="move")
        self._runs.append(run)

    def process(self, number: int) -> None:  # noqa: ARG002 - all workers are called alike
        """Run the main pipeline."""
        self._runs.append(output_run(self._chain, self._job.main, DEPLOYMENT))
        self._run(self._job.main, f"exposure = {self._exposure}")

    def _run(self, file: str, where: str) -> None:
        run = output_run(self._chain, file, DEPLOYMENT)
        self._local.collections.register(run)
        butler = self._local.clone(collections=[*self._runs, *self._inputs], run=run)
        pipeline = Pipeline.from_uri(str(ROOT / file))
        pipeline.addConfigOverride("parameters", "apdb_config", self._night.apdb)
        executor = SeparablePipelineExecutor(butler, clobber_output=True)
        detector = self._assignment.work.detector
        graph = executor.build_quantum_graph(
            pipeline, f"instrument = '{self._instrument}' AND detector = {detector} AND {where}"
        )
        if not len(graph):
            raise RuntimeError(f"{file}: nothing to run")
        executor.pre_execute_qgraph(
            graph, register_dataset_types=True, save_init_outputs=False, save_versions=False
        )
        kind = provenance_type(butler.dimensions)
        butler.registry.registerDatasetType(kind)
        visit = self._assignment.work.visit
        data_id = butler.registry.expandDataId(
            instrument=visit.instrument, group=visit.group, detector=detector
        )
        executor.run_pipeline(
            graph,
            graph_executor=MPGraphExecutor(
                num_proc=1,
                timeout=86_400.0,
                quantum_executor=SingleQuantumExecutor(butler=butler, assume_no_existing_outputs=True),
            ),
            provenance_dataset_ref=DatasetRef(kind, data_id, run),
        )

    def export(self, number: int) -> bytes:  # noqa: ARG002 - all workers are called alike
        """Find the outputs, copy them, write the message to the Butler Writer."""
        refs: list[DatasetRef] = []
        for kind in self._local.registry.queryDatasetTypes():
            if kind.name != "raw" and "detector" in kind.dimensions and not kind.isCalibration():
                refs += self._local.query_datasets(
                    kind.name,
                    collections=self._runs,
                    find_first=False,
                    with_dimension_records=True,
                    explain=False,
                )
        files = transfer_datasets_to_datastore(self._local, ButlerConfig(str(self._night.repository)), refs)
        records = [
            record
            for ref in refs
            for name in ref.dataId.dimensions.elements
            if (record := ref.dataId.records[name]) is not None
            and name in {"group", "day_obs", "exposure", "visit"}
        ]
        types = list({ref.datasetType.name: ref.datasetType for ref in refs}.values())
        return encode(pack_records([*records, *self._records]), types, files)

    def clean(self) -> None:
        """Empty the repository as a long-lived one would be, then remove it."""
        self._local.removeRuns(self._runs)
        self._local.close()
        self._central.close()
        shutil.rmtree(self._folder)
