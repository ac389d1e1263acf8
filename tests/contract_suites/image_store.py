"""What every `ports.raw_arrivals.ImageStore` keeps to."""

import abc
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from ports.raw_arrivals import ImageStore, UnreadableSidecarError

SPECIAL_KEYS = (
    "HSC/94/2026-11-22T01:02:03.456+00:00#2/0/59134/r 1/a b+c%41.fits",
    "HSC/94/what? & why=1/0/1/g/ä;,!'()*.fits",
    "plain",
)


class Bucket(abc.ABC):
    """A way to fill the bucket, and the store under test."""

    store: ImageStore
    name: str

    @property
    def root(self) -> str:
        """Begin the URIs of the store."""
        return f"s3://{self.name}"

    @abc.abstractmethod
    async def put(self, key: str, cards: Mapping[str, Any] | None = None) -> None:
        """Create or rewrite an object; without cards it is no JSON."""

    @abc.abstractmethod
    async def put_image(self, key: str, cards: Mapping[str, Any]) -> None:
        """Create an image whose header has these cards."""


class ImageStoreContract:
    @pytest.fixture
    def bucket(self) -> Bucket:
        raise NotImplementedError

    async def test_folders_are_those_one_level_below(self, bucket: Bucket) -> None:
        for key in ("Cam/1/a/x.fits", "Cam/1/b/x.fits", "Cam/1/b/y/z.fits", "Cam/1/file", "Cam/11/c/x"):
            await bucket.put(key)
        assert sorted(await bucket.store.folders("Cam/1/")) == ["Cam/1/a/", "Cam/1/b/"]

    async def test_nothing_is_below_an_unknown_prefix(self, bucket: Bucket) -> None:
        await bucket.put("Cam/1/a")
        assert list(await bucket.store.folders("Cam/2/")) == []
        assert list(await bucket.store.objects("Cam/2/")) == []

    async def test_objects_are_all_below_the_prefix(self, bucket: Bucket) -> None:
        keys = ["Cam/1/a", "Cam/1/b/c", "Cam/1/b/d/e"]
        for key in [*keys, "Cam/2/a"]:
            await bucket.put(key)
        assert sorted(stored.key for stored in await bucket.store.objects("Cam/1/")) == keys

    @pytest.mark.parametrize("key", SPECIAL_KEYS)
    async def test_any_key_is_found_as_it_is(self, bucket: Bucket, key: str) -> None:
        await bucket.put(key, {"KEY": key})
        found = await bucket.store.find(key)
        assert found is not None
        assert (found.bucket, found.key) == (bucket.name, key)
        assert list(await bucket.store.objects(key)) == [found]
        assert await bucket.store.sidecar(key) == {"KEY": key}

    async def test_what_is_not_there_is_none(self, bucket: Bucket) -> None:
        await bucket.put("Cam/1/a")
        assert await bucket.store.find("Cam/1") is None
        assert await bucket.store.sidecar("Cam/1") is None

    async def test_a_rewritten_object_has_another_version(self, bucket: Bucket) -> None:
        await bucket.put("a", {"N": 1})
        before = await bucket.store.find("a")
        await bucket.put("a", {"N": 2})
        after = await bucket.store.find("a")
        assert before is not None
        assert after is not None
        assert before.version != after.version
        assert await bucket.store.sidecar("a") == {"N": 2}

    async def test_a_sidecar_that_is_no_json_object_says_so(self, bucket: Bucket) -> None:
        await bucket.put("a.json")
        with pytest.raises(UnreadableSidecarError, match=r"a\.json"):
            await bucket.store.sidecar("a.json")

    async def test_the_header_of_an_image_is_read(self, bucket: Bucket) -> None:
        await bucket.put_image("a.fits", {"GROUPID": "it's", "CURINDEX": 2, "EXPTIME": 15.5})
        await bucket.put("b.fits")
        found = await bucket.store.header("a.fits")
        assert found is not None
        assert (found["GROUPID"], found["CURINDEX"], found["EXPTIME"]) == ("it's", 2, 15.5)
        assert await bucket.store.header("b.fits") is None
        assert await bucket.store.header("missing.fits") is None

    async def test_a_uri_names_bucket_and_key(self, bucket: Bucket) -> None:
        key = "LSSTCam/20260313/MC_O_20260313_000217/MC_O_20260313_000217_R22_S11.fits"
        assert bucket.store.uri(key) == f"{bucket.root}/{key}"

    @pytest.mark.parametrize("key", SPECIAL_KEYS)
    async def test_a_uri_holds_any_key(self, bucket: Bucket, key: str) -> None:
        root, parts = urlsplit(bucket.root), urlsplit(bucket.store.uri(key))
        assert (parts.scheme, parts.netloc) == (root.scheme, root.netloc)
        assert (unquote(parts.path), parts.query, parts.fragment) == (f"{unquote(root.path)}/{key}", "", "")
        assert bucket.store.key(bucket.store.uri(key)) == key
