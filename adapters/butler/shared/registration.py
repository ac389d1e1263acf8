"""Putting outputs into the central registry, their files being in place."""

from collections.abc import Sequence
from typing import Any

from lsst.daf.butler import Butler, DatasetType, DimensionRecord, FileDataset

from adapters.butler.shared.messages import Outputs
from adapters.butler.shared.names import RAW
from adapters.butler.shared.records import insert_records

__all__ = [
    "files_of",
    "ingest_files",
    "is_raw_in_place",
    "records_of",
    "register_in_transaction",
    "register_outputs",
    "types_of",
]


def register_outputs(butler: Butler, batch: Sequence[Outputs]) -> None:
    """Insert records and datasets in one transaction, skipping what is there.

    Dataset types are registered before it: registries cannot do that inside.
    """
    for dataset_type in types_of(batch):
        butler.registry.registerDatasetType(dataset_type)
    register_in_transaction(butler, batch)


def register_in_transaction(butler: Butler, batch: Sequence[Outputs]) -> None:
    """Insert records and datasets whose types are registered."""
    with butler.transaction():
        insert_records(butler, records_of(batch))
        ingest_files(butler, list(files_of(batch).values()))


def is_raw_in_place(file: FileDataset) -> bool:
    """Tell whether a file is a raw that stays where it is, named by its URI."""
    return "://" in str(file.path) and all(ref.datasetType.name == RAW for ref in file.refs)


def ingest_files(butler: Butler, files: Sequence[FileDataset]) -> None:
    """Make files known that are in the datastore, and raws where they are; within a transaction."""
    options: dict[str, Any] = {"skip_existing": True, "record_validation_info": False}
    raws = [file for file in files if is_raw_in_place(file)]
    butler.ingest(*(file for file in files if not is_raw_in_place(file)), transfer=None, **options)
    if raws:
        butler.ingest(*raws, transfer="direct", **options)


def types_of(batch: Sequence[Outputs]) -> list[DatasetType]:
    """List the dataset types that a batch defines."""
    return list(dict.fromkeys(each for outputs in batch for each in outputs.dataset_types))


def records_of(batch: Sequence[Outputs]) -> list[DimensionRecord]:
    """List all records of a batch."""
    return [record for outputs in batch for record in outputs.records]


def files_of(batch: Sequence[Outputs]) -> dict[tuple[str, ...], FileDataset]:
    """List the files of a batch by what they are, so that a repeated message counts once."""
    files: dict[tuple[str, ...], FileDataset] = {}
    for outputs in batch:
        for file in outputs.files:
            files[str(file.path), *(str(ref.id) for ref in file.refs)] = file
    return files
