"""What a night on one machine needs of the adapters: the camera, and its results."""

from adapters.butler.library.results import Results, keep_results, read_planes, read_results
from adapters.files.cameras import CameraFileError, load_camera

__all__ = ["CameraFileError", "Results", "keep_results", "load_camera", "read_planes", "read_results"]
