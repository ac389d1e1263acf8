"""Shared repositories for the writer, and messages of workers with next to nothing in them."""

import functools
import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import cast
from uuid import UUID, uuid4

import sqlalchemy
from attrs import frozen
from lsst.daf.butler import (
    Butler,
    Config,
    DataCoordinate,
    DatasetRef,
    DatasetType,
    DimensionRecord,
    DimensionUniverse,
    FileDataset,
)
from lsst.resources import ResourcePath

from adapters.butler.shared.datastore_root import datastore_root
from adapters.butler.shared.messages import encode, pack_records
from adapters.butler.shared.records import make_record
from adapters.files.cameras import load_camera
from benchmarks.services.postgresql import PostgresqlServer
from domain.cameras.camera_dict import camera_as_dict
from prompt_pipelines.camera import CameraDict
from prompt_pipelines.instrument import CameraInstrument
from prompt_pipelines.repository import butler_config

__all__ = ["PER_MESSAGE", "RUN", "Messages", "make_central", "new_database", "stored_rows"]

RUN = "SimCam/prompt/output-2026-03-13/Test/pipelines-0000000-config-0000000"
FORMATTER = "lsst.daf.butler.formatters.json.JsonFormatter"
_DAY = 20260313
_DIMENSIONS = {"result": "exposure", "outcome": "exposure", "plan": "group"}
PER_MESSAGE = len(_DIMENSIONS)
_MADE_BY_THE_SERVER = {"ingest_date", "last_update"}


def make_central(root: Path, *, database: str | None = None, datastore: str | None = None) -> str:
    """Make a repository without data, and return its address."""
    if database is not None:
        return _make(root, {"registry": {"db": database}}, datastore)
    # Where the Butler looks: what follows a number sign is no part of its paths.
    place = Path(ResourcePath(str(root), forceDirectory=True).ospath)
    shutil.copytree(_empty().name, place)
    if datastore is not None:
        config = Config(str(place / "butler.yaml"))
        config["datastore", "root"] = datastore
        config.dumpToUri(str(place / "butler.yaml"))
    return str(root)


@functools.cache
def _empty() -> tempfile.TemporaryDirectory[str]:
    """Make a repository of which the others are copies: making one takes a second."""
    folder = tempfile.TemporaryDirectory()
    _make(Path(folder.name), {}, None)
    return folder


def _make(root: Path, changed: Mapping[str, object], datastore: str | None) -> str:
    config = butler_config()
    config.update(Config(changed))
    if datastore is not None:
        config.update(Config({"datastore": {"root": datastore}}))
    Butler.makeRepo(str(root), config=config, forceConfigRoot=datastore is None)
    with Butler.from_config(str(root), writeable=True) as butler:
        camera = cast(CameraDict, camera_as_dict(load_camera("simulated")))
        CameraInstrument.for_camera(camera).register(butler.registry)
    return str(root)


def new_database(server: PostgresqlServer) -> str:
    """Make a database for a registry of its own, and return its address."""
    name = f"registry_{uuid4().hex}"
    engine = sqlalchemy.create_engine(server.url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text(f"CREATE DATABASE {name}"))
    engine.dispose()
    url = server.url.rpartition("/")[0] + f"/{name}"
    engine = sqlalchemy.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("CREATE EXTENSION IF NOT EXISTS btree_gist"))
    engine.dispose()
    return url


def stored_rows(database: str) -> Mapping[str, Sequence[tuple[str, ...]]]:
    """Read all tables of a registry but for times, so that two of them can be compared."""
    engine = sqlalchemy.create_engine(database)
    tables = sqlalchemy.MetaData()
    tables.reflect(engine)
    rows = {}
    with engine.connect() as connection:
        for name, table in sorted(tables.tables.items()):
            columns = [column for column in table.columns if column.name not in _MADE_BY_THE_SERVER]
            found = connection.execute(sqlalchemy.select(*columns))
            rows[name] = sorted(tuple(map(repr, row)) for row in found)
    engine.dispose()
    return rows


@frozen
class Messages:
    """Workers' messages for a repository, which has their files already."""

    repository: str
    universe: DimensionUniverse

    def many(self, numbers: Iterable[int], detectors: Sequence[int] = (0, 1)) -> Iterator[bytes]:
        """Make the messages of some exposures."""
        return (self.one(number, detector) for number in numbers for detector in detectors)

    def one(
        self, number: int, detector: int, *, formatter: str | None = FORMATTER, folder: str = RUN
    ) -> bytes:
        """Make the message of one exposure and detector, always the same."""
        files, types = [], []
        root = ResourcePath(datastore_root(self.repository), forceDirectory=True)
        for order, (name, dimension) in enumerate(_DIMENSIONS.items()):
            names = ("instrument", dimension, "detector")
            dataset_type = DatasetType(name, names, "StructuredDataDict", universe=self.universe)
            data_id = DataCoordinate.standardize(_place(number, detector), universe=self.universe)
            key = UUID(int=(number << 32) + (detector << 8) + order, version=4)
            ref = DatasetRef(dataset_type, data_id.subset(dataset_type.dimensions), RUN, id=key)
            path = f"{folder}/{name}/{number}_{detector}.json"
            root.join(path).write(json.dumps({"of": str(key)}).encode())
            types.append(dataset_type)
            files.append(FileDataset(path=path, refs=[ref], formatter=formatter))
        return encode(pack_records(self._records(number)), types, files)

    def _records(self, number: int) -> list[DimensionRecord]:
        place = _place(number, 0)
        group, exposure = place["group"], place["exposure"]
        return [
            make_record(self.universe, "group", instrument="SimCam", name=group),
            make_record(self.universe, "day_obs", instrument="SimCam", id=_DAY),
            make_record(
                self.universe,
                "exposure",
                instrument="SimCam",
                id=exposure,
                obs_id=f"exposure {exposure}",
                physical_filter=place["physical_filter"],
                group=group,
                day_obs=_DAY,
            ),
        ]


def _place(number: int, detector: int) -> Mapping[str, str | int]:
    return {
        "instrument": "SimCam",
        "detector": detector,
        "exposure": _DAY * 100_000 + number,
        "group": f"2026-03-14T02:15:07.310#{number}",
        "day_obs": _DAY,
        "physical_filter": "r_sim",
        "band": "r",
    }
