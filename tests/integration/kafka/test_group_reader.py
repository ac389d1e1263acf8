import asyncio
import contextlib
from pathlib import Path

import pytest
from attrs import evolve

from adapters.kafka.connection import consumer_config
from adapters.kafka.group_reader import GroupReader, KafkaReadError
from tests.integration.kafka.apache_kafka import ApacheKafka
from tests.integration.kafka.broker import Broker
from tests.integration.kafka.mock_cluster import MockCluster

pytestmark = pytest.mark.slow


def make(broker: Broker, unique: str, limit: int) -> GroupReader:
    config = consumer_config(broker.connection, group=f"group-{unique}", offset_reset="earliest")
    return GroupReader(config, [f"topic-{unique}"], limit=limit)


async def read(reader: GroupReader, count: int, partition: int = 0) -> list[bytes]:
    """Read so many messages of one partition, whatever comes of others."""
    found: list[bytes] = []
    async with asyncio.timeout(30):
        while len(found) < count:
            await reader.wait()
            messages = [message for message in reader.take(1) if message.partition() == partition]
            found += [message.value() or b"" for message in messages]
    return found


async def owned(reader: GroupReader, count: int) -> None:
    async with asyncio.timeout(30):
        while len(reader.owned) != count:
            await reader.wait(0.1)
            await asyncio.sleep(0.05)


async def test_a_full_reader_that_loses_its_partitions_reads_on_when_they_come_back(
    broker: Broker, unique: str
) -> None:
    broker.create(f"topic-{unique}", partitions=2)
    bodies = [b"%d" % number for number in range(50)]
    for partition in range(2):
        await broker.sent(f"topic-{unique}", *bodies, partition=partition)
    first, second = make(broker, unique, limit=5), make(broker, unique, limit=5)
    first.open()
    await owned(first, 2)
    # Full by now, and told to fetch no more.
    await asyncio.sleep(1.0)
    second.open()
    await owned(second, 1)
    [(_, theirs)] = second.owned
    assert await read(second, 50, theirs) == bodies
    assert await read(first, 50, 1 - theirs) == bodies
    await second.close()
    await owned(first, 2)
    assert await read(first, 50, theirs) == bodies
    await first.close()


async def test_what_waits_is_bounded(broker: Broker, unique: str) -> None:
    await broker.sent(f"topic-{unique}", *[b"x"] * 500)
    reader = make(broker, unique, limit=10)
    reader.open()
    await reader.wait()
    await asyncio.sleep(1.0)
    assert len(reader.waiting(10_000)) <= 20
    assert len(await read(reader, 500)) == 500
    await reader.close()


async def test_messages_can_be_read_once_more(broker: Broker, unique: str) -> None:
    bodies = [b"%d" % number for number in range(30)]
    await broker.sent(f"topic-{unique}", *bodies)
    reader = make(broker, unique, limit=100)
    reader.open()
    while len(messages := reader.waiting(10)) < 10:
        await asyncio.sleep(0.02)  # wait() returns at once while there are some
    reader.take(10)
    await reader.rewind(messages[5:])
    assert await read(reader, 25) == bodies[5:]
    await reader.close()


async def test_a_closed_reader_says_so(broker: Broker, unique: str) -> None:
    reader = make(broker, unique, limit=10)
    broker.create(f"topic-{unique}")
    reader.open()
    await reader.close()
    with pytest.raises(KafkaReadError, match="closed"):
        await reader.run(lambda consumer: consumer.assignment())


async def test_what_keeps_it_from_reading_is_said_until_it_is_mended(
    apache: ApacheKafka, unique: str, tmp_path: Path
) -> None:
    """As when the file of an authority is mounted late."""
    authority = tmp_path / "ca.pem"
    connection = evolve(apache.with_password("TLS"), ca_file=str(authority))
    await apache.sent(f"topic-{unique}", b"a")
    config = consumer_config(connection, group=unique, offset_reset="earliest")
    reader = GroupReader(config, [f"topic-{unique}"], limit=10)
    reader.open()
    for _ in range(2):
        with pytest.raises(KafkaReadError, match=r"ssl\.ca\.location"):
            await reader.wait(20.0)
        with pytest.raises(KafkaReadError, match="closed"):
            await reader.run(lambda consumer: consumer.assignment())
    authority.write_bytes(apache.certificates.ca.read_bytes())
    assert await read(reader, 1) == [b"a"]
    await reader.close()


async def test_a_group_that_refuses_its_member_for_good_gets_another(unique: str) -> None:
    cluster = MockCluster()
    cluster.create(f"topic-{unique}", partitions=1)
    config = consumer_config(cluster.connection, group=f"group-{unique}", offset_reset="earliest")
    reader = GroupReader(config, [f"topic-{unique}"], limit=5)
    cluster.send(f"topic-{unique}", b"before")
    reader.open()
    assert await read(reader, 1) == [b"before"]
    # librdkafka takes that for the end of this consumer.
    cluster.refuse_member()
    with pytest.raises(KafkaReadError, match="ConsumerGroupHeartbeat"):
        await read(reader, 1)
    cluster.send(f"topic-{unique}", b"after")
    while b"after" not in await anything(reader):
        pass
    await reader.close()
    cluster.stop()


async def anything(reader: GroupReader) -> list[bytes]:
    """Read on, whatever is said to be wrong."""
    async with asyncio.timeout(30):
        with contextlib.suppress(KafkaReadError):
            await reader.wait()
    return [message.value() or b"" for message in reader.take(5)]
