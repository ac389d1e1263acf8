"""The initializer's side of a repository in memory."""

from collections.abc import Sequence

from adapters.memory.shared_repository import MemoryRepository, types_of
from ports.deployment_outputs import InitializerError, RunPlan

__all__ = ["MemoryDeploymentOutputs"]


class MemoryDeploymentOutputs:
    """Prepares runs.

    Parameters
    ----------
    repository
        Where.
    """

    def __init__(self, repository: MemoryRepository) -> None:
        self._repository = repository

    async def prepare(self, chain: str, runs: Sequence[RunPlan], *, register: bool) -> Sequence[str]:
        """See `ports.deployment_outputs.DeploymentOutputs.prepare`."""
        repository = self._repository
        if repository.outage:
            raise InitializerError(f"repository: {repository.outage}")
        wanted = {name for plan in runs if plan.pipeline is not None for name in types_of(plan.pipeline)}
        missing = sorted(wanted - repository.dataset_types)
        if missing and not register:
            raise InitializerError(f"dataset types not registered: {', '.join(missing)}")
        repository.dataset_types.update(missing)
        done = [f"dataset type {name}: registered" for name in missing]
        names = [plan.run for plan in runs]
        done += [f"run {name}: written" for name in names if name not in repository.runs]
        repository.runs.update(names)
        children = repository.chains.setdefault(chain, [])
        if not set(names) <= set(children):
            children[:] = [*names, *(child for child in children if child not in names)]
            done.append(f"chain {chain}: begins with {', '.join(names)}")
        return done
