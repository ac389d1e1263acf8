"""The central repositories, opened when first needed and kept open."""

from lsst.daf.butler import Butler, ButlerConfig

from adapters.butler.shared.datastore_root import datastore_root
from adapters.butler.shared.output_root import OutputRoot

__all__ = ["CentralRepositories"]


class CentralRepositories:
    """The repository that inputs come from and the one that outputs go to.

    Parameters
    ----------
    read_repo
        URI or label.
    write_repo
        URI or label.
    """

    def __init__(self, read_repo: str, write_repo: str) -> None:
        self._read_repo = read_repo
        self._write_repo = write_repo
        self._reader: Butler | None = None
        self._outputs: Butler | None = None
        self._writer: Butler | None = None
        self._write_config: ButlerConfig | None = None
        self._output_root: OutputRoot | None = None

    @property
    def reader(self) -> Butler:
        """Inputs and dataset types; never written to."""
        if self._reader is None:
            self._reader = Butler.from_config(self._read_repo, writeable=False)
        return self._reader

    @property
    def outputs(self) -> Butler:
        """Init-outputs, which the initializer writes where outputs go; not written to here."""
        if self._write_repo == self._read_repo:
            return self.reader
        if self._outputs is None:
            self._outputs = Butler.from_config(self._write_repo, writeable=False)
        return self._outputs

    @property
    def writer(self) -> Butler:
        """The registry of outputs, for a worker that writes it itself."""
        if self._writer is None:
            self._writer = Butler.from_config(self._write_repo, writeable=True)
        return self._writer

    @property
    def write_config(self) -> ButlerConfig:
        """Configuration of the repository of outputs, whose datastore the files go to."""
        if self._write_config is None:
            self._write_config = ButlerConfig(self._write_repo)
            # A root that is not there is unmounted, not new.
            self._write_config["datastore", "create"] = False
        return self._write_config

    @property
    def output_root(self) -> OutputRoot:
        """Where the files of outputs go."""
        if self._output_root is None:
            self._output_root = OutputRoot(datastore_root(self._write_repo))
        return self._output_root

    @property
    def read_config(self) -> ButlerConfig:
        """Configuration of the repository of inputs: storage classes, formatters, templates."""
        return ButlerConfig(self._read_repo)

    def probe_datastore(self) -> None:
        """Ask for the root of outputs; raises whatever its client does if it does not answer."""
        self.output_root.probe()

    def probe_registries(self) -> None:
        """Open the registries anew; raises whatever the Butler does if they do not answer."""
        for repository in {self._read_repo, self._write_repo}:
            Butler.from_config(repository, writeable=False).close()

    def close(self) -> None:
        """Close what was opened."""
        for butler in (self._reader, self._outputs, self._writer):
            if butler is not None:
                butler.close()
        self._reader = self._outputs = self._writer = None
