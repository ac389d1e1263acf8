"""The initializer's side of a repository in memory."""

from collections.abc import Sequence

from adapters.memory.outputs.shared_repository import MemoryRepository, types_of
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
        done = await self.preview(chain, runs, register=register)
        repository = self._repository
        names = [plan.run for plan in runs]
        repository.dataset_types.update(_types(runs))
        repository.runs.update(names)
        children = repository.chains.setdefault(chain, [])
        if not set(names) <= set(children):
            children[:] = [*names, *(child for child in children if child not in names)]
        return done

    async def preview(self, chain: str, runs: Sequence[RunPlan], *, register: bool) -> Sequence[str]:
        """See `ports.deployment_outputs.DeploymentOutputs.preview`."""
        repository = self._repository
        if repository.outage:
            raise InitializerError(f"repository: {repository.outage}")
        missing = sorted(_types(runs) - repository.dataset_types)
        if missing and not register:
            raise InitializerError(f"dataset types not registered: {', '.join(missing)}")
        names = [plan.run for plan in runs]
        lines = [f"dataset type {name}: registered" for name in missing]
        lines += [f"run {name}: written" for name in names if name not in repository.runs]
        if not set(names) <= set(repository.chains.get(chain, ())):
            lines.append(f"chain {chain}: begins with {', '.join(names)}")
        return lines


def _types(runs: Sequence[RunPlan]) -> set[str]:
    return {name for plan in runs if plan.pipeline is not None for name in types_of(plan.pipeline)}
