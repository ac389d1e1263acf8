"""Datasets that several tasks of a run read: from a file once, and kept until the last of them has read."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

from attrs import define, field
from lsst.daf.butler import DatasetRef
from lsst.pipe.base import InMemoryDatasetHandle

__all__ = ["RereadObjects"]


@define
class RereadObjects:
    """Objects in memory, each until it is not needed any more."""

    readers: Counter[UUID] = field(factory=Counter)
    """How many tasks are yet to read a dataset."""
    _kept: dict[UUID, InMemoryDatasetHandle] = field(factory=dict)

    @classmethod
    def of(cls, inputs: Iterable[Iterable[UUID]]) -> "RereadObjects":
        """Begin with what each task will read."""
        return cls(Counter(number for one in inputs for number in set(one)))

    def get(self, ref: DatasetRef, read: Callable[[], Any]) -> Any:  # noqa: ANN401 - a dataset is anything
        """Read a dataset, or copy what an earlier task has read."""
        self.readers[ref.id] -= 1
        is_last = self.readers[ref.id] <= 0
        handle = self._kept.pop(ref.id, None) if is_last else self._kept.get(ref.id)
        storage_class = ref.datasetType.storageClass
        if handle is not None and handle.storageClass == storage_class:
            return handle.get()
        thing = read()
        # Copying plain containers takes longer than reading them.
        if not is_last and not isinstance(thing, dict | list):
            handle = InMemoryDatasetHandle(thing, storageClass=storage_class, copy=True)
            self._kept[ref.id] = handle
            return handle.get()
        return thing
