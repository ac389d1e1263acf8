"""An image bucket kept in memory."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote, unquote

from attrs import frozen

from domain.raws.stored_object import StoredObject
from domain.times import UtcSeconds
from ports.raw_arrivals import ImageStoreUnavailableError, UnreadableSidecarError

__all__ = ["MemoryImageStore"]

_SAFE_IN_URI: Final = "/:+@=,!*'()$&~"


@frozen
class _Object:
    stored: StoredObject
    cards: Mapping[str, Any] | None


class MemoryImageStore:
    """One bucket.

    `outage` is for tests: while it is not blank, the bucket cannot be reached for
    that reason.

    Parameters
    ----------
    bucket
        Its name.
    """

    def __init__(self, bucket: str = "images") -> None:
        self.outage = ""
        self._bucket = bucket
        self._objects: dict[str, _Object] = {}
        self._below: dict[str, dict[str, None]] = {}
        """By a folder, what is directly in it: objects, and folders, which end in a slash."""
        self._sorted: dict[str, list[str]] = {}
        """Folders directly in a folder, as long as none comes or goes."""
        self._listeners: list[Callable[[StoredObject], None]] = []

    def tell(self, listener: Callable[[StoredObject], None]) -> None:
        """Notify somebody of each new object from now on."""
        self._listeners.append(listener)

    async def check(self) -> None:
        """See `ports.neighbours.Probe`."""
        self._check()

    def put(
        self,
        key: str,
        version: str = "",
        *,
        cards: Mapping[str, Any] | None = None,
        modified: UtcSeconds | None = None,
    ) -> StoredObject:
        """Create or rewrite an object; as a sidecar, it is readable if it has cards."""
        version = version or hashlib.blake2b(f"{key} {cards}".encode(), digest_size=16).hexdigest()
        stored = StoredObject(bucket=self._bucket, key=key, size=0, version=version, modified=modified)
        if key not in self._objects:
            self._file(key)
        self._objects[key] = _Object(stored, cards)
        for listener in self._listeners:
            listener(stored)
        return stored

    def stored(self, key: str) -> StoredObject:
        """Give what is there under a key."""
        return self._objects[key].stored

    def remove(self, key: str) -> None:
        """Delete an object."""
        del self._objects[key]
        self._sorted.clear()
        below, folder = key, _folder_of(key)
        while below and self._below[folder].pop(below, True) is None and not self._below[folder]:
            below, folder = folder, _folder_of(folder)

    async def folders(self, prefix: str) -> Sequence[str]:
        """See `ports.raw_arrivals.ImageStore.folders`."""
        self._check()
        if prefix not in self._sorted:
            self._sorted[prefix] = sorted(one for one in self._found(prefix) if one.endswith("/"))
        return self._sorted[prefix]

    async def objects(self, prefix: str) -> Sequence[StoredObject]:
        """See `ports.raw_arrivals.ImageStore.objects`."""
        self._check()
        keys = (key for one in self._found(prefix) for key in self._keys(one))
        return [self._objects[key].stored for key in sorted(keys)]

    async def find(self, key: str) -> StoredObject | None:
        """See `ports.raw_arrivals.ImageStore.find`."""
        self._check()
        return self._objects[key].stored if key in self._objects else None

    async def sidecar(self, key: str) -> Mapping[str, Any] | None:
        """See `ports.raw_arrivals.ImageStore.sidecar`."""
        self._check()
        if key not in self._objects:
            return None
        cards = self._objects[key].cards
        if cards is None:
            raise UnreadableSidecarError(f"sidecar {key} is no JSON")
        return cards

    async def header(self, key: str) -> Mapping[str, Any] | None:
        """See `ports.raw_arrivals.ImageStore.header`; an image's cards are those it was put with."""
        self._check()
        return self._objects[key].cards if key in self._objects else None

    def uri(self, key: str) -> str:
        """See `ports.raw_arrivals.ImageStore.uri`."""
        return f"s3://{self._bucket}/{quote(key, safe=_SAFE_IN_URI)}"

    def key(self, uri: str) -> str:
        """See `ports.raw_arrivals.ImageStore.key`."""
        return unquote(uri.partition("://")[2].partition("/")[2])

    def _file(self, key: str) -> None:
        """Put an object into its folder, and that into its own."""
        below = key
        while below:
            folder = _folder_of(below)
            if below in self._below.setdefault(folder, {}):
                return
            self._below[folder][below] = None
            if below.endswith("/"):
                self._sorted.clear()
            below = folder

    def _found(self, prefix: str) -> Iterator[str]:
        """List what is directly in the folder of a prefix and begins with it."""
        return (one for one in self._below.get(prefix[: prefix.rfind("/") + 1], ()) if one.startswith(prefix))

    def _keys(self, name: str) -> Iterator[str]:
        """List the objects in a folder and below it, or an object itself."""
        if not name.endswith("/"):
            yield name
        for one in self._below.get(name, ()):
            yield from self._keys(one)

    def _check(self) -> None:
        if self.outage:
            raise ImageStoreUnavailableError(f"bucket {self._bucket}: {self.outage}")


def _folder_of(name: str) -> str:
    """Name the folder that an object or a folder is in, blank for the bucket itself."""
    name = name.removesuffix("/")
    return name[: name.rfind("/") + 1]
