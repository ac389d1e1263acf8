"""The root of the central datastore: what is mounted there may go away at any time."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lsst.resources import ResourcePath

from adapters.butler.shared.steps import one_line
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
        self.uri: str = root.geturl()
        self._path = Path(root.ospath) if root.scheme == "file" else None

    def is_mounted(self) -> bool:
        """Tell whether it is a mount point itself; what is no local folder is none.

        Raises
        ------
        WorkspaceError
            Raised if it is not there, or empty: it holds the init-outputs at least.
        """
        if self._path is None:
            return False
        try:
            with os.scandir(self._path) as entries:
                is_empty = next(entries, None) is None
        except OSError as error:
            raise WorkspaceError(f"the central datastore's root cannot be read: {one_line(error)}") from error
        if is_empty:
            raise WorkspaceError(f"the central datastore's root is empty, as if unmounted: {self._path}")
        return self._path.resolve().is_mount()

    @contextmanager
    def kept_mounted(self, *, was_mounted: bool) -> Iterator[None]:
        """Make sure that it is there, before and after something is written to it.

        Parameters
        ----------
        was_mounted
            When the attempt began.

        Raises
        ------
        WorkspaceError
            Raised if it is not there, or only what it was mounted on.
        """
        self._expect(was_mounted=was_mounted)
        yield
        self._expect(was_mounted=was_mounted)

    def _expect(self, *, was_mounted: bool) -> None:
        is_mounted = self.is_mounted()
        if was_mounted and not is_mounted:
            raise WorkspaceError(f"the central datastore's root is not mounted any more: {self._path}")
