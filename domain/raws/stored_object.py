"""An object of a bucket, as a notification or a listing tells of it."""

from attrs import field, frozen

from domain.times import UtcSeconds

__all__ = ["StoredObject"]


@frozen(kw_only=True)
class StoredObject:
    """One object; its key is decoded, whatever the wire did to it."""

    bucket: str
    key: str
    size: int | None = None
    """Bytes; None if the sender does not say."""
    version: str = ""
    """Differs if the object was rewritten (its etag); blank if unknown."""
    modified: UtcSeconds | None = field(default=None, eq=False)
    """When it was last written, by the store's clock; None if the sender does not say. Whoever
    tells of an object may leave it out, so it is no part of what the object is."""
