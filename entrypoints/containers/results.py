"""What a night has left, or is making, for those who look at it: its images and its sources."""

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy.exc
from attrs import frozen

from adapters.apdb.addresses import ApdbAddressError, reading_engine
from adapters.apdb.dia_sources import DiaSources
from adapters.apdb.source_archive import ApdbSourceArchive
from adapters.butler.library.images import ButlerImageArchive
from adapters.common.alert_outbox import FOLDER
from adapters.files.alert_archive import FileAlertArchive
from domain.addresses import without_users
from domain.results.sources import DiaSource, SourceQuery
from entrypoints.containers.outcomes import SITE
from ports.image_archive import ImageArchive
from ports.source_archive import SourceArchive, SourceArchiveUnavailableError
from workbench.night.kept_night import ALERTS, DATABASE, NIGHT, read_alert_container

__all__ = ["ApdbAddressError", "Archives", "alerts_in", "dia_sources", "opened_archives", "places_in"]


"""Within a site's central datastore, of alerts that wait."""


@frozen(kw_only=True)
class Archives:
    """Images and sources of one instrument."""

    images: ImageArchive | None
    """None if it is not known where they are."""
    sources: SourceArchive | None
    """None if it is not known where they are."""


def alerts_in(folder: Path) -> FileAlertArchive | None:
    """Find the alerts of a folder of results or of a site; None if none are kept."""
    if (folder / SITE).exists():
        return FileAlertArchive([folder / "alerts"], [folder / "central" / FOLDER], _read_messages)
    kept = folder / NIGHT / ALERTS
    return FileAlertArchive([kept], [], read_alert_container) if kept.exists() else None


def places_in(folder: Path) -> tuple[str, str]:
    """Say where repository and APDB are in a folder of results or of a site; blank: not kept."""
    if (folder / SITE).exists():
        repository, apdb = folder / "central", folder / "apdb" / DATABASE
    else:
        repository, apdb = folder, folder / NIGHT / DATABASE
    is_kept = (repository / "butler.yaml").exists()
    return str(repository) if is_kept else "", str(apdb) if apdb.exists() else ""


def _read_messages(file: Path) -> Sequence[Mapping[str, Any]]:
    from workbench.night.alerts import read_alert_file  # noqa: PLC0415 - it loads Kafka's client

    return read_alert_file(file)


@contextlib.asynccontextmanager
async def opened_archives(*, repository: str, apdb: str, instrument: str) -> AsyncIterator[Archives]:
    """Open the archives of a night; neither place is asked before somebody looks.

    Parameters
    ----------
    repository
        URI or label of the Butler repository that outputs go to; blank: none.
    apdb
        As in `adapters.apdb.addresses.reading_engine`; blank: none.
    instrument
        Whose.

    Raises
    ------
    ApdbAddressError
        Raised if the APDB's configuration cannot be read.
    """
    async with contextlib.AsyncExitStack() as stack:
        images = ButlerImageArchive(repository, instrument) if repository else None
        sources = ApdbSourceArchive(apdb) if apdb else None
        for archive in (images, sources):
            if archive is not None:
                stack.push_async_callback(archive.close)
                archive.open()
        yield Archives(images=images, sources=sources)


def dia_sources(apdb: str | Path) -> Sequence[DiaSource]:
    """Read all DiaSources of an APDB, in the order of time.

    Parameters
    ----------
    apdb
        As in `adapters.apdb.addresses.reading_engine`.

    Raises
    ------
    ApdbAddressError
        Raised if its configuration cannot be read.
    ports.source_archive.SourceArchiveUnavailableError
        Raised if there is no such database.
    """
    engine, namespace = reading_engine(str(apdb))
    try:
        return DiaSources(engine, namespace).sources(SourceQuery(), None)
    except sqlalchemy.exc.SQLAlchemyError as error:
        reason = getattr(error, "orig", error)
        raise SourceArchiveUnavailableError(without_users(f"{apdb}: {reason}")) from error
    finally:
        engine.dispose()
