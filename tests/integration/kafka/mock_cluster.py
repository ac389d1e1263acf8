"""librdkafka's mock cluster over TCP, and small producers and consumers for tests."""

import asyncio
import ctypes
import time
from pathlib import Path

import confluent_kafka
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, Producer, TopicPartition

from adapters.kafka.connection import KafkaConnection

__all__ = ["MockCluster", "all_messages"]

_HEARTBEAT = 68  # ConsumerGroupHeartbeat, https://kafka.apache.org/protocol#protocol_api_keys


def _library() -> ctypes.CDLL:
    """Load the librdkafka that confluent-kafka brings, which exports its mock cluster."""
    folder = Path(confluent_kafka.__file__).parent.parent / "confluent_kafka.libs"
    [path] = folder.glob("librdkafka*")
    library = ctypes.CDLL(str(path))
    for name in ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_mock_cluster_new"):
        getattr(library, name).restype = ctypes.c_void_p
    library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
    return library


class MockCluster:
    """A broker that lives until it is stopped."""

    has_transactions = False
    knows_times = False

    def __init__(self) -> None:
        self._library = _library()
        message = ctypes.create_string_buffer(512)
        # What the library says of itself is not what a test is about.
        configuration = ctypes.c_void_p(self._library.rd_kafka_conf_new())
        self._library.rd_kafka_conf_set(configuration, b"log_level", b"0", None, 0)
        handle = self._library.rd_kafka_new(0, configuration, message, len(message))
        assert handle, message.value
        self._handle = ctypes.c_void_p(handle)
        self._cluster = ctypes.c_void_p(self._library.rd_kafka_mock_cluster_new(self._handle, 1))
        self.address: str = self._library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()
        self.connection = KafkaConnection(
            bootstrap_servers=self.address, fetch_wait=0.005, timeout=5.0, group_protocol="consumer"
        )
        self._topics: dict[str, int] = {}
        self._producer = Producer({"bootstrap.servers": self.address, "log_level": 0})

    def create(self, topic: str, partitions: int = 4) -> int:
        """Make a topic exist, and count its partitions: it keeps those that it was made with."""
        if topic not in self._topics:
            failed = self._library.rd_kafka_mock_topic_create(self._cluster, topic.encode(), partitions, 1)
            assert not failed
            self._topics[topic] = partitions
        return self._topics[topic]

    def set_down(self, *, down: bool) -> None:
        """Let the broker refuse connections, or take them again."""
        call = "rd_kafka_mock_broker_set_down" if down else "rd_kafka_mock_broker_set_up"
        assert not getattr(self._library, call)(self._cluster, 1)

    def form_groups_after(self, seconds: float) -> None:
        """Let a new group wait so long for more members; brokers, and this one, wait for 3 s."""
        self._library.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, round(seconds * 1000))

    def answer_after(self, seconds: float) -> None:
        """Let every answer take so long."""
        milliseconds = round(seconds * 1000)
        assert not self._library.rd_kafka_mock_broker_set_rtt(self._cluster, -1, milliseconds)

    def refuse_member(self) -> None:
        """Answer the next sign of life of a group's member that something unknown is wrong."""
        # Its place is another's soon: brokers, and this one, would keep it for 45 s.
        self._library.rd_kafka_mock_set_group_consumer_session_timeout_ms(self._cluster, 3000)
        self._library.rd_kafka_mock_push_request_errors(
            self._cluster,
            ctypes.c_int16(_HEARTBEAT),
            ctypes.c_size_t(1),
            ctypes.c_int(KafkaError.UNKNOWN),
        )

    def stop(self) -> None:
        """End the broker."""
        del self._producer
        self._library.rd_kafka_mock_cluster_destroy(self._cluster)
        self._library.rd_kafka_destroy(self._handle)

    def send(self, topic: str, *bodies: bytes, partition: int = 0) -> None:
        """Produce to one partition, so that the order is known."""
        self.create(topic)
        for body in bodies:
            self._producer.produce(topic, body, partition=partition)
        assert self._producer.flush(10) == 0

    async def sent(self, topic: str, *bodies: bytes, partition: int = 0) -> None:
        """Produce without holding up the event loop."""
        await asyncio.to_thread(self.send, topic, *bodies, partition=partition)

    def messages(self, topic: str) -> list[Message]:
        """Read all of a topic."""
        return all_messages(self.address, topic, self.create(topic))


def all_messages(address: str, topic: str, partitions: int) -> list[Message]:
    """Read every partition of a topic to its present end."""
    consumer = Consumer(
        {
            "bootstrap.servers": address,
            "group.id": "test",
            "log_level": 0,
            "fetch.wait.max.ms": 5,
            "enable.partition.eof": True,
        }
    )
    consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in range(partitions)])
    found: list[Message] = []
    ended: set[int | None] = set()
    until = time.monotonic() + 20
    while len(ended) < partitions and time.monotonic() < until:
        message = consumer.poll(0.1)
        if message is None:
            continue
        error = message.error()
        if error is None:
            found.append(message)
        elif error.code() == KafkaError._PARTITION_EOF:
            ended.add(message.partition())
    consumer.close()
    assert len(ended) == partitions, f"{topic} cannot be read to its end"
    return found
