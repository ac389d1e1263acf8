"""Putting outputs into the shared registry, their files being in place."""

from collections.abc import Sequence

from lsst.daf.butler import Butler

from adapters.butler.messages import Outputs
from adapters.butler.records import insert_records

__all__ = ["register_outputs"]


def register_outputs(butler: Butler, batch: Sequence[Outputs]) -> None:
    """Insert records and datasets in one transaction, skipping what is there.

    Dataset types are registered before it: registries cannot do that inside.
    """
    for dataset_type in {each.name: each for outputs in batch for each in outputs.dataset_types}.values():
        butler.registry.registerDatasetType(dataset_type)
    records = [record for outputs in batch for record in outputs.records]
    files = {str(file.path): file for outputs in batch for file in outputs.files}
    with butler.transaction():
        insert_records(butler, records)
        butler.ingest(*files.values(), transfer=None, skip_existing=True, record_validation_info=False)
