"""A Kafka broker in this process: the mock cluster that comes with librdkafka."""

from typing import override

from confluent_kafka import KafkaException, Producer

from simulator.errors import SimulatorError
from simulator.servers.service import Service

__all__ = ["EmbeddedKafka"]


class EmbeddedKafka(Service):
    """A broker over TCP that lives as long as this object.

    It produces, consumes, and keeps the offsets of groups, for any process
    that reaches 127.0.0.1. It is not a real broker: aborted messages of a
    transaction are visible and the offsets sent to one are not stored, no
    offset is found by time, topics appear by themselves with four partitions,
    a partition keeps about 5 MB, nothing survives the end of the process, and
    nobody has to log in.
    """

    description = "librdkafka's mock cluster (no real transactions, nothing kept)"
    is_real = False

    def __init__(self) -> None:
        self._cluster: Producer | None = None
        self._bootstrap_servers = ""

    @override
    def start(self) -> None:
        # The address is a placeholder: the mock cluster puts its own there.
        # Level 3 keeps its note on that out of the terminal.
        cluster = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "mock:1", "log_level": 3})
        try:
            brokers = cluster.list_topics(timeout=10).brokers.values()
        except KafkaException as error:
            raise SimulatorError(f"the embedded Kafka does not come up: {error}") from error
        self._cluster = cluster
        self._bootstrap_servers = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)

    @property
    def bootstrap_servers(self) -> str:
        """Address for Kafka clients, ``host:port``."""
        return self._bootstrap_servers

    def create_topic(self, name: str) -> None:
        """Make a topic exist, so that consumers that come first find it.

        Raises
        ------
        SimulatorError
            Raised if the broker is not running, or refuses.
        """
        if self._cluster is None:
            raise SimulatorError(f"no topic {name}: the embedded Kafka is not running")
        try:
            # Asking about a topic is how one is made here: the mock cluster
            # does not answer the admin client.
            self._cluster.list_topics(name, timeout=10)
        except KafkaException as error:
            raise SimulatorError(f"the embedded Kafka makes no topic {name}: {error}") from error

    @override
    def stop(self) -> None:
        # The cluster goes with the last reference to its producer.
        self._cluster = None
        self._bootstrap_servers = ""
