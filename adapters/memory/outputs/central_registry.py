"""The Butler Writer's side of a repository in memory."""

import json
from collections.abc import Sequence
from uuid import UUID

from adapters.memory.outputs.shared_repository import MemoryRepository
from ports.central_registry import OutputEvent, RegistryUnavailableError, UnappliableEventError

__all__ = ["MemoryCentralRegistry"]


class MemoryCentralRegistry:
    """Applies the messages of `adapters.memory.workspace.MemoryWorkspace`.

    Parameters
    ----------
    repository
        Where.
    """

    def __init__(self, repository: MemoryRepository) -> None:
        self._repository = repository

    async def apply(self, events: Sequence[OutputEvent]) -> Sequence[UUID]:
        """See `ports.central_registry.CentralRegistry.apply`."""
        if self._repository.outage:
            raise RegistryUnavailableError(f"registry: {self._repository.outage}")
        found: dict[UUID, str] = {}
        for event in events:
            found.update(self._read(event))
        self._repository.datasets.update(found)
        return list(found)

    def _read(self, event: OutputEvent) -> dict[UUID, str]:
        try:
            message = json.loads(event.body)
            datasets = {UUID(key): str(name) for key, name in message["datasets"].items()}
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            raise UnappliableEventError(f"{event.position}: unreadable ({error})") from error
        for key, name in datasets.items():
            if self._repository.datasets.get(key, name) != name or key not in self._repository.files:
                raise UnappliableEventError(f"{event.position}: {key} is not {name}")
        return datasets
