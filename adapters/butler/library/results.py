"""What of the night is in the central repository, and since when."""

import datetime
import json
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import numpy as np
import numpy.typing as npt
from attrs import frozen
from lsst.daf.butler import Butler, Config, DataCoordinate, DatasetRef, FileDataset
from lsst.resources import ResourcePath

from adapters.butler.shared.names import CollectionType
from domain.times import UtcSeconds

__all__ = ["Results", "keep_results", "read_planes", "read_results"]

_STAMP = "%Y-%m-%dT%H-%M-%S-%f"
# Without the group, of which lsst.resources loses what follows a # when it downloads into such a folder.
_TEMPLATE = (
    "{run:/}/{datasetType}.{component:?}/{day_obs|visit.day_obs|exposure.day_obs:?}/"
    "{datasetType}_{instrument:?}_{physical_filter:?}_{visit:?}_{exposure:?}_{detector:?}"
    # What is made of results later, such as templates of a night.
    "_{band:?}_{skymap:?}_{tract:?}_{patch:?}_{id}"
)
_DIFFERENCE = "difference_image"
_COPIED_AT_ONCE = 4
_STAMP_LENGTH = len("2026-03-14T02-16-09-120934")


@frozen(kw_only=True)
class Results:
    """Outputs that the Butler Writer has made known."""

    arrived: Mapping[tuple[str, int], UtcSeconds]
    """By group and detector: when the last of its outputs became known."""
    counts: Mapping[str, int]
    """Datasets by type; of more with one data ID the one that is found first."""
    differenced: frozenset[tuple[int, int]]
    """Visit and detector of each difference image."""


def read_results(repository: Path, batches: Path, instrument: str) -> Results:
    """Read the writer's lists of datasets and look each dataset up in the registry.

    Parameters
    ----------
    repository
        The central repository.
    batches
        Folder of the writer's lists; their names begin with the time.
    instrument
        Whose exposures are meant.
    """
    arrived: dict[tuple[str, int], UtcSeconds] = {}
    found: set[tuple[str, DataCoordinate]] = set()
    differenced: set[tuple[int, int]] = set()
    with Butler.from_config(str(repository), writeable=False) as butler:
        groups = {
            record.id: record.group
            for record in butler.query_dimension_records("exposure", instrument=instrument, explain=False)
        }
        for file in sorted(batches.glob("*.json")):
            when = _time_of(file)
            for ref in _datasets(butler, file):
                found.add((ref.datasetType.name, ref.dataId))
                if ref.datasetType.name == _DIFFERENCE:
                    differenced.add((int(ref.dataId["visit"]), int(ref.dataId["detector"])))
                key = _visit_detector(ref, groups)
                if key is not None:
                    arrived[key] = max(when, arrived.get(key, when))
    return Results(
        arrived=arrived, counts=Counter(name for name, _ in found), differenced=frozenset(differenced)
    )


def keep_results(repository: Path, chain: str, target: Path) -> int:
    """Copy the outputs of a day, and all inputs, into a repository of their own, of plain files.

    The central repository of a demo lives in memory; this outlives it, and can be reprocessed by itself.

    Returns
    -------
    datasets
        How many were copied.
    """
    with Butler.from_config(str(repository), writeable=False) as central:
        collections = _without_other_days(central.collections.query("*"), chain)
        runs = set(collections) & {*central.collections.query("*", collection_types=CollectionType.RUN)}
        with central.query() as query:
            refs = [
                ref
                for dataset_type in central.registry.queryDatasetTypes()
                for ref in query.datasets(dataset_type, sorted(runs), find_first=False)
            ]
        _make(target, Config(str(repository / "butler.yaml")), central)
        _copy_datasets(central, refs, collections, target)
    return len(refs)


def _copy_datasets(
    central: Butler, refs: Iterable[DatasetRef], collections: Iterable[str], target: Path
) -> None:
    """Copy files at first, several at once, and then move them to where they belong.

    An import that copies asks an object store twice for each file, and for one after the other.
    """
    with tempfile.TemporaryDirectory(prefix="copying-", dir=target) as folder:
        export, sources = str(Path(folder) / "export.yaml"), dict[Path, ResourcePath]()

        def copied(file: FileDataset) -> FileDataset:
            source = ResourcePath(file.path)
            copy = Path(folder) / f"{file.refs[0].id}{source.getExtension()}"
            sources[copy] = source
            return FileDataset(str(copy), file.refs, formatter=file.formatter)

        with central.export(directory=folder, filename=export, transfer="direct") as exporter:
            exporter.saveDatasets(_expanded(central, refs), rewrite=copied)
            for collection in collections:
                exporter.saveCollection(collection)
        with ThreadPoolExecutor(_COPIED_AT_ONCE) as pool:
            for _ in pool.map(_copy, sources.values(), sources):
                pass
        with Butler.from_config(str(target), writeable=True) as kept:
            kept.import_(filename=export, transfer="move")


def read_planes(
    repository: Path, chain: str, types: Sequence[str], places: Iterable[tuple[int, int]]
) -> Iterator[Sequence[npt.NDArray[np.floating]]]:
    """Read the pixels of some images of each of some places.

    Parameters
    ----------
    repository
        Of outputs, with one instrument.
    chain
        Where its images are.
    types
        Dataset types of the images.
    places
        Visit and detector of each.
    """
    with Butler.from_config(str(repository), writeable=False, collections=chain) as butler:
        [instrument] = {record.name for record in butler.query_dimension_records("instrument")}
        for visit, detector in places:
            data_id = {"instrument": instrument, "visit": visit, "detector": detector}
            images = [butler.get(name, data_id) for name in types]
            yield [getattr(image, "image", image).array for image in images]


def _expanded(butler: Butler, refs: Iterable[DatasetRef]) -> list[DatasetRef]:
    """Add records: the exporter, which does it for many at once, stumbles over a visit that has no region."""
    refs = list(refs)
    data_ids = {data_id: butler.registry.expandDataId(data_id) for data_id in {ref.dataId for ref in refs}}
    return [ref.expanded(data_ids[ref.dataId]) for ref in refs]


def _without_other_days(collections: Iterable[str], chain: str) -> list[str]:
    """Leave out what an initializer has made for the next day."""
    days = chain[: -len("YYYY-MM-DD")]
    return [
        one for one in collections if one == chain or one.startswith(f"{chain}/") or not one.startswith(days)
    ]


def _copy(source: ResourcePath, target: Path) -> None:
    target.write_bytes(source.read())


def _make(target: Path, ours: Config, central: Butler) -> None:
    config = Config()
    # What is not stock, such as how raws are read.
    for part in (("storageClasses",), ("datastore", "formatters")):
        if part in ours:
            config[part] = ours[part]
    config["datastore", "templates", "default"] = _TEMPLATE
    Butler.makeRepo(str(target), config=config, dimensionConfig=central.dimensions.dimensionConfig)


def _time_of(file: Path) -> UtcSeconds:
    moment = datetime.datetime.strptime(file.name[:_STAMP_LENGTH], _STAMP).replace(tzinfo=datetime.UTC)
    return UtcSeconds(moment.timestamp())


def _datasets(butler: Butler, file: Path) -> Iterable[DatasetRef]:
    for number in json.loads(file.read_text())["datasets"]:
        ref = butler.get_dataset(UUID(number))
        if ref is not None:
            yield ref


def _visit_detector(ref: DatasetRef, groups: Mapping[int, str]) -> tuple[str, int] | None:
    data_id = ref.dataId.mapping
    detector = data_id.get("detector")
    # A visit is defined one-to-one, by the id of its exposure.
    exposure = data_id.get("exposure", data_id.get("visit"))
    group = data_id.get("group") or groups.get(exposure if isinstance(exposure, int) else -1)
    return (str(group), detector) if group is not None and isinstance(detector, int) else None
