"""Names in repositories that the workspace itself relies on."""

from typing import Final

from lsst.daf.butler import (  # type: ignore[attr-defined]  # CollectionType is public, not marked as such
    CollectionType,
    DatasetType,
    DimensionUniverse,
)

__all__ = [
    "PROVENANCE",
    "RAW",
    "REGION_TIME",
    "STAGE_TIMES",
    "CollectionType",
    "provenance_type",
    "raw_run",
    "region_time_type",
    "stage_times_type",
]

RAW: Final = "raw"
"""Dataset type of raws; the central repository defines it."""

REGION_TIME: Final = "regionTimeInfo"
"""Dataset type that tells preload pipelines where and when, while there is no visit yet."""

PROVENANCE: Final = "prompt_provenance"
"""Dataset type of the record of what ran, and how (docs/contracts/pipelines-configuration.md)."""

STAGE_TIMES: Final = "prompt_stage_times"
"""Dataset type of the seconds that each stage of an attempt took, as far as its export."""

_VISIT_DETECTOR = ("instrument", "group", "detector")


def raw_run(instrument: str) -> str:
    """Name the run that holds an instrument's raws, as `lsst.pipe.base.Instrument` names it."""
    return f"{instrument}/raw/all"


def provenance_type(universe: DimensionUniverse) -> DatasetType:
    """Define `PROVENANCE`: one for each run of a pipeline on a visit-detector."""
    return DatasetType(PROVENANCE, _VISIT_DETECTOR, "ProvenanceQuantumGraph", universe=universe)


def region_time_type(universe: DimensionUniverse) -> DatasetType:
    """Define `REGION_TIME`: one for each visit-detector."""
    return DatasetType(REGION_TIME, _VISIT_DETECTOR, "RegionTimeInfo", universe=universe)


def stage_times_type(universe: DimensionUniverse) -> DatasetType:
    """Define `STAGE_TIMES`: one for each visit-detector."""
    return DatasetType(STAGE_TIMES, _VISIT_DETECTOR, "StructuredDataDict", universe=universe)
