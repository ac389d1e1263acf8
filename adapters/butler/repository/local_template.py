"""An empty local repository, made once per process and copied for each attempt."""

import shutil
from pathlib import Path

from lsst.daf.butler import Butler

from adapters.butler.repository.local_config import local_config
from adapters.butler.shared.central_repository import CentralRepositories
from adapters.butler.shared.records import insert_records

__all__ = ["LocalTemplate"]

_INSTRUMENT_ELEMENTS = ("instrument", "detector", "physical_filter", "visit_system")


class LocalTemplate:
    """Makes local repositories that agree with the shared one.

    Parameters
    ----------
    shared
        The central repositories.
    instrument
        Whose records local repositories know.
    folder
        Where the template itself is kept.
    local_config
        Butler configuration to merge, if any.
    """

    def __init__(
        self, shared: CentralRepositories, instrument: str, folder: Path, local_config: str | None = None
    ) -> None:
        self._shared = shared
        self._instrument = instrument
        self._folder = folder
        self._local_config = local_config
        self._made = False

    def copy(self, target: Path) -> Butler:
        """Make a new local repository.

        Parameters
        ----------
        target
            A folder that does not exist.
        """
        if not self._made:
            self._make()
        shutil.copytree(self._folder, target)
        return self.open(target)

    @staticmethod
    def open(folder: Path) -> Butler:
        """Open a local repository that is there."""
        return Butler.from_config(str(folder), writeable=True)

    def _make(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        central = self._shared.reader
        Butler.makeRepo(
            str(self._folder),
            config=local_config(self._shared, self._local_config),
            dimensionConfig=central.dimensions.dimensionConfig,
        )
        with Butler.from_config(str(self._folder), writeable=True) as butler:
            for element in _INSTRUMENT_ELEMENTS:
                records = central.query_dimension_records(
                    element, instrument=self._instrument, explain=False, limit=None
                )
                insert_records(butler, records)
        self._made = True
