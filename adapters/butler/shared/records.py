"""Dimension records: how one is made of facts, and how many are put into a registry."""

from collections.abc import Iterable, Sequence

from lsst.daf.butler import Butler, DimensionRecord, DimensionUniverse

__all__ = ["insert_records", "make_record", "ordered"]


def make_record(universe: DimensionUniverse, element: str, **facts: object) -> DimensionRecord:
    """Make a record; fields that are not named are unknown."""
    return universe[element].RecordClass(**facts)


def ordered(records: Iterable[DimensionRecord]) -> list[DimensionRecord]:
    """Sort records so that each comes after those it refers to, repeated ones left out."""
    unique = {(record.definition.name, record.dataId): record for record in records}
    return sorted(unique.values(), key=_rank)


def _rank(record: DimensionRecord) -> int:
    universe = record.definition.universe
    return list(universe.elements.names).index(record.definition.name)


def insert_records(butler: Butler, records: Sequence[DimensionRecord]) -> None:
    """Insert records, in the order that their references need, skipping those that are there."""
    groups: dict[str, list[DimensionRecord]] = {}
    for record in ordered(records):
        groups.setdefault(record.definition.name, []).append(record)
    for element, members in groups.items():
        butler.registry.insertDimensionData(element, *members, skip_existing=True)
