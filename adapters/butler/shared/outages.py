"""Which neighbour is away, by the error that was raised, before it becomes text.

Too many errors are taken for an outage rather than too few: nothing follows from it unless a
probe of that neighbour fails too.
"""

import errno
import sqlite3
from collections.abc import Iterator
from http import HTTPStatus
from typing import Final

import botocore.exceptions
import sqlalchemy.exc

from adapters.butler.shared.database_errors import blames_database
from ports.neighbours import Neighbour

__all__ = ["is_disk_full", "neighbour_away"]

_DISK_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS})
_OWN: Final = _DISK_FULL | {errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.E2BIG, errno.ENAMETOOLONG}
"""Of the worker's own machine, or of a name."""
_DEPTH: Final = 20
"""Errors of a chain that are looked at."""


def neighbour_away(
    error: BaseException | None, database: Neighbour = Neighbour.REPOSITORY
) -> Neighbour | None:
    """Find the neighbour that an error speaks of as away; None if it speaks of none.

    Parameters
    ----------
    error
        With all that it was raised from.
    database
        Whose a database is, where the error comes from.
    """
    for each in _chain(error, _DEPTH):
        if isinstance(each, sqlalchemy.exc.SQLAlchemyError):
            if blames_database(each):
                return database
        elif _blames_store(each):
            return Neighbour.DATASTORE
    return None


def is_disk_full(error: BaseException) -> bool:
    """Say whether a disk that takes no more is the reason of an error."""
    return any(
        each.errno in _DISK_FULL
        if isinstance(each, OSError)
        else getattr(each, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
        for each in _chain(error, _DEPTH)
    )


def _blames_store(error: BaseException) -> bool:
    """Sort errors of object stores by their status, those of file systems by their number."""
    if isinstance(error, botocore.exceptions.ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS
    if isinstance(error, botocore.exceptions.BotoCoreError):
        return True
    return isinstance(error, OSError) and error.errno not in _OWN


def _chain(error: BaseException | None, depth: int) -> Iterator[BaseException]:
    """Go through an error, those in it if it is a group, and what they were raised from."""
    while error is not None and depth > 0:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for each in error.exceptions:
                yield from _chain(each, depth - 1)
        error, depth = error.__cause__ or error.__context__, depth - 1
