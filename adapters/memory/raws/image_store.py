"""An image bucket kept in memory."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
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

    async def folders(self, prefix: str) -> Sequence[str]:
        """See `ports.raw_arrivals.ImageStore.folders`."""
        self._check()
        tails = [key.removeprefix(prefix) for key in self._objects if key.startswith(prefix)]
        return sorted({f"{prefix}{tail.partition('/')[0]}/" for tail in tails if "/" in tail})

    async def objects(self, prefix: str) -> Sequence[StoredObject]:
        """See `ports.raw_arrivals.ImageStore.objects`."""
        self._check()
        return [self._objects[key].stored for key in sorted(self._objects) if key.startswith(prefix)]

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

    def _check(self) -> None:
        if self.outage:
            raise ImageStoreUnavailableError(f"bucket {self._bucket}: {self.outage}")
