"""Notifications of new objects, as Ceph, MinIO, AWS and others send them (docs/contracts/raws.md)."""

import json
from typing import Any, Final, NewType
from urllib.parse import unquote_plus

from attrs import frozen

from adapters.common.converters import UnfitError, is_unicode, lenient_converter, rename, shown, structured
from domain.errors import PromptProcessingError
from domain.raws.stored_object import StoredObject

__all__ = ["UndecodableNotificationError", "decode_notification"]


def _unescaped(key: str) -> str:
    return unquote_plus(key, errors="strict")


_CREATED: Final = "ObjectCreated:"

_NO_NEW_OBJECT: Final = frozenset({"PutTagging", "DeleteTagging", "PutRetention", "PutLegalHold"})
"""Events that MinIO counts among creations, though the object is the same as before."""


_NAMES: Final = {"event": "eventName", "source": "eventSource", "stored": "object", "etag": "eTag"}
"""From attribute to field, where the two differ."""

_Name = NewType("_Name", str)


@frozen
class _Event:
    event: _Name


@frozen
class _Bucket:
    name: _Name


@frozen
class _Object:
    key: _Name
    size: int | None = None
    etag: Any = ""


@frozen
class _Place:
    bucket: _Bucket
    stored: _Object


@frozen
class _Creation:
    s3: _Place
    source: _Name = _Name("")


class UndecodableNotificationError(PromptProcessingError):
    """A message is not a notification of an object store.

    Attributes
    ----------
    readable
        Objects of the same message that could be read all the same.
    """

    def __init__(self, text: str, readable: tuple[StoredObject, ...] = ()) -> None:
        super().__init__(text)
        self.readable = readable


def decode_notification(message: bytes) -> tuple[StoredObject, ...]:
    """List the objects that a message says were created; often one, possibly none.

    Raises
    ------
    UndecodableNotificationError
        Raised if the message, or one of its records, is not what any of the
        three stores sends. What could be read is in the error.
    """
    try:
        content = json.loads(message)
    except (ValueError, RecursionError) as error:
        raise UndecodableNotificationError(f"message is not JSON: {error}") from error
    records = _records(content)
    found: list[StoredObject] = []
    faults: list[str] = []
    for number, record in enumerate(records):
        try:
            created = _created(record, f"Records[{number}]")
        except UnfitError as error:
            faults.append(str(error))
        else:
            found += [created] if created else []
    if faults:
        raise UndecodableNotificationError("; ".join(faults), tuple(found))
    return tuple(found)


def _records(content: object) -> list[object]:
    if not isinstance(content, dict):
        raise UndecodableNotificationError(f"message is a JSON {type(content).__name__}, not an object")
    if "Records" not in content and content.get("Event") == "s3:TestEvent":
        return []
    records = content.get("Records")
    if not isinstance(records, list):
        raise UndecodableNotificationError("Records: is missing or not a list")
    return records


def _created(record: object, path: str) -> StoredObject | None:
    kind = structured(_CONVERTER, record, _Event, _NAMES, path).event.removeprefix("s3:")
    if not kind.startswith(_CREATED) or kind.removeprefix(_CREATED) in _NO_NEW_OBJECT:
        return None
    creation = structured(_CONVERTER, record, _Creation, _NAMES, path)
    stored = creation.s3.stored
    try:
        # Of all stores it is Ceph alone that does not encode keys as S3 does.
        key = stored.key if creation.source.startswith("ceph:") else _unescaped(stored.key)
    except UnicodeError as error:
        raise UnfitError(f"{path}.s3.object.key: {shown(stored.key)} is no text") from error
    if stored.size is not None and stored.size < 0:
        raise UnfitError(f"{path}.s3.object.size: {stored.size} is no number of bytes")
    return StoredObject(
        bucket=creation.s3.bucket.name,
        key=key,
        # MinIO leaves out the size of an empty object.
        size=0 if stored.size is None and creation.source == "minio:s3" else stored.size,
        version=stored.etag.strip('"') if isinstance(stored.etag, str) else "",
    )


def _name(value: object, _: object) -> str:
    # JSON can spell half a character, and no store has such a name.
    if not isinstance(value, str) or not value or not is_unicode(value):
        raise UnfitError(f"{shown(value)} is no text")
    return value


_CONVERTER: Final = lenient_converter()
_CONVERTER.register_structure_hook(_Name, _name)
for _kind in (_Event, _Object, _Place, _Creation):
    rename(_CONVERTER, _kind, _NAMES)
