"""From when until when masters are to be used."""

from collections.abc import Sequence

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
    butler: Butler, masters: Sequence[StoredMaster], span: Timespan, *, force: bool, replace: bool
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
    refs = [one.ref for one in good]
    with butler.transaction():
        refs += _camera_to_certify(butler, collection, good[0], span, replace=replace)
        if replace:
            for ref in refs:
                butler.registry.decertify(collection, ref.datasetType, span, dataIds=[ref.dataId])
        try:
            butler.registry.certify(collection, refs, span)
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
