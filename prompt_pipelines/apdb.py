"""The alert production database: one open client for each, and the rows it takes.

The client takes 0.2 to 0.3 s to open, so it is kept for the life of the
process.
"""

import contextlib
import fcntl
import functools
import logging
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pandas as pd
from astropy.time import Time
from attrs import frozen
from lsst.dax.apdb import Apdb, ApdbConfig
from lsst.dax.apdb.sql import ApdbSqlConfig
from lsst.sphgeom import Region
from sqlalchemy.engine import make_url

from prompt_pipelines.errors import PromptPipelinesError

__all__ = [
    "BANDS",
    "ApdbError",
    "History",
    "check_new",
    "load_history",
    "load_objects",
    "open_apdb",
    "refresh_history",
    "store",
    "turn_at",
]

BANDS = ("u", "g", "r", "i", "z", "y")
"""Bands that the database's objects have columns for."""

_log = logging.getLogger(__name__)

_PAUSES = (1.0, 2.0, 4.0)
"""s between questions whether a transaction was committed whose answer was lost."""

_KEPT_STATEMENTS = 32
"""What the engine may keep of compiled SQL: pandas makes other tables for each visit, whose statements,
0.8 MiB a visit, are never used again. A visit's own are fewer than these."""


class ApdbError(PromptPipelinesError):
    """The database cannot be opened, read or written, or refuses what it is given."""


@frozen(eq=False)
class History:
    """Objects with their sources: what is known of a region of the sky, or what a visit adds."""

    objects: pd.DataFrame
    sources: pd.DataFrame
    forced_sources: pd.DataFrame


@functools.cache
def open_apdb(uri: str) -> Apdb:
    """Open the database that a configuration file describes, once for each process.

    Raises
    ------
    ApdbError
        Raised if that fails.
    """
    try:
        config = ApdbConfig.from_uri(uri)
        if isinstance(config, ApdbSqlConfig):
            config.connection_config.extra_parameters.setdefault("query_cache_size", _KEPT_STATEMENTS)
        return Apdb.from_config(config)
    except Exception as error:  # any of file, network and database errors
        raise ApdbError(f"cannot open the APDB of {uri}: {error}") from error


def load_history(apdb: Apdb, region: Region, time: Time) -> History:
    """Read all objects of a region with their sources.

    Parameters
    ----------
    apdb
        The database.
    region
        Where.
    time
        Of the visit; how far back is the database's configuration.

    Raises
    ------
    ApdbError
        Raised if the database cannot be read.
    """
    try:
        objects = apdb.getDiaObjects(region)
        return _with_sources(apdb, region, objects, objects["diaObjectId"].tolist(), time)
    except Exception as error:  # whatever the database's driver raises
        raise ApdbError(f"cannot read the APDB: {error}") from error


def load_objects(apdb: Apdb, region: Region) -> pd.DataFrame:
    """Read all objects of a region.

    Raises
    ------
    ApdbError
        Raised if the database cannot be read.
    """
    try:
        return apdb.getDiaObjects(region)
    except Exception as error:  # whatever the database's driver raises
        raise ApdbError(f"cannot read the APDB: {error}") from error


def refresh_history(apdb: Apdb, region: Region, time: Time, known: History) -> History:
    """Bring a history up to date, reading sources of new and changed objects only.

    A visit of the same group, or another detector's, may have written since
    the history was loaded.

    Raises
    ------
    ApdbError
        Raised if the database cannot be read.
    """
    try:
        objects = apdb.getDiaObjects(region)
        counts = dict(zip(known.objects["diaObjectId"], known.objects["nDiaSources"], strict=True))
        changed = [
            int(object_id)
            for object_id, number in zip(objects["diaObjectId"], objects["nDiaSources"], strict=True)
            if counts.get(object_id) != number
        ]
        fresh = _with_sources(apdb, region, objects, changed, time)
    except Exception as error:  # whatever the database's driver raises
        raise ApdbError(f"cannot read the APDB: {error}") from error
    return History(
        objects,
        _merged(known.sources, fresh.sources, changed),
        _merged(known.forced_sources, fresh.forced_sources, changed),
    )


@contextlib.contextmanager
def turn_at(uri: str) -> Iterator[None]:
    """Wait until no other process is between reading objects and storing new ones.

    Two images of one place would else each find no object there, and each
    make one. Only processes that share an SQLite file take turns: other
    databases are shared by machines, whose images of one place are further apart.

    Raises
    ------
    ApdbError
        Raised if the file for it cannot be opened.
    """
    file = _sqlite_file(uri)
    if file is None:
        yield
        return
    try:
        lock = file.with_name(f"{file.name}.turn").open("ab")
    except OSError as error:
        raise ApdbError(f"cannot take turns at the APDB of {uri}: {error}") from error
    # Let go of by closing it, and by the death of the process.
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@functools.cache
def _sqlite_file(uri: str) -> Path | None:
    config = ApdbConfig.from_uri(uri)
    if not isinstance(config, ApdbSqlConfig):
        return None
    url = make_url(config.db_url)
    if url.get_backend_name() != "sqlite" or url.database in {None, "", ":memory:"}:
        return None
    # The client that makes a database writes its place as a URI.
    return Path(urlsplit(str(url.database)).path)


def check_new(apdb: Apdb, visit: int, detector: int) -> None:
    """Make sure that nothing of a visit and detector has been stored.

    A visit that stored no source cannot be told from one that was never seen.

    Raises
    ------
    ApdbError
        Raised if something has, or the database cannot be read.
    """
    try:
        stored = apdb.containsVisitDetector(visit, detector)
    except Exception as error:  # whatever the database's driver raises
        raise ApdbError(f"cannot read the APDB: {error}") from error
    if stored:
        raise ApdbError(f"the APDB holds visit {visit}, detector {detector} already")


def store(apdb: Apdb, at: Time, addition: History) -> None:
    """Store what a visit adds, in one transaction.

    Raises
    ------
    ApdbError
        Raised if the database does not take it, or does not say so. If it holds the
        sources in spite of an error, only its answer was lost.
    """
    try:
        # The client changes the tables that it is given.
        apdb.store(at, addition.objects.copy(), addition.sources.copy(), addition.forced_sources.copy())
    except Exception as error:  # whatever the database's driver raises
        if not _is_stored(apdb, addition.sources):
            raise ApdbError(f"the APDB did not take the sources: {error}") from error
        _log.warning("the APDB holds the sources, though its answer was an error: %s", error)


def _is_stored(apdb: Apdb, sources: pd.DataFrame) -> bool:
    """Ask, on a new connection, whether the database holds sources: it takes all or none."""
    if not len(sources):
        return False
    visit, detector = (int(sources[name].iloc[0]) for name in ("visit", "detector"))
    for pause in (0.0, *_PAUSES):
        time.sleep(pause)
        try:
            # The client has given up the connection that failed.
            return apdb.containsVisitDetector(visit, detector)
        except Exception as error:  # noqa: BLE001 - as above
            _log.warning("the APDB does not say whether it holds the sources: %s", error)
    return False


def _with_sources(
    apdb: Apdb, region: Region, objects: pd.DataFrame, ids: Iterable[int], time: Time
) -> History:
    ids = list(ids)
    sources = apdb.getDiaSources(region, ids, time)
    forced = apdb.getDiaForcedSources(region, ids, time)
    return History(
        objects,
        pd.DataFrame({"diaObjectId": []}) if sources is None else sources,
        pd.DataFrame({"diaObjectId": []}) if forced is None else forced,
    )


def _merged(old: pd.DataFrame, new: pd.DataFrame, replaced: list[int]) -> pd.DataFrame:
    kept = old[~old["diaObjectId"].isin(replaced)]
    parts = [part for part in (kept, new) if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else new
