"""The message to the Butler Writer (docs/contracts/writer.md), both ways."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from attrs import field, frozen
from lsst.daf.butler import (
    DataCoordinate,
    DatasetRef,
    DatasetType,
    DimensionGroup,
    DimensionRecord,
    DimensionUniverse,
    FileDataset,
    SerializedDatasetType,
    SerializedDimensionRecord,
    SerializedFileDataset,
)

from adapters.butler.shared.records import ordered
from adapters.common.converters import UnfitError, lenient_converter, structured

__all__ = ["EVENT_TYPE", "Decoder", "Outputs", "encode", "pack_records", "unpack_records"]

EVENT_TYPE = "pp-output"

_MOST: Final = {"dimension_records": 20_000, "dataset_types": 1_000, "datasets": 20_000}
"""Entries of a message; a visit-detector has some hundred."""


@frozen(kw_only=True)
class Outputs:
    """What one visit-detector adds to the central registry; Rubin's is ``PromptProcessingOutputEvent``."""

    records: Sequence[DimensionRecord] = field(factory=list)
    dataset_types: Sequence[DatasetType] = field(factory=list)
    files: Sequence[FileDataset] = field(factory=list)
    """Paths are relative to the central datastore; those of raws that stay where they are are URIs."""


@frozen(kw_only=True)
class _Event:
    """The message as JSON has it; the Butler's own classes write and read what is in its lists."""

    type: str
    dimension_records: list[Any]
    dataset_types: list[Any] = field(factory=list)
    datasets: list[Any]


def encode(
    records: Sequence[Any], dataset_types: Sequence[DatasetType], files: Sequence[FileDataset]
) -> bytes:
    """Write the message.

    Parameters
    ----------
    records
        Dimension records, packed, those of several exposures one after the other.
    dataset_types
        Of all datasets.
    files
        Paths are relative to the central datastore.
    """
    unique = {json.dumps(record, sort_keys=True): record for record in records}
    event = _Event(
        type=EVENT_TYPE,
        dimension_records=list(unique.values()),
        dataset_types=[
            dataset_type.to_simple().model_dump(mode="json", exclude_none=True)
            for dataset_type in dataset_types
        ],
        datasets=[file.to_simple().model_dump(mode="json") for file in files],
    )
    return json.dumps(_CONVERTER.unstructure(event), separators=(",", ":")).encode()


class Decoder:
    """Reads messages; what many of them say alike is made once.

    Parameters
    ----------
    universe
        Of the central repository.
    registered
        Finds a dataset type that a message does not define.
    """

    def __init__(self, universe: DimensionUniverse, registered: Callable[[str], DatasetType]) -> None:
        self._universe = universe
        self._registered = registered
        self._types: dict[str, DatasetType] = {}
        self._data_ids: dict[tuple[DimensionGroup, frozenset[tuple[str, Any]]], DataCoordinate] = {}

    def decode(self, body: bytes) -> Outputs:
        """Read a message.

        Raises
        ------
        ValueError, TypeError, LookupError
            Raised, in their many kinds, if the message cannot be read.
        """
        try:
            event = structured(_CONVERTER, json.loads(body), _Event, {})
        except UnfitError as error:
            raise ValueError(str(error)) from error
        if event.type != EVENT_TYPE:
            raise ValueError(f"the message is not of type {EVENT_TYPE!r}")
        for name, most in _MOST.items():
            if (count := len(getattr(event, name))) > most:
                raise ValueError(f"the message has {count} {name}, and none may have more than {most}")
        types = [self._dataset_type(simple) for simple in event.dataset_types]
        by_name = {dataset_type.name: dataset_type for dataset_type in types}
        return Outputs(
            records=unpack_records(event.dimension_records, self._universe),
            dataset_types=types,
            files=[self._file(simple, by_name) for simple in event.datasets],
        )

    def _dataset_type(self, simple: object) -> DatasetType:
        written = json.dumps(simple, sort_keys=True)
        if written not in self._types:
            validated = SerializedDatasetType.model_validate(simple)
            self._types[written] = DatasetType.from_simple(validated, self._universe)
        return self._types[written]

    def _file(self, simple: object, types: Mapping[str, DatasetType]) -> FileDataset:
        file = SerializedFileDataset.model_validate(simple)
        refs = []
        for key, ref in file.refs.items():
            name = ref.dataset_type_name
            dataset_type = types[name] if name in types else self._registered(name)
            data_id = self._data_id(dataset_type.dimensions, ref.data_id)
            refs.append(DatasetRef(dataset_type, data_id, ref.run, id=key))
        return FileDataset(path=file.path, refs=refs, formatter=file.formatter)

    def _data_id(self, dimensions: DimensionGroup, data_id: Mapping[str, Any]) -> DataCoordinate:
        key = (dimensions, frozenset(data_id.items()))
        if key not in self._data_ids:
            whole = DataCoordinate.standardize(data_id, universe=self._universe)
            self._data_ids[key] = whole.subset(dimensions)
        return self._data_ids[key]


def pack_records(records: Iterable[DimensionRecord]) -> list[dict[str, Any]]:
    """Make records ready for JSON, each after those it refers to."""
    return [record.to_simple().model_dump(mode="json") for record in ordered(records)]


def unpack_records(packed: Iterable[object], universe: DimensionUniverse) -> list[DimensionRecord]:
    """Undo `pack_records`."""
    return [
        DimensionRecord.from_simple(SerializedDimensionRecord.model_validate(simple), universe)
        for simple in packed
    ]


def _list(value: object, _: object) -> object:
    if not isinstance(value, list):
        raise UnfitError("is not a list")
    return value


_CONVERTER: Final = lenient_converter()
_CONVERTER.register_structure_hook_func(lambda kind: kind == list[Any], _list)
_CONVERTER.register_unstructure_hook_func(lambda kind: kind == list[Any], lambda value: value)
