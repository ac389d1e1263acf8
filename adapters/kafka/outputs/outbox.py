"""Where messages for the Butler Writer lie that no broker took (semantics 10)."""

from functools import cached_property
from typing import Final

from lsst.resources import ResourcePath

from adapters.kafka.outputs.whole_files import STORE_FAILURES, write_whole
from domain.errors import PromptProcessingError

__all__ = ["Outbox", "OutboxUnavailableError"]

_FOLDER: Final = ".prompt-outbox/"


class OutboxUnavailableError(PromptProcessingError):
    """The outbox cannot be reached, or refuses."""


class Outbox:
    """A folder beside the datasets of the central datastore; all methods block.

    Objects appear whole or not at all. lsst.resources waits for S3 for minutes
    rather than seconds: whoever is in a hurry calls from a thread.

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
        target = self._folder.join(name)
        try:
            write_whole(target, content)
        except STORE_FAILURES as error:
            raise OutboxUnavailableError(f"cannot write {target}: {error}") from error

    def names(self) -> list[str]:
        """List what lies there.

        Raises
        ------
        OutboxUnavailableError
            Raised if the folder could not be listed.
        """
        try:
            # A folder on a disk is made by the first to lay something down.
            if self._folder.isLocal and not self._folder.exists():
                return []
            for _, _, names in self._folder.walk(r"^[^/]+\.json$"):
                return sorted(names)
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
        target = self._folder.join(name)
        try:
            content: bytes = target.read()
        except FileNotFoundError:
            return None
        except STORE_FAILURES as error:
            raise OutboxUnavailableError(f"cannot read {target}: {error}") from error
        return content

    def remove(self, name: str) -> None:
        """Delete an object; harmless if it is gone.

        Raises
        ------
        OutboxUnavailableError
            Raised if it could not be deleted.
        """
        target = self._folder.join(name)
        try:
            target.remove()
        except FileNotFoundError:
            return
        except STORE_FAILURES as error:
            raise OutboxUnavailableError(f"cannot delete {target}: {error}") from error
