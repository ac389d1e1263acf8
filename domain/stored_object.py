"""An object of a bucket, as a notification or a listing tells of it."""

from attrs import frozen

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
