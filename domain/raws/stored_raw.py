"""A raw in the bucket, its key read."""

from attrs import frozen

from domain.cameras.camera import Camera
from domain.raws.raw_keys import RawKey, parse_raw_keys
from domain.raws.stored_object import StoredObject

__all__ = ["StoredRaw", "stored_raws"]


@frozen
class StoredRaw:
    """An object that is a detector's raw by its name; whose it is may stand in its sidecar."""

    key: RawKey
    stored: StoredObject


def stored_raws(camera: Camera, stored: StoredObject) -> tuple[StoredRaw, ...]:
    """Recognize the raws that an object of a camera is: one for each detector that it holds, or none."""
    return tuple(StoredRaw(key, stored) for key in parse_raw_keys(camera, stored.key))
