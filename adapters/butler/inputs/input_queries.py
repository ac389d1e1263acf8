"""Inputs found by asking the central registry."""

from collections.abc import Iterable, Sequence

from lsst.daf.butler import (
    Butler,
    DatasetAssociation,
    DatasetType,
    MissingCollectionError,
    MissingDatasetTypeError,
    SkyPixDimension,
)

from adapters.butler.inputs.inputs import Found, Selection, first_found
from adapters.butler.shared.central_repository import CentralRepositories
from adapters.butler.shared.names import CollectionType

__all__ = ["InputQueries", "existing_collections", "spatial_element"]


def existing_collections(butler: Butler, names: Iterable[str]) -> tuple[list[str], list[str]]:
    """Sort names of collections into those that exist and those that do not."""
    there: list[str] = []
    missing: list[str] = []
    for name in names:
        try:
            butler.collections.get_info(name)
            there.append(name)
        except MissingCollectionError:
            missing.append(name)
    return there, missing


def spatial_element(dataset_type: DatasetType) -> str | None:
    """Name the dimension that places a type's datasets on the sky, if one does."""
    for element in ("patch", "tract"):
        if element in dataset_type.dimensions:
            return element
    dimensions = dataset_type.dimensions.universe.dimensions
    pixels = [name for name in dataset_type.dimensions.names if isinstance(dimensions[name], SkyPixDimension)]
    return pixels[0] if pixels else None


class InputQueries:
    """Looks into the central repository, anew each time.

    Parameters
    ----------
    shared
        The central repositories.
    """

    def __init__(self, shared: CentralRepositories) -> None:
        self._shared = shared

    def collections(self, names: Iterable[str]) -> tuple[Sequence[str], Sequence[str]]:
        """See `InputFinder.collections`."""
        return existing_collections(self._shared.reader, names)

    def find(
        self, dataset_type: DatasetType, collections: Sequence[str], selection: Selection
    ) -> Sequence[Found]:
        """See `InputFinder.find`."""
        rows, order = self.rows(dataset_type, collections, selection)
        return first_found(rows, order, selection)

    def forget(self, age: float = 0.0) -> bool:  # noqa: ARG002 - see `InputFinder`
        """See `InputFinder.forget`: nothing is remembered."""
        return False

    def rows(
        self, dataset_type: DatasetType, collections: Sequence[str], selection: Selection
    ) -> tuple[list[Found], list[str]]:
        """Find datasets of one type in all collections.

        Returns
        -------
        rows
            A dataset once for each collection, and validity, in which it is.
        order
            The collections, chains resolved, in the order of their search.
        """
        butler = self._shared.reader
        infos = {
            info.name: info
            for info in butler.collections.query_info(collections, flatten_chains=True)
            if info.type is not CollectionType.CHAINED
        }
        spatial = spatial_element(dataset_type)
        if spatial is not None and (selection.region is None or _any_band(dataset_type, selection)):
            return [], list(infos)
        data_id = {
            name: value for name, value in selection.data_id.items() if name in dataset_type.dimensions
        }
        with butler.query() as query:
            try:
                search = query.join_dataset_search(dataset_type.name, list(infos)).where(data_id)
            except MissingDatasetTypeError:
                return [], list(infos)
            if spatial is not None:
                search = search.where(f"{spatial}.region OVERLAPS region", bind={"region": selection.region})
            if dataset_type.isCalibration():
                x = query.expression_factory
                search = search.where(x[dataset_type.name].timespan.overlaps(selection.timespan))
            result = search.general(
                dataset_type.dimensions,
                dataset_fields={dataset_type.name: {"dataset_id", "run", "collection", "timespan"}},
                find_first=False,
            )
            rows = [
                Found(row.ref, row.collection, row.timespan)
                for row in DatasetAssociation.from_query_result(result, dataset_type, infos)
            ]
        return [row for row in rows if _filter_matches(row, selection)], list(infos)


def _any_band(dataset_type: DatasetType, selection: Selection) -> bool:
    """Say whether the type is one per band and the band is unknown: all would be too many."""
    return "band" in dataset_type.dimensions and "band" not in selection.data_id


def _filter_matches(row: Found, selection: Selection) -> bool:
    if selection.filters is None or "physical_filter" not in row.ref.dimensions:
        return True
    return row.ref.dataId["physical_filter"] in selection.filters
