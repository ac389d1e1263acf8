"""The root of the shared datastore: what is mounted there may go away at any time."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lsst.resources import ResourcePath

from adapters.butler.steps import one_line
from ports.workspace import WorkspaceError

__all__ = ["OutputRoot"]


class OutputRoot:
    """Tells whether the datastore is there, so that nobody writes where nobody reads.

    Parameters
    ----------
    uri
        The root; one that is no local folder is taken to be there.
    """

    def __init__(self, uri: str) -> None:
        root = ResourcePath(uri, forceDirectory=True)
        self._path = Path(root.ospath) if root.scheme == "file" else None

    def device(self) -> int | None:
        """Name the device that it is on; None for what is no local folder.

        Raises
        ------
        WorkspaceError
            Raised if it is not there, or empty: it holds the init-outputs at least.
        """
        if self._path is None:
            return None
        try:
            with os.scandir(self._path) as entries:
                is_empty = next(entries, None) is None
            device = self._path.stat().st_dev
        except OSError as error:
            raise WorkspaceError(f"the shared datastore's root cannot be read: {one_line(error)}") from error
        if is_empty:
            raise WorkspaceError(f"the shared datastore's root is empty, as if unmounted: {self._path}")
        return device

    @contextmanager
    def staying(self, device: int | None) -> Iterator[None]:
        """Make sure that it is there, before and after something is written to it.

        Parameters
        ----------
        device
            Where it was when the attempt began.

        Raises
        ------
        WorkspaceError
            Raised if it is not there, or something else is in its place.
        """
        self._expect(device)
        yield
        self._expect(device)

    def _expect(self, device: int | None) -> None:
        # Not its inode: a FUSE file system may give it another one while it stays mounted.
        if self.device() != device:
            raise WorkspaceError(f"the shared datastore's root is on another device now: {self._path}")
