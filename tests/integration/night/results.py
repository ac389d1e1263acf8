"""What a night has left: datasets, words, and no processes."""

import os
import re
from collections import Counter
from pathlib import Path

from lsst.daf.butler import (  # type: ignore[attr-defined]  # CollectionType is public, not marked as such
    Butler,
    CollectionType,
)

__all__ = ["chain_of", "datasets", "numbers", "processes_with"]


def chain_of(butler: Butler) -> str:
    (chain,) = butler.collections.query("*/prompt/output-*", collection_types=CollectionType.CHAINED)
    return chain


def datasets(repository: Path) -> Counter[str]:
    with Butler.from_config(str(repository), writeable=False) as butler:
        chain = chain_of(butler)
        return Counter(
            ref.datasetType.name
            for dataset_type in butler.registry.queryDatasetTypes()
            for ref in butler.query_datasets(dataset_type, chain, find_first=False, explain=False, limit=None)
        )


def numbers(pattern: str, text: str) -> list[int]:
    found = re.search(pattern, text)
    assert found is not None, text
    return [int(group) for group in found.groups()]


def processes_with(text: str) -> list[str]:
    """Find processes in whose environment or arguments a text stands."""
    found = []
    for process in Path("/proc").iterdir():
        if not process.name.isdigit() or int(process.name) == os.getpid():
            continue
        try:
            content = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:
            continue  # It has ended, or is not ours.
        if text.encode() in content:
            found.append(process.name)
    return found
