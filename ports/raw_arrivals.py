"""Where images are heard of and looked for."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Protocol

from domain.errors import PromptProcessingError
from domain.raws.stored_object import StoredObject
from domain.raws.stored_raw import StoredRaw
from ports.neighbours import NeighbourUnavailableError

__all__ = [
    "ImageStore",
    "ImageStoreUnavailableError",
    "RawLookup",
    "RawLookupUnavailableError",
    "RawNotifications",
    "UnreadableSidecarError",
]


class ImageStoreUnavailableError(NeighbourUnavailableError):
    """The bucket cannot be reached now."""


class UnreadableSidecarError(PromptProcessingError):
    """A sidecar is there and is not what it should be; it may be rewritten."""


class RawLookupUnavailableError(NeighbourUnavailableError):
    """The raw microservice did not answer, or answered with an error."""


class RawNotifications(Protocol):
    """Notifications of objects created in the image bucket, raws only.

    One reader for the life of the worker. It keeps what it heard of its
    instrument for MESSAGE_EXPIRATION, bounded, so that a visit finds images
    that came before it was leased. Duplicates and any order are to be
    expected, silence too.
    """

    def heard(self, detector: int) -> Sequence[StoredRaw]:
        """List what is kept for a detector, oldest first."""
        ...

    def follow(self, detector: int) -> AsyncIterator[StoredRaw]:
        """Iterate over what is kept for a detector and then over what comes, without gap."""
        ...


class ImageStore(Protocol):
    """The bucket itself.

    All methods raise `ImageStoreUnavailableError` if it cannot be reached.
    """

    async def folders(self, prefix: str) -> Sequence[str]:
        """List the prefixes one level below `prefix` (which ends in ``/``)."""
        ...

    async def objects(self, prefix: str) -> Sequence[StoredObject]:
        """List all objects below a prefix."""
        ...

    async def find(self, key: str) -> StoredObject | None:
        """Look one object up; None if there is none."""
        ...

    async def sidecar(self, key: str) -> Mapping[str, Any] | None:
        """Read the cards of a sidecar; None if there is none (yet).

        Raises
        ------
        UnreadableSidecarError
            Raised if it is not a JSON object.
        """
        ...

    async def header(self, key: str) -> Mapping[str, Any] | None:
        """Read the cards of an image's first header; None if there is no image, or no FITS header in it."""
        ...

    def uri(self, key: str) -> str:
        """Write where a key is: ``s3://bucket/key`` or ``file:///folder/key``, percent-encoded."""
        ...

    def key(self, uri: str) -> str:
        """Read the key back from what `uri` wrote, here or for another client of the same store."""
        ...


class RawLookup(Protocol):
    """The raw microservice: slower than notifications, and more reliable."""

    async def find(self, instrument: str, group: str, snap: int, detector_name: str) -> str | None:
        """Ask for the URI of one raw; None if it has not come.

        Raises
        ------
        RawLookupUnavailableError
            Raised if there is no answer within about a second.
        """
        ...
