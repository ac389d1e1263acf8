"""A night on the simulated summit, seen by clients that know nothing of it."""

import asyncio
import contextlib
import json
import time
from collections.abc import Iterator

import boto3
import pytest
from attrs import frozen
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

from domain.raws.raws import parse_raw_key, sidecar_key
from domain.times import UtcSeconds, tai_from_utc
from simulator.errors import SimulatorError
from simulator.servers.kafka import EmbeddedKafka
from simulator.servers.object_store import ObjectStore
from simulator.servers.schema_registry import SchemaRegistry
from simulator.summit.demo import demo_plan
from simulator.summit.summit import Summit
from tests.integration.simulator.test_services import consume
from tests.unit.simulator.cameras import make_camera

pytestmark = pytest.mark.slow

CAMERA = make_camera()


@frozen
class Box:
    kafka: EmbeddedKafka
    registry: SchemaRegistry
    store: ObjectStore

    def summit(self, *, speed: float) -> Summit:
        return Summit(
            bootstrap_servers=self.kafka.bootstrap_servers,
            schema_registry_url=self.registry.url,
            topic="visits",
            object_store_url=self.store.url,
            bucket="images",
            speed=speed,
        )


@pytest.fixture
def box() -> Iterator[Box]:
    with EmbeddedKafka() as kafka, SchemaRegistry() as registry:
        kafka.create_topic("notes")
        with ObjectStore(kafka.bootstrap_servers, image_bucket="images", topic="notes") as store:
            yield Box(kafka, registry, store)


async def test_a_night_is_announced_and_its_raws_arrive(box: Box) -> None:
    plan = demo_plan(CAMERA, seed=1, now=UtcSeconds(time.time())).plan
    summit = box.summit(speed=50.0)
    await summit.play(plan)

    values = await asyncio.to_thread(consume, box.kafka.bootstrap_servers, "visits", 3)
    with SchemaRegistryClient({"url": box.registry.url}) as client:
        decode = AvroDeserializer(client)
        context = SerializationContext("visits", MessageField.VALUE)
        events = sorted(
            (decode(value, context) for value in values), key=lambda event: event["scriptSalIndex"]
        )
    assert [event["groupId"] for event in events] == [visit.group for visit in plan.visits]
    for event, visit in zip(events, plan.visits, strict=True):
        sent = UtcSeconds(event["private_efdStamp"])
        assert event["position"] == [visit.ra, visit.dec]
        assert event["nimages"] == visit.snaps
        assert event["private_sndStamp"] == pytest.approx(tai_from_utc(sent))
        assert event["startTime"] - event["private_sndStamp"] == pytest.approx(20 / 50)
        assert event["duration"] == pytest.approx((15 * visit.snaps + 5) / 50)

    notes = await asyncio.to_thread(consume, box.kafka.bootstrap_servers, "notes", 16)
    told = [json.loads(note)["Records"][0]["s3"]["object"]["key"] for note in notes]
    raws = [key for name in told if (key := parse_raw_key(CAMERA, name)) is not None]
    assert {sidecar_key(key) for key in raws} | {key.key for key in raws} == set(told)
    assert len(raws) == 4 * 2
    assert summit.last_notified.keys() == {
        (visit.group, number) for visit in plan.visits for number in (0, 5)
    }


async def test_a_night_that_is_called_off_ends_at_once(box: Box) -> None:
    plan = demo_plan(CAMERA, seed=1, now=UtcSeconds(time.time())).plan
    night = asyncio.create_task(box.summit(speed=1.0).play(plan))
    await asyncio.sleep(0.5)
    called_off = time.monotonic()
    night.cancel()
    with pytest.raises(asyncio.CancelledError):
        await night
    assert time.monotonic() - called_off < 5.0


async def test_a_store_that_is_gone_is_one_error_that_names_the_raw(box: Box) -> None:
    plan = demo_plan(CAMERA, seed=1, now=UtcSeconds(time.time())).plan
    summit = box.summit(speed=100.0)
    box.store.stop()
    with pytest.raises(SimulatorError, match="cannot be written to the object store"):
        await summit.play(plan)


async def test_raws_can_be_fetched_as_they_were_sent(box: Box) -> None:
    plan = demo_plan(CAMERA, seed=1, now=UtcSeconds(time.time())).plan
    await box.summit(speed=200.0).play(plan)
    s3 = boto3.client(
        "s3",
        endpoint_url=box.store.url,
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",  # noqa: S106 - the store checks none
    )
    with contextlib.closing(s3):
        listed = s3.list_objects_v2(Bucket="images")["Contents"]
        sidecars = [one["Key"] for one in listed if one["Key"].endswith(".json")]
        cards = json.loads(s3.get_object(Bucket="images", Key=sidecars[0])["Body"].read())
    assert len(sidecars) == 8
    assert cards["GROUPID"] in {visit.group for visit in plan.visits}
