"""Prepare the central repository for a deployment, for today and tomorrow."""

import datetime
import logging
from collections.abc import Sequence

from domain.runs import chain, day_of_processing, output_run, preload_run
from ports.clock import Clock
from ports.deployment_outputs import DeploymentOutputs, RunPlan

__all__ = ["Initializer"]

_LOG = logging.getLogger(__name__)


class Initializer:
    """Writes what workers rely on before they start.

    Parameters
    ----------
    instrument
        Whose pipelines are prepared.
    deployment
        The deployment id, the same as the workers'.
    pipelines
        All configured pipeline files, preprocessing ones included.
    outputs
        Where to.
    """

    def __init__(
        self,
        *,
        instrument: str,
        deployment: str,
        pipelines: Sequence[str],
        outputs: DeploymentOutputs,
        clock: Clock,
    ) -> None:
        self._instrument = instrument
        self._deployment = deployment
        self._pipelines = pipelines
        self._outputs = outputs
        self._clock = clock

    async def run(self, *, register: bool, dry_run: bool = False) -> Sequence[str]:
        """Prepare both days; returns a line for each thing that was done.

        Parameters
        ----------
        register
            Whether dataset types that are missing may be registered.
        dry_run
            Do nothing: the lines say what would be done.

        Raises
        ------
        ports.deployment_outputs.InitializerError
            Raised if the repository cannot be prepared.
        """
        today = day_of_processing(self._clock.utc())
        tomorrow = (datetime.date.fromisoformat(today) + datetime.timedelta(days=1)).isoformat()
        done: list[str] = []
        for day in (today, tomorrow):
            work = self._outputs.preview if dry_run else self._outputs.prepare
            lines = await work(chain(self._instrument, day), self._plan(day), register=register)
            _LOG.info(
                "%s for %s: %d changes%s", self._deployment, day, len(lines), " to make" if dry_run else ""
            )
            done.extend(lines)
        return done

    def _plan(self, day: str) -> Sequence[RunPlan]:
        day_chain = chain(self._instrument, day)
        runs = [
            RunPlan(run=output_run(day_chain, file, self._deployment), pipeline=file)
            for file in self._pipelines
        ]
        return [*runs, RunPlan(run=preload_run(day_chain, self._deployment), pipeline=None)]
