"""What the initializer wrote for this deployment and day, and what if it did not."""

from lsst.daf.butler import Butler, DatasetRef, MissingCollectionError, MissingDatasetTypeError

from adapters.butler.inputs.pipelines import LoadedPipeline
from ports.workspace import InitOutputsMissingError

__all__ = ["InitOutputs"]


class InitOutputs:
    """Finds init-outputs and remembers them: they never change.

    Parameters
    ----------
    deployment
        The deployment id, for errors.
    """

    def __init__(self, deployment: str) -> None:
        self._deployment = deployment
        self._found: dict[str, tuple[DatasetRef, ...]] = {}

    def find(self, butler: Butler, pipeline: LoadedPipeline, run: str, day: str) -> tuple[DatasetRef, ...]:
        """Find the init-outputs of a pipeline.

        Parameters
        ----------
        butler
            The central repository.
        pipeline
            The pipeline.
        run
            Its run.
        day
            Day_obs of processing, for errors.

        Raises
        ------
        InitOutputsMissingError
            Raised if one is not there.
        """
        if run not in self._found:
            # What other processes registered since is not known here without it.
            butler.registry.refresh()
            refs = _query(butler, pipeline, run)
            missing = pipeline.init_outputs - {ref.datasetType.name for ref in refs}
            if missing:
                raise InitOutputsMissingError(
                    f"deployment {self._deployment} is not initialized for day {day}: run {run} lacks "
                    f"{', '.join(sorted(missing))}"
                )
            self._found[run] = refs
        return self._found[run]


def _query(butler: Butler, pipeline: LoadedPipeline, run: str) -> tuple[DatasetRef, ...]:
    try:
        return tuple(butler.query_all_datasets(run, name=sorted(pipeline.init_outputs), find_first=False))
    except (MissingCollectionError, MissingDatasetTypeError):
        return ()
