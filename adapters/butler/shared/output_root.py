"""The root of the central datastore: what is mounted there may go away at any time."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lsst.resources import ResourcePath

from adapters.butler.shared.steps import one_line
from ports.neighbours import Neighbour
from ports.workspace import NeighbourAwayError

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
        NeighbourAwayError
            Raised if it is not there, or empty: it holds the init-outputs at least.
        """
        if self._path is None:
            return False
        try:
            with os.scandir(self._path) as entries:
                is_empty = next(entries, None) is None
        except OSError as error:
            raise _away(f"cannot be read: {one_line(error)}") from error
        if is_empty:
            raise _away(f"is empty, as if unmounted: {self._path}")
        return self._path.resolve().is_mount()

    def probe(self) -> None:
        """Ask the datastore for something; raises whatever its client does if it does not answer."""
        if self._path is None:
            ResourcePath(self.uri, forceDirectory=True).join("butler.yaml").exists()
        self.is_mounted()

    @contextmanager
    def kept_mounted(self, *, was_mounted: bool) -> Iterator[None]:
        """Make sure that it is there, before and after something is written to it.

        Parameters
        ----------
        was_mounted
            When the attempt began.

        Raises
        ------
        NeighbourAwayError
            Raised if it is not there, or only what it was mounted on.
        """
        self._expect(was_mounted=was_mounted)
        yield
        self._expect(was_mounted=was_mounted)

    def _expect(self, *, was_mounted: bool) -> None:
        is_mounted = self.is_mounted()
        if was_mounted and not is_mounted:
            raise _away(f"is not mounted any more: {self._path}")


def _away(what: str) -> NeighbourAwayError:
    return NeighbourAwayError(f"the central datastore's root {what}", Neighbour.DATASTORE)
