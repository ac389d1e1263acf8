"""Calibrations read into memory before the image is there, when time is free."""

import logging
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from lsst.daf.butler import DatasetRef, StorageClass
from lsst.daf.butler.datastore import Datastore
from lsst.pipe.base import InMemoryDatasetHandle

from adapters.butler.repository.datastores import StoredFile

__all__ = ["InputObjects"]

_log = logging.getLogger(__name__)


class InputObjects:
    """Datasets as objects, least recently used ones dropped.

    Parameters
    ----------
    limit
        Bytes of files whose content may be kept; what they unpack to is
        several times that.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._objects: OrderedDict[UUID, InMemoryDatasetHandle] = OrderedDict()
        self._sizes: dict[UUID, int] = {}

    def read(
        self, datastore: Datastore, refs: Sequence[DatasetRef], files: Mapping[UUID, Sequence[StoredFile]]
    ) -> None:
        """Read what a visit will need, as far as there is room.

        Parts of the sky are left out: tasks read parts of them, or few.
        """
        room = self._limit
        for ref in refs:
            if not ref.dimensions or ref.dimensions.spatial:
                continue
            size = sum(file.uri.size() for file in files[ref.id])
            if size > room:
                continue
            room -= size
            if ref.id in self._objects or self._read_one(datastore, ref, size):
                self._objects.move_to_end(ref.id)
        while sum(self._sizes.values()) > self._limit:
            number, _ = self._objects.popitem(last=False)
            del self._sizes[number]

    def _read_one(self, datastore: Datastore, ref: DatasetRef, size: int) -> bool:
        try:
            thing = datastore.get(ref)
        # The task that wants it will say what is wrong with it.
        except Exception as error:  # noqa: BLE001 - formatters raise anything
            _log.debug("%s cannot be read ahead: %s", ref, error)
            return False
        # Copying plain containers takes longer than reading them.
        if isinstance(thing, dict | list):
            return False
        storage_class = ref.datasetType.storageClass
        self._objects[ref.id] = InMemoryDatasetHandle(thing, storageClass=storage_class, copy=True)
        self._sizes[ref.id] = size
        return True

    def __contains__(self, ref: DatasetRef) -> bool:
        return ref.id in self._objects and not ref.isComponent()

    def get(self, ref: DatasetRef, storage_class: StorageClass | str | None) -> Any:  # noqa: ANN401 - a dataset is anything
        """Return a copy that the task may change."""
        return self._objects[ref.id].get(storageClass=storage_class or ref.datasetType.storageClass)
