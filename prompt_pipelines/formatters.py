"""How the Butler reads (and writes) what stock formatters do not know: raw frames."""

from typing import override

from lsst.daf.butler import FormatterV2
from lsst.resources import ResourcePath

from prompt_pipelines.raw import RawFrame, read_raw, write_raw

__all__ = ["RawFrameFormatter"]


class RawFrameFormatter(FormatterV2):
    """Reads and writes `prompt_pipelines.raw.RawFrame` as FITS."""

    default_extension = ".fits"
    supported_extensions = frozenset({".fits", ".fits.fz", ".fits.gz", ".fit", ".fz", ".gz"})
    can_read_from_local_file = True

    @override
    def read_from_local_file(
        self, path: str, component: str | None = None, expected_size: int = -1
    ) -> RawFrame:
        """Read the whole frame; there are no components."""
        return read_raw(path)

    @override
    def write_local_file(self, in_memory_dataset: RawFrame, uri: ResourcePath) -> None:
        """Write a plain FITS file."""
        write_raw(in_memory_dataset, uri.ospath)
