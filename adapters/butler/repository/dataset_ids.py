"""Ids of a visit-detector's datasets: the same for every attempt, and growing with time.

Two attempts write the same datasets into the same runs, where a second one
under another id would be a conflict. That a visit's ids are close together
spares the registry's indexes.
"""

import hashlib
from collections.abc import Iterable
from uuid import UUID

from lsst.daf.butler import DataCoordinate, DatasetRef, DatasetType
from lsst.pipe.base.quantum_graph import PredictedQuantumGraphComponents

from domain.visit import Visit

__all__ = ["DatasetIds"]

_RANDOM_BITS = 80
_MILLISECONDS = 1 << 48
_VERSION = 7


class DatasetIds:
    """Makes ids of version 7 (RFC 9562), a digest in place of the random bits.

    Parameters
    ----------
    visit
        Its announcement is the instant in the ids.
    """

    def __init__(self, visit: Visit) -> None:
        self._stamp = int(visit.sent * 1000) % _MILLISECONDS

    def make(self, dataset_type: str, run: str, values: Iterable[str | int]) -> UUID:
        """Make the id of one dataset.

        Parameters
        ----------
        dataset_type, run
            Names.
        values
            Of the data id's required dimensions, in their order.
        """
        text = "\0".join((dataset_type, run, *map(str, values)))
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
        number = self._stamp << _RANDOM_BITS | int.from_bytes(digest[: _RANDOM_BITS // 8])
        return UUID(int=number & ~(0xF << 76) & ~(0x3 << 62) | _VERSION << 76 | 0x2 << 62)

    def quantum(self, label: str, run: str, values: Iterable[str | int]) -> UUID:
        """Make the id of a quantum of a task."""
        return self.make(f"quantum {label}", run, values)

    def ref(self, dataset_type: DatasetType, data_id: DataCoordinate, run: str) -> DatasetRef:
        """Make a reference to a dataset that the workspace itself stores."""
        number = self.make(dataset_type.name, run, data_id.required_values)
        return DatasetRef(dataset_type, data_id, run=run, id=number)

    def give_to(self, components: PredictedQuantumGraphComponents) -> None:
        """Replace the ids of all datasets that a graph's quanta will make."""
        changed: dict[UUID, UUID] = {}
        quanta = components.quantum_datasets.values()
        types = components.pipeline_graph.dataset_types
        for quantum in quanta:
            for output in (each for members in quantum.outputs.values() for each in members):
                required = len(types[output.dataset_type_name].dimensions.required)
                values = output.data_coordinate[:required]
                changed[output.dataset_id] = self.make(output.dataset_type_name, output.run, values)
                output.dataset_id = changed[output.dataset_id]
        for quantum in quanta:
            for given in (each for members in quantum.inputs.values() for each in members):
                given.dataset_id = changed.get(given.dataset_id, given.dataset_id)
        components.set_thin_graph()
