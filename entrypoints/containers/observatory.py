"""What the demo needs of the adapters: the camera."""

from dependency_injector import containers, providers

from adapters.files.cameras import CameraFileError, load_camera
from domain.cameras.camera import Camera

__all__ = ["CameraFileError", "ObservatoryContainer", "camera_from"]


class ObservatoryContainer(containers.DeclarativeContainer):
    """Wires what a night on one machine asks beside its processes."""

    camera_file = providers.Dependency(instance_of=str)
    camera = providers.Singleton(load_camera, camera_file)


def camera_from(file: str) -> Camera:
    """Read the camera of a file, or a shipped one by its name."""
    camera: Camera = ObservatoryContainer(camera_file=file).camera()
    return camera
