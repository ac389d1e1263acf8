"""Remove the images of old nights; what was measured on them stays."""

import contextlib
from collections import defaultdict
from typing import Any

from attrs import define
from lsst.daf.butler import Butler, DatasetRef

__all__ = ["Removed", "forget_raws", "remove_images"]

_IMAGES = frozenset({"ImageV2", "MaskedImageV2"})


@define
class Removed:
    """Of one night."""

    images: int = 0
    bytes: int = 0


def remove_images(
    butler: Butler, instrument: str, before: int, *, dry_run: bool = False
) -> dict[int, Removed]:
    """Remove the images that prompt processing made of an instrument's nights before one.

    Parameters
    ----------
    butler
        The repository.
    instrument
        Whose.
    before
        First day_obs (YYYYMMDD) that is kept.
    dry_run
        Only count them.
    """
    found: dict[int, list[DatasetRef]] = defaultdict(list)
    for night, ref in _images(butler, instrument, before):
        found[night].append(ref)
    removed: dict[int, Removed] = {}
    for night, refs in sorted(found.items()):
        removed[night] = Removed(images=len(refs), bytes=sum(_size(butler, ref) for ref in refs))
        if not dry_run:
            butler.pruneDatasets(refs, disassociate=True, unstore=True, purge=True)
    return removed


def forget_raws(butler: Butler, instrument: str) -> int:
    """Take raws out of the registry that were registered where they are, and are there no longer."""
    run = f"{instrument}/raw/all"
    if run not in butler.collections.query(f"{instrument}/raw/*"):
        return 0
    refs = butler.query_datasets("raw", run, instrument=instrument, limit=None, explain=False)
    gone = [ref for ref in refs if not butler.getURI(ref).exists()]
    butler.pruneDatasets(gone, disassociate=True, unstore=True, purge=True)
    return len(gone)


def _images(butler: Butler, instrument: str, before: int) -> set[tuple[int, DatasetRef]]:
    """Find images, with their nights."""
    runs = list(butler.collections.query(f"{instrument}/prompt/*"))
    types = [one for one in butler.registry.queryDatasetTypes() if one.storageClass_name in _IMAGES]
    wanted: dict[str, Any] = {
        "instrument": instrument, "where": "day_obs < :before", "bind": {"before": before},
        "limit": None, "explain": False,
    }  # fmt: skip
    found = set()
    for of in ("visit", "exposure"):
        nights = {one.id: int(one.day_obs) for one in butler.query_dimension_records(of, **wanted)}
        # An image is found by its run and by each chain with the run in it.
        found |= {
            (nights[ref.dataId[of]], ref)
            for one in types
            if of in one.dimensions and runs and nights
            for ref in butler.query_datasets(one.name, collections=runs, find_first=False, **wanted)
        }
    return found


def _size(butler: Butler, ref: DatasetRef) -> int:
    with contextlib.suppress(OSError, LookupError):
        return butler.getURI(ref).size()
    return 0
