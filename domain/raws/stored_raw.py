"""A raw in the bucket, its key read."""

from attrs import frozen

from domain.cameras.camera import Camera
from domain.raws.raw_keys import RawKey, parse_raw_key
from domain.raws.stored_object import StoredObject

__all__ = ["StoredRaw", "stored_raw"]


@frozen
class StoredRaw:
    """An object that is a raw by its name; whose it is may stand in its sidecar."""

    key: RawKey
    stored: StoredObject


def stored_raw(camera: Camera, stored: StoredObject) -> StoredRaw | None:
    """Recognize a raw of a camera; None if the object is none."""
    key = parse_raw_key(camera, stored.key)
    return None if key is None else StoredRaw(key, stored)
