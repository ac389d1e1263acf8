"""The message to the Butler Writer (contract 5), both ways."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from attrs import field, frozen
from lsst.daf.butler import (
    DatasetType,
    DimensionRecord,
    DimensionUniverse,
    FileDataset,
    SerializedDatasetType,
    SerializedDimensionRecord,
    SerializedFileDataset,
)

from adapters.butler.records import ordered

__all__ = ["EVENT_TYPE", "Outputs", "decode", "encode", "pack_records", "unpack_records"]

EVENT_TYPE = "pp-output"


@frozen(kw_only=True)
class Outputs:
    """What one visit-detector adds to the shared registry."""

    records: Sequence[DimensionRecord] = field(factory=list)
    dataset_types: Sequence[DatasetType] = field(factory=list)
    files: Sequence[FileDataset] = field(factory=list)
    """Paths are relative to the shared datastore."""


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
        Paths are relative to the shared datastore.
    """
    unique = {json.dumps(record, sort_keys=True): record for record in records}
    event = {
        "type": EVENT_TYPE,
        "dimension_records": list(unique.values()),
        "dataset_types": [
            dataset_type.to_simple().model_dump(mode="json", exclude_none=True)
            for dataset_type in dataset_types
        ],
        "datasets": [file.to_simple().model_dump(mode="json") for file in files],
    }
    return json.dumps(event, separators=(",", ":")).encode()


def decode(body: bytes, universe: DimensionUniverse, registered: Callable[[str], DatasetType]) -> Outputs:
    """Read a message.

    Parameters
    ----------
    body
        The message.
    universe
        Of the shared repository.
    registered
        Finds a dataset type that the message does not define.

    Raises
    ------
    ValueError, TypeError, LookupError
        Raised, in their many kinds, if the message cannot be read.
    """
    event = json.loads(body)
    if not isinstance(event, Mapping) or event.get("type") != EVENT_TYPE:
        raise ValueError(f"the message is not of type {EVENT_TYPE!r}")
    types = [_dataset_type(simple, universe) for simple in event.get("dataset_types", ())]
    by_name = {dataset_type.name: dataset_type for dataset_type in types}

    def load(name: str) -> DatasetType:
        return by_name[name] if name in by_name else registered(name)

    return Outputs(
        records=unpack_records(event["dimension_records"], universe),
        dataset_types=types,
        files=[_file(simple, universe, load) for simple in event["datasets"]],
    )


def pack_records(records: Iterable[DimensionRecord]) -> list[dict[str, Any]]:
    """Make records ready for JSON, each after those it refers to."""
    return [record.to_simple().model_dump(mode="json") for record in ordered(records)]


def unpack_records(packed: Iterable[object], universe: DimensionUniverse) -> list[DimensionRecord]:
    """Undo `pack_records`."""
    return [
        DimensionRecord.from_simple(SerializedDimensionRecord.model_validate(simple), universe)
        for simple in packed
    ]


def _dataset_type(simple: object, universe: DimensionUniverse) -> DatasetType:
    return DatasetType.from_simple(SerializedDatasetType.model_validate(simple), universe)


def _file(simple: object, universe: DimensionUniverse, load: Callable[[str], DatasetType]) -> FileDataset:
    serialized = SerializedFileDataset.model_validate(simple)
    return FileDataset.from_simple(serialized, dataset_type_loader=load, universe=universe)
