"""What the demo needs of the adapters: the camera."""

from adapters.files.cameras import CameraFileError, load_camera

__all__ = ["CameraFileError", "load_camera"]
