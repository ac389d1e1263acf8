import asyncio
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, override

import pytest
from lsst.resources import ResourcePath
from moto.server import ThreadedMotoServer
from types_boto3_s3 import S3Client

from adapters.s3.client import S3Connection, connect
from adapters.s3.image_store import S3ImageStore
from ports.raw_arrivals import ImageStore, ImageStoreUnavailableError, UnreadableSidecarError
from tests.contract_suites.fits_images import image_with
from tests.contract_suites.image_store import SPECIAL_KEYS, Bucket, ImageStoreContract

pytestmark = pytest.mark.slow


class MotoBucket(Bucket):
    name = "images"

    def __init__(self, client: S3Client, store: ImageStore) -> None:
        self.store = store
        self._client = client

    @override
    async def put(self, key: str, cards: Mapping[str, Any] | None = None) -> None:
        body = b"SIMPLE  = T" if cards is None else json.dumps(cards).encode()
        await asyncio.to_thread(self._client.put_object, Bucket=self.name, Key=key, Body=body)

    @override
    async def put_image(self, key: str, cards: Mapping[str, Any]) -> None:
        body = image_with(cards)
        await asyncio.to_thread(self._client.put_object, Bucket=self.name, Key=key, Body=body)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://simulator:simu%2Flator@{host}:{port}"
    server.stop()


@pytest.fixture
def connection(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> S3Connection:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    return S3Connection(endpoint_url=endpoint)


@pytest.fixture
def client(connection: S3Connection) -> Iterator[S3Client]:
    client = connect(connection)
    client.create_bucket(Bucket=MotoBucket.name)
    yield client
    while found := client.list_objects_v2(Bucket=MotoBucket.name).get("Contents"):
        for stored in found:
            client.delete_object(Bucket=MotoBucket.name, Key=stored["Key"])
    client.delete_bucket(Bucket=MotoBucket.name)
    client.close()


@pytest.fixture
async def store(connection: S3Connection) -> AsyncIterator[S3ImageStore]:
    store = S3ImageStore(bucket=MotoBucket.name, connection=connection)
    await store.open()
    yield store
    await store.close()


class TestS3ImageStore(ImageStoreContract):
    @pytest.fixture
    def bucket(self, client: S3Client, store: S3ImageStore) -> Bucket:
        return MotoBucket(client, store)

    async def test_listings_longer_than_a_page_are_whole(
        self, bucket: Bucket, client: S3Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "10")
        keys = [f"many/{number:04d}/x" for number in range(25)]
        await asyncio.to_thread(
            lambda: [client.put_object(Bucket=bucket.name, Key=key, Body=b"") for key in keys]
        )
        assert [stored.key for stored in await bucket.store.objects("many/")] == keys
        assert len(await bucket.store.folders("many/")) == 25

    async def test_it_is_known_when_an_object_was_written(self, bucket: Bucket) -> None:
        begun = time.time()
        await bucket.put("a")
        for stored in (await bucket.store.find("a"), *await bucket.store.objects("a")):
            assert stored is not None
            assert stored.modified is not None
            assert int(begun) <= stored.modified <= time.time()

    @pytest.mark.parametrize("key", SPECIAL_KEYS)
    async def test_uris_lead_others_to_the_key(self, bucket: Bucket, key: str) -> None:
        path = ResourcePath(bucket.store.uri(key))
        assert (path.netloc, path.relativeToPathRoot) == (bucket.name, key)

    @pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff", b"[" * 100_000, b'"text"', b"null"])
    async def test_a_sidecar_of_anything_else_says_so(
        self, bucket: Bucket, client: S3Client, content: bytes
    ) -> None:
        client.put_object(Bucket=bucket.name, Key="a.json", Body=content)
        with pytest.raises(UnreadableSidecarError, match=r"a\.json"):
            await bucket.store.sidecar("a.json")

    async def test_a_sidecar_of_a_size_that_none_has_is_not_read(
        self, bucket: Bucket, client: S3Client
    ) -> None:
        client.put_object(Bucket=bucket.name, Key="a.json", Body=b" " * 5_000_000)
        with pytest.raises(UnreadableSidecarError, match="5000000 bytes"):
            await bucket.store.sidecar("a.json")

    async def test_a_missing_bucket_is_not_an_empty_one(self, connection: S3Connection) -> None:
        store = S3ImageStore(bucket="nowhere", connection=connection)
        await store.open()
        for look in (store.objects("a"), store.folders("a/"), store.sidecar("a")):
            with pytest.raises(ImageStoreUnavailableError, match="nowhere"):
                await look
        await store.close()


async def test_tenants_are_part_of_the_name_where_names_are_not_checked() -> None:
    requests: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            peer, _ = server.accept()
            with peer:
                requests.append(peer.recv(4096))
                peer.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

        threading.Thread(target=answer, daemon=True).start()
        connection = S3Connection(
            endpoint_url=f"http://a:b@127.0.0.1:{server.getsockname()[1]}", validate_bucket=False
        )
        store = S3ImageStore(bucket="rubin:summit", connection=connection)
        await store.open()
        assert await store.find("a+b c") is None
        await store.close()
    assert requests[0].startswith(b"HEAD /rubin%3Asummit/a%2Bb%20c ")
    assert store.uri("a+b c") == "s3://rubin:summit/a+b%20c"


async def test_a_store_that_says_nothing_is_given_up_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://a:b@127.0.0.1:{server.getsockname()[1]}"
        connection = S3Connection(endpoint_url=url, connect_timeout=0.2, read_timeout=0.2)
        store = S3ImageStore(bucket="images", connection=connection, attempts=2)
        await store.open()
        begin = time.monotonic()
        with pytest.raises(ImageStoreUnavailableError, match="timeout"):
            await store.find("a")
        assert time.monotonic() - begin < 3
        task = asyncio.create_task(store.find("a"))
        await asyncio.sleep(0.05)
        task.cancel()
        begin = time.monotonic()
        await store.close()
        assert time.monotonic() - begin < 3


async def test_a_store_that_stumbles_once_is_asked_again() -> None:
    answers = [
        b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        b'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nETag: "e"\r\nConnection: close\r\n\r\n',
    ]
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            for answer in answers:
                peer, _ = server.accept()
                with peer:
                    peer.recv(4096)
                    peer.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        url = f"http://a:b@127.0.0.1:{server.getsockname()[1]}"
        store = S3ImageStore(bucket="images", connection=S3Connection(endpoint_url=url))
        await store.open()
        found = await store.find("a")
        await store.close()
    assert found is not None
    assert (found.size, found.version) == (3, "e")


async def test_a_store_that_is_not_open_says_so() -> None:
    with pytest.raises(ImageStoreUnavailableError, match="not open"):
        await S3ImageStore(bucket="images", connection=S3Connection()).find("a")
