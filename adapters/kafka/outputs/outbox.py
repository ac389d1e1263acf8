"""Where messages for the Butler Writer lie that no broker took (semantics 10)."""

import os
import re
from functools import cached_property
from pathlib import Path
from typing import Final
from urllib.parse import quote

from lsst.resources import ResourcePath

from adapters.kafka.outputs.whole_files import STORE_FAILURES, write_whole
from ports.neighbours import NeighbourUnavailableError

__all__ = ["Outbox", "OutboxUnavailableError"]

_FOLDER: Final = ".prompt-outbox/"
_LONGEST: Final = 64 << 20
"""Bytes; a message has some hundred thousand."""
_NAMES: Final = re.compile(r"^[^/]+\.json$")


class OutboxUnavailableError(NeighbourUnavailableError):
    """The outbox cannot be reached, or refuses."""


class Outbox:
    """A folder beside the datasets of the central datastore; all methods block.

    Objects appear whole or not at all. lsst.resources waits for S3 for minutes
    rather than seconds: a caller that cannot wait calls from a thread.

    Parameters
    ----------
    root
        URI of the root of the central datastore.
    """

    def __init__(self, root: str) -> None:
        self._root = root

    @cached_property
    def _folder(self) -> ResourcePath:
        # Not before it is needed: what speaks to S3 for it takes 15 MiB, and brokers are seldom away.
        return ResourcePath(self._root, forceDirectory=True).join(_FOLDER, forceDirectory=True)

    def put(self, name: str, content: bytes) -> None:
        """Lay one object down.

        Raises
        ------
        OutboxUnavailableError
            Raised if it could not be written.
        """
        try:
            write_whole(self._target(name), content)
        except STORE_FAILURES as error:
            raise OutboxUnavailableError(f"cannot write {name!r} to {self._folder}: {error}") from error

    def names(self) -> list[str]:
        """List what lies there.

        Raises
        ------
        OutboxUnavailableError
            Raised if the folder could not be listed.
        """
        try:
            if self._folder.isLocal:
                # A walk would take a folder that may not be read for an empty one.
                return sorted(filter(_NAMES.search, os.listdir(self._folder.ospath)))  # noqa: PTH208 - names
            for _, _, names in self._folder.walk(_NAMES):
                return sorted(names)
        except FileNotFoundError:
            # It is made by the first to lay something down.
            return []
        except STORE_FAILURES as error:
            raise OutboxUnavailableError(f"cannot list {self._folder}: {error}") from error
        return []

    def read(self, name: str) -> bytes | None:
        """Read an object; None if it is gone.

        Raises
        ------
        OutboxUnavailableError
            Raised if it could not be read.
        """
        try:
            target = self._target(name)
            if target.isLocal:
                _expect_file(Path(target.ospath))
            content: bytes = target.read(_LONGEST + 1)
        except FileNotFoundError:
            return None
        except STORE_FAILURES as error:
            raise OutboxUnavailableError(f"cannot read {name!r} in {self._folder}: {error}") from error
        if len(content) > _LONGEST:
            raise OutboxUnavailableError(f"{name!r} in {self._folder} has more than {_LONGEST} bytes")
        return content

    def remove(self, name: str) -> None:
        """Delete an object; harmless if it is gone.

        Raises
        ------
        OutboxUnavailableError
            Raised if it could not be deleted.
        """
        try:
            self._target(name).remove()
        except FileNotFoundError:
            return
        except STORE_FAILURES as error:
            raise OutboxUnavailableError(f"cannot delete {name!r} in {self._folder}: {error}") from error

    def _target(self, name: str) -> ResourcePath:
        """Find an object's place, whatever its name means in a URI."""
        return self._folder.replace(path=f"{self._folder.path}{quote(name)}", forceDirectory=False)


def _expect_file(path: Path) -> None:
    """Refuse what could not be read, or never to its end.

    Raises
    ------
    OSError
        Raised if it is no file, or not there.
    """
    if path.is_file():
        return
    if not os.path.lexists(path):
        raise FileNotFoundError(path)
    raise OSError("it is not a file")
