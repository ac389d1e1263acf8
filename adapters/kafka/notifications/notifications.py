"""Notifications of new objects, as Ceph, MinIO and AWS send them (docs/contracts/raws.md)."""

import json
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import unquote_plus

from domain.errors import PromptProcessingError
from domain.raws.stored_object import StoredObject

__all__ = ["UndecodableNotificationError", "decode_notification"]


def _as_it_is(key: str) -> str:
    return key


def _unescaped(key: str) -> str:
    return unquote_plus(key, errors="strict")


_KEY_DECODERS: Final[dict[str, Callable[[str], str]]] = {
    "ceph:s3": _as_it_is,
    "minio:s3": _unescaped,
    "aws:s3": _unescaped,
}

_CREATED: Final = "ObjectCreated:"

_NO_NEW_OBJECT: Final = frozenset({"PutTagging", "DeleteTagging", "PutRetention", "PutLegalHold"})
"""Events that MinIO counts among creations, though the object is the same as before."""


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
            created = _created(record)
        except UndecodableNotificationError as error:
            faults.append(f"Records[{number}].{error}")
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


def _created(record: object) -> StoredObject | None:
    event = _text(record, "eventName").removeprefix("s3:")
    if not event.startswith(_CREATED) or event.removeprefix(_CREATED) in _NO_NEW_OBJECT:
        return None
    source = _text(record, "eventSource")
    decoder = _KEY_DECODERS.get(source)
    if decoder is None:
        raise UndecodableNotificationError(
            f"eventSource: {source[:80]!r} is none of {', '.join(_KEY_DECODERS)}"
        )
    s3 = _part(record, "s3")
    described = _part(s3, "object", "s3.")
    size = described.get("size", 0 if source == "minio:s3" else None)
    if size is not None and (type(size) is not int or size < 0):
        raise UndecodableNotificationError(f"s3.object.size: {ascii(size)[:80]} is no number of bytes")
    etag = described.get("eTag", "")
    return StoredObject(
        bucket=_text(_part(s3, "bucket", "s3."), "name", "s3.bucket."),
        key=_key(described, decoder),
        size=size,
        version=etag.strip('"') if isinstance(etag, str) else "",
    )


def _key(described: object, decoder: Callable[[str], str]) -> str:
    path = "s3.object."
    written = _text(described, "key", path)
    try:
        key = decoder(written)
        # JSON can spell half a character, and no store has such a key.
        key.encode()
    except UnicodeError as error:
        raise UndecodableNotificationError(f"{path}key: {ascii(written)[:80]} is no text") from error
    return key


def _part(record: object, name: str, path: str = "") -> dict[str, Any]:
    value = record.get(name) if isinstance(record, dict) else None
    if not isinstance(value, dict):
        raise UndecodableNotificationError(f"{path}{name}: is missing or not an object")
    return value


def _text(record: object, name: str, path: str = "") -> str:
    value = record.get(name) if isinstance(record, dict) else None
    if not isinstance(value, str) or not value:
        raise UndecodableNotificationError(f"{path}{name}: is missing or not text")
    return value
