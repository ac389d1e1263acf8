"""The data of one run as rows: an exposure with all that goes with it."""

from lsst.daf.butler import DimensionRecord, DimensionUniverse

from adapters.butler.predicted.known_records import KnownRecords
from adapters.butler.predicted.predicted_graph import Row
from adapters.butler.repository.visit_repository import Plan
from adapters.butler.shared.records import make_record

__all__ = ["rows_of"]


def rows_of(plan: Plan, records: KnownRecords, universe: DimensionUniverse) -> list[Row]:
    """List what a run is about.

    Parameters
    ----------
    plan
        The run. Without exposures it is about the group and detector alone.
    records
        Knows the exposures; exposures that it does not know are left out.
        Visits without a region get one that is unknown.
    universe
        The dimensions.
    """
    base = {name: plan.data_id[name] for name in ("instrument", "group", "detector")}
    if not plan.exposures:
        return [base]
    rows: list[Row] = []
    for pair in records.of("visit_definition"):
        exposure = records.find("exposure", base["instrument"], pair.exposure)
        if pair.exposure not in plan.exposures or exposure is None:
            continue
        physical_filter = records.find("physical_filter", base["instrument"], exposure.physical_filter)
        if physical_filter is None:
            continue
        _ensure_region(records, universe, base, pair)
        row = {
            **base,
            "exposure": pair.exposure,
            "visit": pair.visit,
            "group": exposure.group,
            "day_obs": exposure.day_obs,
            "physical_filter": exposure.physical_filter,
            "band": physical_filter.band,
        }
        rows.append(row)
    return rows


def _ensure_region(
    records: KnownRecords, universe: DimensionUniverse, base: Row, pair: DimensionRecord
) -> None:
    place = {"instrument": base["instrument"], "detector": base["detector"], "visit": pair.visit}
    if records.find("visit_detector_region", *place.values()) is None:
        records.add([make_record(universe, "visit_detector_region", **place, region=None)])
