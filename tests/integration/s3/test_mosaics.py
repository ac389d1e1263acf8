"""The raw of one detector out of an object that holds several, read by ranges from a real S3 server."""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import numpy as np
import pytest
from astropy.io import fits
from lsst.resources import ResourcePath
from moto.server import ThreadedMotoServer

from adapters.butler.camera.camera_stack import OurCameraStack
from adapters.butler.camera.ranges import RangeSource
from adapters.files.cameras import load_camera
from domain.raws.raws import RawImage, parse_raw_keys
from ports.workspace import RawUnavailableError, RawUnreadableError
from raw_files.reading import load_images

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

pytestmark = pytest.mark.slow

CAMERA = load_camera("simulated-mosaic")
KEY = "SimMosaic/g#2/0/2026031300007/r_sim/a mosaic.fits"
URI = "s3://images/SimMosaic/g%232/0/2026031300007/r_sim/a%20mosaic.fits"


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator["S3Client"]:
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    settings = {
        "S3_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "user",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3", endpoint_url=settings["S3_ENDPOINT_URL"])
    client.create_bucket(Bucket="images")
    yield client
    client.close()
    server.stop()


def mosaic(numbers: Sequence[int] = range(1, 7)) -> bytes:
    hdus = [
        fits.ImageHDU(np.full((528, 582), number, np.uint16), name=CAMERA.detector(number).name)
        for number in numbers
    ]
    file = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(file)
    return file.getvalue()


def raws() -> list[RawImage]:
    return [
        RawImage(key=key, uri=URI, exposure=2026031300007, group="g#2", snap=0)
        for key in parse_raw_keys(CAMERA, KEY)
    ]


def test_each_detector_fetches_its_own_hdu(client: "S3Client", tmp_path: Path) -> None:
    client.put_object(Bucket="images", Key=KEY, Body=mosaic())
    stack = OurCameraStack(CAMERA)
    for raw in raws():
        path = stack.fetch(raw, tmp_path)
        (image,) = load_images(path)
        assert image.hdu.name == CAMERA.detector(raw.key.detector).name
        assert set(image.pixels.flat) == {raw.key.detector}
        assert path.stat().st_size < len(mosaic()) / 5


@pytest.mark.parametrize(
    ("numbers", "most"), [((1, 2, 4, 6), 4), ((5, 3, 1, 6, 4, 2), 9)], ids=["some missing", "another order"]
)
def test_files_that_are_not_as_the_camera_s_are_read_by_their_headers(
    numbers: Sequence[int], most: int, client: "S3Client", tmp_path: Path
) -> None:
    content = mosaic(numbers)
    client.put_object(Bucket="images", Key=KEY, Body=content)
    answers: list[int] = []
    # The client that is used, and its answers as they come.
    used: Any = ResourcePath(URI)
    used.client.meta.events.register(
        "after-call.s3.GetObject", lambda parsed, **_: answers.append(parsed["ContentLength"])
    )
    allowed = 1.2 * (2 * 528 * 582 + 2880 * (len(numbers) + 1) + 2880)
    for raw in [raw for raw in raws() if raw.key.detector in numbers]:
        stack = OurCameraStack(CAMERA)
        # A worker's first file, and one after all headers of one were read.
        for requests in (most, most, 4):
            answers.clear()
            (image,) = load_images(stack.fetch(raw, tmp_path))
            assert set(image.pixels.flat) == {raw.key.detector}
            assert len(answers) <= requests
            assert sum(answers) <= allowed


def test_parts_of_two_versions_of_an_object_are_never_put_together(client: "S3Client") -> None:
    client.put_object(Bucket="images", Key=KEY, Body=mosaic())
    source = RangeSource(URI)
    assert source(0, 100) == mosaic()[:100]
    assert (source.size, source.requests) == (len(mosaic()), 1)
    client.put_object(Bucket="images", Key=KEY, Body=mosaic() + b"\0" * 2880)
    with pytest.raises(Exception, match=r"412|PreconditionFailed|pre-conditions"):
        source(100, 200)


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize("where", ["s3", "file"])
def test_what_is_missing_or_no_fits_is_told_apart(where: str, tmp_path: Path) -> None:
    stack, (first, *_) = OurCameraStack(CAMERA), raws()
    uri = (
        URI.replace("mosaic.fits", "other.fits")
        if where == "s3"
        else (tmp_path / "raw in a folder.fits").as_uri()
    )
    raw = RawImage(key=first.key, uri=uri, exposure=first.exposure, group=first.group, snap=first.snap)
    with pytest.raises(RawUnavailableError):
        stack.fetch(raw, tmp_path / "in")
    for content, said in ((b"", "empty"), (b"<html>", "SIMPLE"), (mosaic()[:-700_000], "")):
        ResourcePath(uri).write(content)
        if said:
            with pytest.raises(RawUnreadableError, match=said):
                stack.fetch(raw, tmp_path / "in")
        else:
            assert load_images(stack.fetch(raw, tmp_path / "in"))
