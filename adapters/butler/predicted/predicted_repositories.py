"""Makes attempts' repositories without a registry, wherever their pipelines allow it."""

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from lsst.daf.butler import ButlerConfig, DataCoordinate, DatasetRef

from adapters.butler.inputs.pipelines import LoadedPipeline
from adapters.butler.predicted.input_cache import InputCache
from adapters.butler.predicted.input_files import InputFiles
from adapters.butler.predicted.input_objects import InputObjects
from adapters.butler.predicted.known_records import CentralRecords
from adapters.butler.predicted.pipeline_shape import PipelineShape, shape_of
from adapters.butler.predicted.predicted_repository import PredictedRepository, Surroundings
from adapters.butler.predicted.stored_log import StoredDataset, read_log
from adapters.butler.repository.datastores import LoneDatastore
from adapters.butler.repository.full_repository import FullRepositories
from adapters.butler.repository.local_config import local_config
from adapters.butler.repository.visit_repository import VisitRepository
from adapters.butler.shared.central_repository import CentralRepositories
from adapters.butler.shared.messages import unpack_records

__all__ = ["PredictedRepositories"]

_log = logging.getLogger(__name__)

_PLAIN_TEMPLATE: Final = (
    "{datasetType}.{component:?}_{instrument:?}_{group:?}_{day_obs:?}_{exposure:?}_{visit:?}_{detector:?}_"
    "{band:?}_{physical_filter:?}_{subfilter:?}_{skymap:?}_{tract:?}_{patch:?}_{skypix:?}_{id}"
)
"""Of local files: the Butler's own would make a folder for nearly each of them."""


class PredictedRepositories:
    """Makes repositories; a `VisitRepositories`.

    Parameters
    ----------
    shared
        Where inputs come from and outputs go.
    full
        Makes repositories for pipelines that need a registry.
    instrument
        Whose visits are worked on.
    folder
        Where copies of inputs are kept across visits.
    cache_size
        Datasets kept of each type beyond what the visit at hand needs.
    object_bytes
        Bytes of files that may be kept in memory, unpacked.
    extra_config
        File of Butler configuration to merge, if any.
    clock
        Seconds, monotonic.
    """

    def __init__(
        self,
        shared: CentralRepositories,
        full: FullRepositories,
        *,
        instrument: str,
        folder: Path,
        cache_size: int = 3,
        object_bytes: int = 64 << 20,
        extra_config: str | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._shared = shared
        self._full = full
        self._extra_config = extra_config
        self._clock = clock
        self._records = CentralRecords(shared, instrument)
        self._finder = InputCache(shared, self._records)
        self._files = InputFiles(shared, folder, cache_size)
        self._objects = InputObjects(object_bytes)
        self._shapes: dict[int, tuple[LoadedPipeline, PipelineShape]] = {}
        self._config: ButlerConfig | None = None
        self._around: Surroundings | None = None

    @property
    def finder(self) -> InputCache:
        """See `VisitRepositories.finder`."""
        return self._finder

    def create(
        self, folder: Path, collections: Sequence[str], pipelines: Sequence[LoadedPipeline]
    ) -> VisitRepository:
        """See `VisitRepositories.create`."""
        if any(self._shape(pipeline).obstacles for pipeline in pipelines):
            return self._full.create(folder, collections, pipelines)
        folder.mkdir()
        return self._open(folder)

    def reopen(self, folder: Path, records: Sequence[Any]) -> VisitRepository:
        """See `VisitRepositories.reopen`."""
        if (folder / "butler.yaml").exists():
            return self._full.reopen(folder, records)
        datasets = read_log(folder)
        repository = self._open(folder)
        repository.add_records(unpack_records(records, repository.universe))
        repository.know([self._ref(dataset) for dataset in datasets])
        return repository

    def close(self) -> None:
        """See `VisitRepositories.close`."""
        self._around = None
        self._full.close()

    def _ref(self, dataset: StoredDataset) -> DatasetRef:
        kind = self._shared.outputs.get_dataset_type(dataset.dataset_type)
        data_id = DataCoordinate.from_required_values(kind.dimensions, dataset.values)
        return DatasetRef(kind, data_id, run=dataset.run, id=dataset.number)

    def _open(self, folder: Path) -> PredictedRepository:
        around = self._surroundings()
        config = ButlerConfig(self._local_config())
        config["datastore", "root"] = str(folder / "files")
        return PredictedRepository(folder, LoneDatastore(config, around.universe), around, self._clock)

    def _local_config(self) -> ButlerConfig:
        if self._config is None:
            config = ButlerConfig(local_config(self._shared, self._extra_config))
            config["datastore", "templates", "default"] = _PLAIN_TEMPLATE
            self._config = config
        return self._config

    def _surroundings(self) -> Surroundings:
        if self._around is None:
            universe = self._shared.reader.dimensions
            self._around = Surroundings(
                universe=universe,
                central=LoneDatastore(self._shared.write_config, universe),
                records=self._records.ensure(),
                files=self._files,
                objects=self._objects,
                shape=self._shape,
            )
        return self._around

    def _shape(self, pipeline: LoadedPipeline) -> PipelineShape:
        key = id(pipeline.graph)
        if key not in self._shapes:
            shape = shape_of(pipeline.graph)
            for obstacle in shape.obstacles:
                _log.warning("pipeline %s needs a registry: %s", pipeline.name, obstacle)
            self._shapes[key] = pipeline, shape
        return self._shapes[key][1]
