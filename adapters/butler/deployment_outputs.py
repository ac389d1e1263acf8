"""What the initializer prepares in the shared repository (contract 7)."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lsst.daf.butler import Butler, DatasetType
from lsst.daf.butler.registry import ConflictingDefinitionError
from lsst.utils.packages import Packages

from adapters.butler.input_queries import existing_collections
from adapters.butler.inputs import needs, overall_inputs
from adapters.butler.names import CollectionType, provenance_type, region_time_type
from adapters.butler.pipelines import LoadedPipeline, PipelineLibrary
from adapters.butler.steps import one_line
from domain.errors import PromptProcessingError
from ports.deployment_outputs import InitializerError, RunPlan

__all__ = ["ButlerDeploymentOutputs"]

_ROUNDS = 4  # Another initializer may be at work: what it wrote first is found in the next round.


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
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="initializer")

    async def prepare(self, chain: str, runs: Sequence[RunPlan], *, register: bool) -> Sequence[str]:
        """See `ports.deployment_outputs.DeploymentOutputs.prepare`."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._prepare, chain, list(runs), register)

    def _prepare(self, chain: str, plans: Sequence[RunPlan], register: bool) -> Sequence[str]:
        try:
            with Butler.from_config(self._repository, writeable=True) as butler:
                return self._write(butler, chain, plans, register=register)
        except InitializerError:
            raise
        except PromptProcessingError as error:
            raise InitializerError(str(error)) from error
        # Registry, datastore and the tasks themselves each have errors of their own.
        except Exception as error:
            raise InitializerError(f"{self._repository}: {one_line(error)}") from error

    def _write(
        self, butler: Butler, chain: str, plans: Sequence[RunPlan], *, register: bool
    ) -> Sequence[str]:
        library = PipelineLibrary(self._pipelines_root, self._apdb_config, frozenset(), lambda: butler)
        pipelines = {plan.run: library.load(plan.pipeline) for plan in plans if plan.pipeline is not None}
        done = _settle_types(butler, list(pipelines.values()), register=register)
        earlier: list[str] = []
        for plan in plans:
            if butler.collections.register(plan.run):
                done.append(f"run {plan.run}: registered")
            if plan.run in pipelines:
                searched = [plan.run, *earlier, *existing_collections(butler, self._inputs)[0]]
                done += _write_init_outputs(butler, pipelines[plan.run], plan.run, searched)
            earlier.append(plan.run)
        return [*done, *_prepend(butler, chain, [plan.run for plan in plans])]


def _settle_types(butler: Butler, pipelines: Sequence[LoadedPipeline], *, register: bool) -> list[str]:
    """Register dataset types, or check that they are there."""
    wanted: dict[str, DatasetType] = {}
    for own in (provenance_type(butler.dimensions), region_time_type(butler.dimensions)):
        wanted[own.name] = own
    for pipeline in pipelines:
        wanted.update({node.name: node.dataset_type for node in pipeline.graph.dataset_types.values()})
        wanted[pipeline.graph.packages_dataset_type.name] = pipeline.graph.packages_dataset_type
    known = {
        dataset_type.name: dataset_type for dataset_type in butler.registry.queryDatasetTypes(list(wanted))
    }
    conflicts = [
        f"{name} is {known[name]}, not {mine}"
        for name, mine in wanted.items()
        if known.get(name, mine) != mine
    ]
    if conflicts:
        raise InitializerError(f"dataset types defined differently: {'; '.join(conflicts)}")
    missing = sorted(wanted.keys() - known.keys() - _optional(pipelines))
    if missing and not register:
        raise InitializerError(f"dataset types not registered: {', '.join(missing)}")
    for name in missing:
        butler.registry.registerDatasetType(wanted[name])
    return [f"dataset type {name}: registered" for name in missing]


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


def _write_init_outputs(
    butler: Butler, pipeline: LoadedPipeline, run: str, searched: Sequence[str]
) -> list[str]:
    """Write what is missing in a run."""
    missing = _missing(butler, pipeline, run)
    if not missing:
        return []
    for last in [False] * (_ROUNDS - 1) + [True]:
        try:
            _write_once(butler, pipeline, run, searched)
            break
        except ConflictingDefinitionError as error:
            if last:
                raise InitializerError(f"run {run}: {one_line(error)}") from error
            butler.registry.refresh()
    return [f"run {run}: {name} written" for name in sorted(missing)]


def _write_once(butler: Butler, pipeline: LoadedPipeline, run: str, searched: Sequence[str]) -> None:
    own = butler.clone(collections=[run], run=run)
    pipeline.graph.write_configs(own)
    packages = pipeline.graph.packages_dataset_type
    # Not compared with an older one: the deployment id in the run's name says it is the same.
    if own.find_dataset(packages) is None:
        own.put(Packages.fromSystem(), packages)
    pipeline.graph.write_init_outputs(butler.clone(collections=list(searched), run=run))


def _missing(butler: Butler, pipeline: LoadedPipeline, run: str) -> frozenset[str]:
    refs = butler.query_all_datasets(run, name=sorted(pipeline.init_outputs), find_first=False)
    return pipeline.init_outputs - {ref.datasetType.name for ref in refs}


def _prepend(butler: Butler, chain: str, runs: Sequence[str]) -> list[str]:
    """Put runs in front of a chain, unless it has them all."""
    butler.collections.register(chain, CollectionType.CHAINED)
    info = butler.collections.get_info(chain)
    if info.type is not CollectionType.CHAINED:
        raise InitializerError(f"collection {chain} is a {info.type.name}, no chain")
    if set(runs) <= set(info.children):
        return []
    butler.collections.prepend_chain(chain, list(runs))
    return [f"chain {chain}: begins with {', '.join(runs)}"]
