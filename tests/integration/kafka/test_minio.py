"""A real object store's notifications, from the camera's upload to who waits for it."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.files.cameras import load_camera
from adapters.host.clock import SystemClock
from adapters.kafka.notifications.notifications import decode_notification
from adapters.kafka.notifications.object_feed import KafkaObjectFeed
from adapters.kafka.notifications.raw_notifications import KafkaRawNotifications
from adapters.memory.metrics import MemoryMetrics
from adapters.memory.raws.raw_index import MemoryRawIndex
from adapters.s3.client import S3Connection
from adapters.s3.image_store import S3ImageStore
from application.index_raws import RawIndexer
from application.sidecars import Sidecars
from application.worker.alongside import running_alongside
from ports.raw_index import RawSlot
from tests.integration.kafka.apache_kafka import ApacheKafka
from tests.integration.minio import MinioServer, NoMinioError, minio_binary

pytestmark = pytest.mark.slow

BUCKET = "images"
STEM = "SimCam/20260313/SC_O_20260313_000001/SC_O_20260313_000001_R22_S11"
# A group with '#' and '+', a filter with a blank: what encodings differ in.
SPECIAL = "HSC/94/2026-03-14T02:15:07.310+00:00#2/0/59134/r 1/a b+c%41.fits"
CAMERAS = {name: load_camera(name) for name in ("simulated", "hsc")}


@pytest.fixture
def topic(unique: str) -> str:
    return f"notes-{unique}"


@pytest.fixture
def minio(apache: ApacheKafka, topic: str, tmp_path: Path) -> Iterator[MinioServer]:
    apache.create(topic, 1)
    try:
        binary = minio_binary()
    except NoMinioError as error:
        pytest.skip(f"no MinIO: {error}")
    told = apache.address("PLAIN"), topic
    with MinioServer(binary, tmp_path, buckets=[BUCKET], told=told) as server:
        yield server


async def test_images_are_heard_of_and_indexed(minio: MinioServer, apache: ApacheKafka, topic: str) -> None:
    metrics, index = MemoryMetrics(), MemoryRawIndex(SystemClock())
    store = S3ImageStore(bucket=BUCKET, connection=S3Connection(endpoint_url=minio.endpoint))
    feed = KafkaObjectFeed(
        connection=apache.connection,
        group=f"of-{topic}",
        topic=topic,
        offset_reset="earliest",
        metrics=metrics,
    )
    indexer = RawIndexer(
        cameras=[(camera, Sidecars(camera, store)) for camera in CAMERAS.values()],
        bucket=BUCKET,
        feed=feed,
        index=index,
        metrics=metrics,
        retry_delay=1.0,
    )
    worker = KafkaRawNotifications(
        connection=apache.connection,
        topic=topic,
        camera=CAMERAS["simulated"],
        bucket=BUCKET,
        clock=SystemClock(),
        metrics=metrics,
    )
    for neighbour in (store, feed, worker):
        await neighbour.open()
    async with running_alongside(indexer.run()):
        cards = json.dumps({"INSTRUME": "SimCam", "GROUPID": "group #1", "CURINDEX": 1}).encode()
        for key, body in ((f"{STEM}.json", cards), (f"{STEM}.fits", b"SIMPLE  ="), (SPECIAL, b"SIMPLE")):
            await asyncio.to_thread(minio.client.put_object, Bucket=BUCKET, Key=key, Body=body)
        detector = CAMERAS["simulated"].detector_named("R22_S11").number
        async with asyncio.timeout(60):
            heard = (await anext(worker.follow(detector))).stored
            slots = [
                RawSlot("SimCam", "group #1", 0, "R22_S11"),
                RawSlot("HSC", "2026-03-14T02:15:07.310+00:00#2", 0, CAMERAS["hsc"].detector(94).name),
            ]
            while None in (found := await index.find(slots)):
                await asyncio.sleep(0.05)
    assert (heard.bucket, heard.key, heard.size) == (BUCKET, f"{STEM}.fits", 9)
    head = await asyncio.to_thread(minio.client.head_object, Bucket=BUCKET, Key=heard.key)
    assert heard.version == head["ETag"].strip('"')
    assert found[0] == f"s3://{BUCKET}/{STEM}.fits"
    for neighbour in (worker, feed, store):
        await neighbour.close()


async def test_what_it_sends_is_like_the_samples(minio: MinioServer, apache: ApacheKafka, topic: str) -> None:
    minio.client.put_object(Bucket=BUCKET, Key=SPECIAL, Body=b"SIMPLE")
    minio.client.put_object_tagging(
        Bucket=BUCKET, Key=SPECIAL, Tagging={"TagSet": [{"Key": "seen", "Value": "yes"}]}
    )
    async with asyncio.timeout(30):
        while len(sent := await asyncio.to_thread(apache.messages, topic)) < 2:
            await asyncio.sleep(0.1)
    # The second one tells of tags, of which the object is no newer.
    read = [decode_notification(message.value() or b"") for message in sent]
    assert [[stored.key for stored in stored_objects] for stored_objects in read] == [[SPECIAL], []]
    assert sent[0].key() == f"{BUCKET}/{SPECIAL}".encode()
