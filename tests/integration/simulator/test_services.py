"""The servers of the box, each through a client that knows nothing of the simulator."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import pytest
import redis
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError
from types_boto3_s3 import S3Client

from simulator.servers.kafka import EmbeddedKafka
from simulator.servers.object_store import ObjectStore
from simulator.servers.redis_server import FakeRedisServer, RealRedisServer, redis_server
from simulator.servers.schema_registry import SchemaRegistry

pytestmark = pytest.mark.slow

SPECIAL_KEY = "SomeCam/94/2026-11-22T01:02:03.456+00:00#2/0/59134/R 2/a b+c%41.fits"


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def consume(bootstrap_servers: str, topic: str, count: int) -> list[bytes]:
    """Read messages from the start of a topic, until there are enough or none come for a while."""
    consumer = Consumer({"bootstrap.servers": bootstrap_servers, "group.id": "test"})
    partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in partitions])
    values: list[bytes] = []
    while len(values) < count and (message := consumer.poll(20.0)) is not None:
        if message.error() is None:
            value = message.value()
            assert value is not None
            values.append(value)
    consumer.close()
    return values


@pytest.fixture
def kafka() -> Iterator[EmbeddedKafka]:
    with EmbeddedKafka() as service:
        yield service


@pytest.fixture
def store(kafka: EmbeddedKafka) -> Iterator[ObjectStore]:
    kafka.create_topic("notes")
    with ObjectStore(kafka.bootstrap_servers, image_bucket="images", topic="notes") as service:
        yield service


@pytest.fixture
def s3(store: ObjectStore) -> S3Client:
    return boto3.client(
        "s3",
        endpoint_url=store.url,
        aws_access_key_id="x",
        aws_secret_access_key="x",  # noqa: S106 - the store checks none
        region_name="us-east-1",
        config=Config(retries={"max_attempts": 1}),
    )


class TestEmbeddedKafka:
    def test_what_one_process_produces_another_consumes(self, kafka: EmbeddedKafka) -> None:
        program = (
            "import sys; from confluent_kafka import Producer;"
            "p = Producer({'bootstrap.servers': sys.argv[1]}); p.produce('topic', b'hello'); p.flush(10)"
        )
        subprocess.run(  # noqa: S603 - this very interpreter
            [sys.executable, "-c", program, kafka.bootstrap_servers], check=True
        )
        assert consume(kafka.bootstrap_servers, "topic", 1) == [b"hello"]

    def test_a_stopped_broker_leaves_no_port(self) -> None:
        with EmbeddedKafka() as kafka:
            port = int(kafka.bootstrap_servers.rpartition(":")[2])
            assert is_open(port)
        assert not is_open(port)


class TestObjectStore:
    def test_each_new_object_is_told_once_with_its_raw_key(self, kafka: EmbeddedKafka, s3: S3Client) -> None:
        s3.put_object(Bucket="images", Key="a/b.json", Body=b"{}")
        s3.put_object(Bucket="images", Key=SPECIAL_KEY, Body=b"image", Tagging="x=y")
        s3.put_object_tagging(
            Bucket="images", Key="a/b.json", Tagging={"TagSet": [{"Key": "k", "Value": "v"}]}
        )
        s3.copy_object(Bucket="images", Key="copy", CopySource={"Bucket": "images", "Key": "a/b.json"})
        s3.create_bucket(Bucket="others")
        s3.put_object(Bucket="others", Key="a/b.json", Body=b"")
        s3.delete_object(Bucket="images", Key="a/b.json")
        s3.put_object(Bucket="images", Key="last", Body=b"")

        records = [json.loads(note)["Records"] for note in consume(kafka.bootstrap_servers, "notes", 4)]
        told = {
            (
                one["eventName"],
                one["s3"]["bucket"]["name"],
                one["s3"]["object"]["key"],
                one["s3"]["object"]["size"],
            )
            for (one,) in records
        }
        assert told == {
            ("ObjectCreated:Put", "images", "a/b.json", 2),
            ("ObjectCreated:Put", "images", SPECIAL_KEY, 5),
            ("ObjectCreated:Copy", "images", "copy", 2),
            ("ObjectCreated:Put", "images", "last", 0),
        }
        assert s3.get_object(Bucket="images", Key=SPECIAL_KEY)["Body"].read() == b"image"

    def test_a_multipart_upload_is_told_when_it_is_complete(
        self, kafka: EmbeddedKafka, s3: S3Client, tmp_path: Path
    ) -> None:
        big = tmp_path / "big"
        big.write_bytes(os.urandom(12_000_000))
        s3.upload_file(str(big), "images", "big.fits", Config=TransferConfig(multipart_threshold=5 << 20))

        (note,) = consume(kafka.bootstrap_servers, "notes", 1)
        (record,) = json.loads(note)["Records"]
        assert record["eventName"] == "ObjectCreated:CompleteMultipartUpload"
        assert record["s3"]["object"]["size"] == 12_000_000
        assert record["s3"]["object"]["eTag"] == s3.head_object(Bucket="images", Key="big.fits")[
            "ETag"
        ].strip('"')

    def test_a_refused_upload_is_not_told(self, kafka: EmbeddedKafka, s3: S3Client) -> None:
        with pytest.raises(s3.exceptions.ClientError):
            s3.complete_multipart_upload(
                Bucket="images", Key="x", UploadId="none", MultipartUpload={"Parts": []}
            )
        s3.put_object(Bucket="images", Key="last", Body=b"")
        (note,) = consume(kafka.bootstrap_servers, "notes", 1)
        assert b'"last"' in note

    def test_a_stopped_store_leaves_no_process_and_no_port(self, kafka: EmbeddedKafka) -> None:
        store = ObjectStore(kafka.bootstrap_servers, image_bucket="images", topic="notes")
        store.start()
        port = urlsplit(store.url).port
        assert port is not None
        assert is_open(port)
        store.stop()
        assert not is_open(port)

    def test_a_store_ends_when_who_started_it_is_killed(self, kafka: EmbeddedKafka) -> None:
        program = (
            "import os, sys; from simulator.servers.object_store import ObjectStore;"
            "s = ObjectStore(sys.argv[1], image_bucket='images', topic='notes'); s.start();"
            "print(s.url, flush=True); os.kill(os.getpid(), 9)"
        )
        command = [sys.executable, "-c", program, kafka.bootstrap_servers]
        url = subprocess.run(  # noqa: S603 - this very interpreter
            command, check=False, capture_output=True, text=True
        ).stdout
        port = urlsplit(url.strip()).port
        assert port is not None
        end = time.monotonic() + 20
        while is_open(port) and time.monotonic() < end:
            time.sleep(0.05)
        assert not is_open(port)


class TestSchemaRegistry:
    SCHEMA = Schema('{"type": "record", "name": "r", "fields": [{"name": "a", "type": "int"}]}', "AVRO")
    WIDER = Schema('{"type": "record", "name": "r", "fields": []}', "AVRO")

    def test_a_registered_schema_is_found_by_id_subject_and_text(self) -> None:
        with SchemaRegistry() as registry, SchemaRegistryClient({"url": registry.url}) as client:
            number = client.register_schema("topic/1-value", self.SCHEMA)
            assert client.register_schema("topic/1-value", self.SCHEMA) == number
            wider = client.register_schema("topic/1-value", self.WIDER)
            client.clear_caches()

            assert json.loads(client.get_schema(number).schema_str or "")["fields"][0]["name"] == "a"
            latest = client.get_latest_version("topic/1-value")
            assert (latest.schema_id, latest.version) == (wider, 2)
            assert client.get_versions("topic/1-value") == [1, 2]
            assert client.lookup_schema("topic/1-value", self.SCHEMA).schema_id == number
            assert client.get_subjects() == ["topic/1-value"]

    def test_what_is_not_there_is_answered_in_confluents_numbers(self) -> None:
        with SchemaRegistry() as registry, SchemaRegistryClient({"url": registry.url}) as client:
            with pytest.raises(SchemaRegistryError) as unknown_subject:
                client.get_latest_version("nobody")
            with pytest.raises(SchemaRegistryError) as unknown_id:
                client.get_schema(7)
            with pytest.raises(SchemaRegistryError) as unreadable:
                client.register_schema("topic", Schema('{"type": "nonsense"}', "AVRO"))
        codes = [caught.value.error_code for caught in (unknown_subject, unknown_id, unreadable)]
        assert codes == [40401, 40403, 42201]

    def test_a_stopped_registry_leaves_no_port(self) -> None:
        with SchemaRegistry() as registry:
            port = urlsplit(registry.url).port
            assert port is not None
            assert is_open(port)
        assert not is_open(port)


class TestRedis:
    @pytest.mark.parametrize("kind", [RealRedisServer, FakeRedisServer])
    def test_streams_work_and_nothing_is_left(
        self, kind: type[RealRedisServer] | type[FakeRedisServer]
    ) -> None:
        if kind is RealRedisServer and not redis_server().is_real:
            pytest.skip("no redis-server on the PATH")
        with kind() as server:
            client = redis.Redis(host=server.host, port=server.port, decode_responses=True)
            client.xgroup_create("stream", "workers", mkstream=True)
            entry = client.xadd("stream", {"a": "1"})
            assert client.xreadgroup("workers", "me", {"stream": ">"}) == [["stream", [(entry, {"a": "1"})]]]
            client.close()
            port = server.port
        assert not is_open(port)

    @pytest.mark.skipif(not redis_server().is_real, reason="no redis-server on the PATH")
    def test_the_real_server_keeps_what_it_was_told(self) -> None:
        with RealRedisServer() as server:
            client = redis.Redis(host=server.host, port=server.port, decode_responses=True)
            settings = client.config_get("append*")
            folder = Path(client.config_get("dir")["dir"] or "")
            client.close()
            assert settings == {**settings, "appendonly": "yes", "appendfsync": "always"}
            assert folder.is_dir()
        assert not folder.exists()
