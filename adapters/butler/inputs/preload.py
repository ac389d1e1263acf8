"""Everything that can be fetched before the image exists."""

from collections.abc import Iterable, Mapping, Sequence

from attrs import evolve
from lsst.daf.butler import Butler, DatasetRef

from adapters.butler.inputs.init_outputs import InitOutputs
from adapters.butler.inputs.inputs import (
    OBSERVED,
    InputFinder,
    Inputs,
    Selection,
    find_inputs,
    needs,
    overall_inputs,
)
from adapters.butler.inputs.pipelines import LoadedPipeline
from ports.workspace import NothingRunnableError

__all__ = ["Preloader"]


class Preloader:
    """Finds what pipelines need in the central repository.

    Parameters
    ----------
    init_outputs
        Finds init-outputs.
    finder
        Finds everything else.
    own_types
        Dataset types that the workspace itself makes.
    """

    def __init__(self, init_outputs: InitOutputs, finder: InputFinder, own_types: frozenset[str]) -> None:
        self._init_outputs = init_outputs
        self._finder = finder
        self._own_types = own_types

    def find(
        self,
        butler: Butler,
        *,
        preprocessing: Sequence[LoadedPipeline],
        main: Sequence[LoadedPipeline],
        runs: Mapping[str, str],
        day: str,
        collections: Sequence[str],
        selection: Selection,
    ) -> Inputs:
        """Find all inputs of all pipelines that may run.

        Parameters
        ----------
        butler
            The central repository of outputs.
        preprocessing, main
            The pipelines.
        runs
            The run of each pipeline's outputs, by its file.
        day
            Day_obs of processing, for errors.
        collections
            Where to look, in order.
        selection
            The visit-detector.

        Raises
        ------
        InitOutputsMissingError
            Raised if the initializer was not here.
        NothingRunnableError
            Raised if every main pipeline lacks something.
        """
        pipelines = [*preprocessing, *main]
        init_outputs: list[DatasetRef] = []
        for pipeline in pipelines:
            init_outputs.extend(self._init_outputs.find(butler, pipeline, runs[pipeline.file], day))
        inputs = find_inputs(self._finder, pipelines, collections, selection, self._own_types)
        _check_runnable(main, inputs.found | self._own_types | _made_by(preprocessing))
        return evolve(inputs, init_outputs=tuple(init_outputs))


def _made_by(pipelines: Iterable[LoadedPipeline]) -> frozenset[str]:
    return frozenset(
        name
        for pipeline in pipelines
        for name in pipeline.graph.dataset_types.keys() - overall_inputs(pipeline.graph).keys()
    )


def _check_runnable(main: Iterable[LoadedPipeline], available: frozenset[str]) -> None:
    missing = {pipeline.name: _missing(pipeline, available) for pipeline in main}
    if all(missing.values()):
        told = "; ".join(f"{name} lacks {', '.join(types)}" for name, types in missing.items())
        raise NothingRunnableError(f"no pipeline can run: {told}")


def _missing(pipeline: LoadedPipeline, available: frozenset[str]) -> list[str]:
    return sorted(
        name
        for name, node in overall_inputs(pipeline.graph).items()
        if name not in available and not OBSERVED & node.dimensions.names and needs(pipeline.graph, name)
    )
