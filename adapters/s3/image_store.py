"""The image bucket: listings, single objects and sidecars."""

import contextlib
import datetime
from collections.abc import Callable, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    IncompleteReadError,
    ResponseStreamingError,
)
from tenacity import retry_if_exception, stop_after_attempt, wait_random

from adapters.common.fits_headers import HEADER_BYTES, header_cards
from adapters.common.own_threads import OwnThreads
from adapters.common.retrying import Retries
from adapters.common.sidecars import sidecar_cards
from adapters.s3.client import S3Connection, connect
from domain.raws.stored_object import StoredObject
from domain.times import UtcSeconds
from ports.raw_arrivals import ImageStoreUnavailableError, UnreadableSidecarError

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import ListObjectsV2OutputTypeDef

__all__ = ["S3ImageStore"]

_LARGEST_SIDECAR: Final = 4 * 1024 * 1024  # Bytes; real ones have a few kilobytes.
_SAFE_IN_URI: Final = "/:+@=,!*'()$&~"
_TRANSIENT: Final = (HTTPClientError, IncompleteReadError, ResponseStreamingError)
_ABSENT: Final = frozenset({"NoSuchKey", "404"})


class S3ImageStore:
    """Looks into one bucket, by a few threads of its own.

    Cancelling an await leaves its thread busy for no longer than a request may
    take: `attempts` times the time-outs of the connection.

    Parameters
    ----------
    bucket
        Name of the bucket, ``tenant:bucket`` where the store has tenants.
    connection
        Where the store is.
    uri_profile
        Written before the bucket in URIs, for clients that choose their
        credentials by it; blank for none.
    threads
        Requests that may go on at once.
    attempts
        How often a request is made when the store fails.
    """

    def __init__(
        self,
        *,
        bucket: str,
        connection: S3Connection,
        uri_profile: str = "",
        threads: int = 4,
        attempts: int = 2,
    ) -> None:
        self._bucket = bucket
        self._connection = connection
        self._root = f"s3://{uri_profile}@{bucket}/" if uri_profile else f"s3://{bucket}/"
        self._threads = OwnThreads("image-store", ImageStoreUnavailableError, count=threads)
        self._retries = Retries(
            retry_if_exception(_is_transient), wait=wait_random(0.05, 0.25), stop=stop_after_attempt(attempts)
        )
        self._client: S3Client | None = None

    async def open(self) -> None:
        """Make the client; the store may still be unreachable."""
        self._threads.open()
        # Reading botocore's models takes a tenth of a second.
        self._client = await self._threads.run(connect, self._connection)

    async def close(self) -> None:
        """Wait for what goes on, and let go of the connections."""
        await self._threads.close()
        if self._client is not None:
            self._client.close()
            self._client = None

    async def check(self) -> None:
        """See `ports.neighbours.Probe`: list one object."""
        await self._run("list it", lambda client: client.list_objects_v2(Bucket=self._bucket, MaxKeys=1))

    def uri(self, key: str) -> str:
        """Write where a key is; what a URI cannot hold is percent-encoded."""
        return self._root + quote(key, safe=_SAFE_IN_URI)

    def key(self, uri: str) -> str:
        """See `ports.raw_arrivals.ImageStore.key`; a profile before the bucket is passed over."""
        return unquote(uri.partition("://")[2].partition("/")[2])

    async def folders(self, prefix: str) -> Sequence[str]:
        """See `ports.raw_arrivals.ImageStore.folders`."""

        def read(client: "S3Client") -> list[str]:
            pages = self._pages(client, prefix, delimiter="/")
            return [found["Prefix"] for page in pages for found in page.get("CommonPrefixes", ())]

        return await self._run(f"list {prefix}", read)

    async def objects(self, prefix: str) -> Sequence[StoredObject]:
        """See `ports.raw_arrivals.ImageStore.objects`."""

        def read(client: "S3Client") -> list[StoredObject]:
            return [
                self._stored(found["Key"], found["Size"], found["ETag"], found.get("LastModified"))
                for page in self._pages(client, prefix)
                for found in page.get("Contents", ())
            ]

        return await self._run(f"list {prefix}", read)

    async def find(self, key: str) -> StoredObject | None:
        """See `ports.raw_arrivals.ImageStore.find`."""

        def read(client: "S3Client") -> StoredObject | None:
            try:
                head = self._retries.run(client.head_object, Bucket=self._bucket, Key=key)
            except ClientError as error:
                if _code(error) in _ABSENT:
                    return None
                raise
            return self._stored(key, head["ContentLength"], head["ETag"], head.get("LastModified"))

        return await self._run(f"look for {key}", read)

    async def sidecar(self, key: str) -> Mapping[str, Any] | None:
        """See `ports.raw_arrivals.ImageStore.sidecar`."""

        def read(client: "S3Client") -> bytes | None:
            try:
                return self._retries.run(self._download, client, key)
            except ClientError as error:
                if _code(error) in _ABSENT:
                    return None
                raise

        content = await self._run(f"read {key}", read)
        return None if content is None else sidecar_cards(key, content)

    async def header(self, key: str) -> Mapping[str, Any] | None:
        """See `ports.raw_arrivals.ImageStore.header`."""

        def read(client: "S3Client") -> bytes | None:
            try:
                return self._retries.run(self._download_beginning, client, key)
            except ClientError as error:
                if _code(error) in _ABSENT or _code(error) == "InvalidRange":
                    return None
                raise

        content = await self._run(f"read the header of {key}", read)
        return None if content is None else header_cards(content)

    def _download_beginning(self, client: "S3Client", key: str) -> bytes:
        answer = client.get_object(Bucket=self._bucket, Key=key, Range=f"bytes=0-{HEADER_BYTES - 1}")
        with contextlib.closing(answer["Body"]) as body:
            return body.read(HEADER_BYTES)

    def _download(self, client: "S3Client", key: str) -> bytes:
        answer = client.get_object(Bucket=self._bucket, Key=key)
        # Not the body's own `with`: that gives urllib3's stream, whose errors nobody translates.
        with contextlib.closing(answer["Body"]) as body:
            if answer["ContentLength"] > _LARGEST_SIDECAR:
                raise UnreadableSidecarError(f"sidecar {key} has {answer['ContentLength']} bytes")
            return body.read()

    def _pages(
        self, client: "S3Client", prefix: str, *, delimiter: str = ""
    ) -> "Iterator[ListObjectsV2OutputTypeDef]":
        arguments: dict[str, Any] = {"Bucket": self._bucket, "Prefix": prefix, "Delimiter": delimiter}
        while True:
            page = self._retries.run(client.list_objects_v2, **arguments)
            yield page
            if not page["IsTruncated"]:
                return
            arguments["ContinuationToken"] = page["NextContinuationToken"]

    def _stored(self, key: str, size: int, etag: str, modified: datetime.datetime | None) -> StoredObject:
        return StoredObject(
            bucket=self._bucket,
            key=key,
            size=size,
            version=etag.strip('"'),
            modified=None if modified is None else UtcSeconds(modified.timestamp()),
        )

    async def _run[T](self, what: str, read: "Callable[[S3Client], T]") -> T:
        if self._client is None:
            raise ImageStoreUnavailableError(f"bucket {self._bucket}: is not open")
        try:
            return await self._threads.run(read, self._client)
        except (BotoCoreError, ClientError) as error:
            raise ImageStoreUnavailableError(f"bucket {self._bucket}: cannot {what}: {error}") from error


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _is_transient(error: BaseException) -> bool:
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS
    return isinstance(error, _TRANSIENT)
