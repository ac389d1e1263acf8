"""Dataset types that two sides define differently."""

from collections.abc import Iterable

from lsst.daf.butler import DatasetType

__all__ = ["type_conflicts"]


def type_conflicts(known: Iterable[DatasetType], wanted: Iterable[DatasetType]) -> list[str]:
    """Say of each type that is wanted otherwise than it is known how it differs."""
    by_name = {dataset_type.name: dataset_type for dataset_type in known}
    return [
        f"{mine.name} is {by_name[mine.name]}, not {mine}"
        for mine in wanted
        if by_name.get(mine.name, mine) != mine
    ]
