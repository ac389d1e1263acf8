"""Where an APDB is: its configuration, an SQLite file, or the address of a database."""

from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import URL, make_url

from domain.addresses import without_users
from domain.errors import PromptProcessingError

__all__ = ["ApdbAddressError", "NoSqlApdbError", "reading_engine"]

_PATIENCE: Final = 10.0  # seconds to connect, or to wait for who writes


class ApdbAddressError(PromptProcessingError):
    """An address leads to no APDB that SQL can read."""


class NoSqlApdbError(ApdbAddressError):
    """There is an APDB, in a database without SQL, such as Cassandra."""


def reading_engine(address: str) -> tuple[Engine, str | None]:
    """Make an engine that only reads.

    Parameters
    ----------
    address
        URI of a configuration as `lsst.dax.apdb` writes it (``.yaml``, or a label), path of an SQLite file
        (``.db``), or a URL of SQLAlchemy.

    Returns
    -------
    engine
        Not connected yet.
    namespace
        The schema that its tables are in; None is the usual one.

    Raises
    ------
    ApdbAddressError
        Raised if a configuration cannot be read.
    NoSqlApdbError
        Raised if it is of a database without SQL.
    """
    url, namespace = _url(address)
    backend = url.get_backend_name()
    if backend == "sqlite":
        file = Path(urlsplit(url.database or "").path if _is_uri(url) else url.database or "")
        url = url.set(database=f"file:{file.absolute()}", query={"mode": "ro", "uri": "true"})
    options: dict[str, Any] = (
        {"connect_args": {"timeout": _PATIENCE}}
        if backend == "sqlite"
        else {
            "connect_args": {"connect_timeout": int(_PATIENCE)},
            "execution_options": {"postgresql_readonly": True},
            "pool_pre_ping": True,
        }
    )
    return create_engine(url, **options), namespace


def _is_uri(url: URL) -> bool:
    return (url.database or "").startswith("file:")


def _url(address: str) -> tuple[URL, str | None]:
    if address.endswith(".db"):
        return URL.create("sqlite", database=address), None
    if address.startswith(("sqlite:", "postgresql")):
        return make_url(address), None
    return _configured(address)


def _configured(address: str) -> tuple[URL, str | None]:
    # With pandas and more, a fifth of what a console loads; the nights that people look back at need it not.
    from lsst.dax.apdb import ApdbConfig  # noqa: PLC0415 - as above
    from lsst.dax.apdb.sql import ApdbSqlConfig  # noqa: PLC0415 - as above

    try:
        config = ApdbConfig.from_uri(address)
    except Exception as error:  # whatever files, networks and YAML raise
        text = without_users(f"the APDB's configuration {address} cannot be read: {error}")
        raise ApdbAddressError(text) from error
    if not isinstance(config, ApdbSqlConfig):
        raise NoSqlApdbError(f"the APDB of {address} is no SQL database, which is all that can be looked at")
    return make_url(config.db_url), config.namespace
