"""What a night on one machine needs of the adapters: the camera, columns of catalogues, and results."""

from adapters.butler.library.results import Results, keep_results, read_planes, read_results
from adapters.files.cameras import CameraFileError, load_camera
from adapters.files.catalogue_columns import load_columns, shipped_columns
from adapters.files.corrections import load_corrections

__all__ = [
    "CameraFileError",
    "Results",
    "keep_results",
    "load_camera",
    "load_columns",
    "load_corrections",
    "read_planes",
    "read_results",
    "shipped_columns",
]
