"""From when until when masters are to be used."""

from collections.abc import Sequence

from astropy.time import Time
from lsst.daf.butler import (  # type: ignore[attr-defined]  # CollectionType is public, not marked as such
    Butler,
    CollectionType,
    DatasetAssociation,
    DatasetRef,
    Timespan,
)
from lsst.daf.butler.registry import ConflictingDefinitionError

from domain.runs import input_collections
from simulator.errors import SimulatorError
from workbench.masters.stored_masters import CAMERA, StoredMaster, associations

__all__ = ["certify", "withdraw"]


def certify(
    butler: Butler,
    masters: Sequence[StoredMaster],
    span: Timespan,
    *,
    force: bool,
    replace: bool,
    until_next: bool = False,
) -> Sequence[StoredMaster]:
    """Certify masters of one run for a time, all or none; returns those that were.

    Parameters
    ----------
    masters
        Of one instrument.
    span
        When they are to be used.
    force
        Certify those too that have failed their checks.
    replace
        Take others out of that time, which keep what time they have before and
        after it.
    until_next
        Certify each only until the next one of its kind is used, if there is one that is
        certified from a later time on.

    Raises
    ------
    SimulatorError
        Raised if others are certified for that time, or if nothing may be
        certified; the text says why.
    """
    good = [one for one in masters if force or not one.failures]
    if not good:
        reasons = "; ".join(f"{one.name}: {', '.join(one.failures)}" for one in masters)
        raise SimulatorError(
            f"no master has passed its checks ({reasons}); --force certifies them all the same"
        )
    instrument = str(good[0].ref.dataId["instrument"])
    collection = input_collections(instrument).calibrations
    butler.collections.register(collection, CollectionType.CALIBRATION)
    spans = {one.ref: _until_next(butler, collection, one, span) if until_next else span for one in good}
    with butler.transaction():
        spans |= dict.fromkeys(_camera_to_certify(butler, collection, good[0], span, replace=replace), span)
        if replace:
            for ref, its_span in spans.items():
                _free(butler, collection, ref, its_span)
        try:
            for its_span in set(spans.values()):
                refs = [ref for ref, other in spans.items() if other == its_span]
                butler.registry.certify(collection, refs, its_span)
        except ConflictingDefinitionError as error:
            raise SimulatorError(
                f"{collection} has other masters for that time: withdraw them, or --replace them"
            ) from error
    return good


def withdraw(butler: Butler, masters: Sequence[StoredMaster], span: Timespan) -> list[StoredMaster]:
    """Take masters out of a time; returns those that were certified for any of it."""
    withdrawn: list[StoredMaster] = []
    with butler.transaction():
        for one in masters:
            collection = input_collections(str(one.ref.dataId["instrument"])).calibrations
            # Another master of the same detector may be certified for other times, which it keeps.
            overlaps = [
                overlap
                for association in associations(butler, one.dataset_type)
                if association.ref == one.ref and association.collection == collection
                if (overlap := _common(association, span)) is not None
            ]
            for overlap in overlaps:
                butler.registry.decertify(collection, one.dataset_type, overlap, dataIds=[one.ref.dataId])
            if overlaps:
                withdrawn.append(one)
    return withdrawn


def _common(association: DatasetAssociation, span: Timespan) -> Timespan | None:
    if association.timespan is None or not association.timespan.overlaps(span):
        return None
    return association.timespan.intersection(span)


def _free(butler: Butler, collection: str, ref: DatasetRef, span: Timespan) -> None:
    """Take others of a kind out of a time; the Butler refuses where there never was one."""
    others = associations(butler, ref.datasetType.name)
    if any(one.collection == collection and _common(one, span) is not None for one in others):
        butler.registry.decertify(collection, ref.datasetType, span, dataIds=[ref.dataId])


def _until_next(butler: Butler, collection: str, master: StoredMaster, span: Timespan) -> Timespan:
    """Cut a time where the next master of the kind begins to be used."""
    begins = [
        association.timespan.begin
        for association in associations(butler, master.dataset_type)
        if association.collection == collection
        and association.ref.dataId == master.ref.dataId
        and association.timespan is not None
    ]
    first = span.begin if isinstance(span.begin, Time) else None
    later = [begin for begin in begins if isinstance(begin, Time) and (first is None or begin > first)]
    if isinstance(span.end, Time):
        later.append(span.end)
    return Timespan(first, min(later)) if later else span


def _camera_to_certify(
    butler: Butler, collection: str, master: StoredMaster, span: Timespan, *, replace: bool
) -> list[DatasetRef]:
    """Return the camera of a master's run, unless an equal one is certified already."""
    own = butler.find_dataset(CAMERA, {"instrument": master.ref.dataId["instrument"]}, collections=master.run)
    if own is None:
        return []
    others = [
        association.ref
        for association in associations(butler, CAMERA)
        if association.collection == collection and _common(association, span) is not None
    ]
    if not others:
        return [own]
    if all(other == own or butler.get(other) == butler.get(own) for other in others):
        return []
    if not replace:
        raise SimulatorError(
            f"{collection} has another description of the camera for that time: --replace it,"
            " or build with its file"
        )
    return [own]
