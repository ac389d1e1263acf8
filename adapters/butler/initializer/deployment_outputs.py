"""What the initializer prepares in the central repository (docs/contracts/collections.md)."""

import functools
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from attrs import frozen
from lsst.daf.butler import Butler, DatasetType, MissingCollectionError
from lsst.daf.butler.registry import ConflictingDefinitionError
from lsst.utils.packages import Packages

from adapters.butler.inputs.input_queries import existing_collections
from adapters.butler.inputs.inputs import needs, overall_inputs
from adapters.butler.inputs.pipelines import LoadedPipeline, PipelineLibrary
from adapters.butler.inputs.type_conflicts import type_conflicts
from adapters.butler.shared.names import (
    CollectionType,
    provenance_type,
    region_time_type,
    stage_times_type,
)
from adapters.butler.shared.steps import one_line
from adapters.common.own_threads import OwnThreads
from domain.errors import PromptProcessingError
from ports.deployment_outputs import InitializerError, RunPlan

__all__ = ["ButlerDeploymentOutputs"]


class ButlerDeploymentOutputs:
    """Prepares runs in a Butler repository.

    Parameters
    ----------
    repository
        URI or label.
    inputs
        Collections in which pipelines' own init-inputs are looked for.
    pipelines_root
        Where pipeline files with relative paths are.
    apdb_config
        Given to pipelines as their parameter ``apdb_config``.
    """

    def __init__(
        self, repository: str, *, inputs: Sequence[str], pipelines_root: Path, apdb_config: str
    ) -> None:
        self._repository = repository
        self._inputs = inputs
        self._pipelines_root = pipelines_root
        self._apdb_config = apdb_config
        self._thread = OwnThreads("initializer", InitializerError)
        self._thread.open()

    async def prepare(self, chain: str, runs: Sequence[RunPlan], *, register: bool) -> Sequence[str]:
        """See `ports.deployment_outputs.DeploymentOutputs.prepare`."""
        return await self._run(_Task(chain, tuple(runs), register=register, writes=True))

    async def preview(self, chain: str, runs: Sequence[RunPlan], *, register: bool) -> Sequence[str]:
        """See `ports.deployment_outputs.DeploymentOutputs.preview`."""
        return await self._run(_Task(chain, tuple(runs), register=register, writes=False))

    async def _run(self, task: "_Task") -> Sequence[str]:
        return await self._thread.run(self._prepare, task)

    def _prepare(self, task: "_Task") -> Sequence[str]:
        try:
            with Butler.from_config(self._repository, writeable=task.writes) as butler:
                return self._do(butler, task)
        except InitializerError:
            raise
        except PromptProcessingError as error:
            raise InitializerError(str(error)) from error
        # Registry, datastore and the tasks themselves each have errors of their own.
        except Exception as error:
            raise InitializerError(f"{self._repository}: {one_line(error)}") from error

    def _do(self, butler: Butler, task: "_Task") -> Sequence[str]:
        library = PipelineLibrary(
            self._pipelines_root, self._apdb_config, frozenset(), lambda: butler, lambda: butler
        )
        pipelines = {plan.run: library.load(plan.pipeline) for plan in task.runs if plan.pipeline is not None}
        lacking = _look(butler, task, pipelines)
        if task.writes:
            self._write(butler, task, pipelines, lacking)
        return lacking.lines(task.chain)

    def _write(
        self, butler: Butler, task: "_Task", pipelines: Mapping[str, LoadedPipeline], lacking: "_Lacking"
    ) -> None:
        """Write what is lacking; the chain last, so that nobody finds a run there that is not complete."""
        for name in sorted(lacking.types):
            butler.registry.registerDatasetType(lacking.types[name])
        for plan in task.runs:
            # The two rows of a run are two commits of the Butler's, and it never mends one without the other.
            with butler.transaction():
                butler.collections.register(plan.run)
        inputs = existing_collections(butler, self._inputs)[0]
        earlier: list[str] = []
        for run, names in lacking.init_outputs.items():
            if names:
                _write_init_outputs(butler, pipelines[run], run, [run, *earlier, *inputs], len(names))
            earlier.append(run)
        if lacking.in_front:
            _prepend(butler, task.chain, lacking.in_front)


@frozen
class _Task:
    """One day's runs, and whether they are prepared or only looked at."""

    chain: str
    runs: Sequence[RunPlan]
    register: bool
    writes: bool


@frozen(kw_only=True)
class _Lacking:
    """What a repository lacks."""

    types: Mapping[str, DatasetType]
    runs: Sequence[str]
    init_outputs: Mapping[str, frozenset[str]]
    """Of each run of a pipeline, in order."""
    in_front: Sequence[str]
    """Runs to put in front of the chain: all or none."""

    def lines(self, chain: str) -> Sequence[str]:
        """Write a line for each thing, as of things that have been done."""
        return [
            *(f"dataset type {name}: registered" for name in sorted(self.types)),
            *(f"run {run}: registered" for run in self.runs),
            *(
                f"run {run}: {name} written"
                for run, names in self.init_outputs.items()
                for name in sorted(names)
            ),
            *([f"chain {chain}: begins with {', '.join(self.in_front)}"] if self.in_front else []),
        ]


def _look(butler: Butler, task: _Task, pipelines: Mapping[str, LoadedPipeline]) -> _Lacking:
    types = _missing_types(butler, list(pipelines.values()), register=task.register)
    runs = [plan.run for plan in task.runs]
    there, missing = existing_collections(butler, runs)
    return _Lacking(
        types=types,
        runs=missing,
        init_outputs={
            run: _missing_init_outputs(butler, pipeline, run, types.keys() if run in there else None)
            for run, pipeline in pipelines.items()
        },
        in_front=[] if set(runs) <= set(_children(butler, task.chain)) else runs,
    )


def _missing_types(
    butler: Butler, pipelines: Sequence[LoadedPipeline], *, register: bool
) -> Mapping[str, DatasetType]:
    """Find dataset types to register; if they must not be, there may be none."""
    wanted: dict[str, DatasetType] = {}
    for define in (provenance_type, region_time_type, stage_times_type):
        own = define(butler.dimensions)
        wanted[own.name] = own
    for pipeline in pipelines:
        wanted.update({node.name: node.dataset_type for node in pipeline.graph.dataset_types.values()})
        wanted[pipeline.graph.packages_dataset_type.name] = pipeline.graph.packages_dataset_type
    known = list(butler.registry.queryDatasetTypes(list(wanted)))
    if conflicts := type_conflicts(known, wanted.values()):
        raise InitializerError(f"dataset types defined differently: {'; '.join(conflicts)}")
    missing = wanted.keys() - {dataset_type.name for dataset_type in known} - _optional(pipelines)
    if missing and not register:
        raise InitializerError(f"dataset types not registered: {', '.join(sorted(missing))}")
    return {name: wanted[name] for name in missing}


def _optional(pipelines: Sequence[LoadedPipeline]) -> set[str]:
    """Name inputs that every pipeline can do without; nobody else may have registered them yet."""
    inputs = {name for pipeline in pipelines for name in overall_inputs(pipeline.graph)}
    needed = {
        name
        for pipeline in pipelines
        for name in overall_inputs(pipeline.graph)
        if needs(pipeline.graph, name)
    }
    made = {
        name
        for pipeline in pipelines
        for name in pipeline.graph.dataset_types.keys() - overall_inputs(pipeline.graph).keys()
    }
    return inputs - needed - made


def _missing_init_outputs(
    butler: Butler, pipeline: LoadedPipeline, run: str, unknown_types: Collection[str] | None
) -> frozenset[str]:
    """Find out what a run lacks; `unknown_types` is None for a run that does not exist."""
    if unknown_types is None:
        return pipeline.init_outputs
    names = sorted(pipeline.init_outputs.difference(unknown_types))
    refs = butler.query_all_datasets(run, name=names, find_first=False) if names else []
    return pipeline.init_outputs - {ref.datasetType.name for ref in refs}


def _write_init_outputs(
    butler: Butler, pipeline: LoadedPipeline, run: str, searched: Sequence[str], missing: int
) -> None:
    """Write what is missing in a run, while another initializer may be doing the same."""
    # Each conflict is about something that another wrote in between, so there are no more than missed.
    for left in reversed(range(missing + 1)):
        try:
            _write_once(butler, pipeline, run, searched)
        except ConflictingDefinitionError as error:
            if not left:
                raise InitializerError(f"run {run}: {one_line(error)}") from error
            butler.registry.refresh()
        else:
            return


def _write_once(butler: Butler, pipeline: LoadedPipeline, run: str, searched: Sequence[str]) -> None:
    own = butler.clone(collections=[run], run=run)
    pipeline.graph.write_configs(own)
    packages = pipeline.graph.packages_dataset_type
    # Not compared with an older one: the deployment id in the run's name says it is the same.
    if own.find_dataset(packages) is None:
        own.put(_installed_packages(), packages)
    pipeline.graph.write_init_outputs(butler.clone(collections=list(searched), run=run))


@functools.cache
def _installed_packages() -> Packages:
    """List the packages of this process: half a second of looking, the same for each run."""
    return Packages.fromSystem()


def _children(butler: Butler, chain: str) -> Sequence[str]:
    """List what is in a chain, which may not exist yet."""
    try:
        info = butler.collections.get_info(chain)
    except MissingCollectionError:
        return ()
    if info.type is not CollectionType.CHAINED:
        raise InitializerError(f"collection {chain} is a {info.type.name}, no chain")
    return info.children


def _prepend(butler: Butler, chain: str, runs: Sequence[str]) -> None:
    butler.collections.register(chain, CollectionType.CHAINED)
    # Another initializer may have been faster, and a later deployment in front of it since.
    if not set(runs) <= set(_children(butler, chain)):
        butler.collections.prepend_chain(chain, list(runs))
