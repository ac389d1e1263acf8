"""Apache Kafka itself, one broker in KRaft mode, from Maven Central."""

import asyncio
import functools
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import IO

from attrs import evolve
from confluent_kafka import KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from adapters.kafka.connection import KafkaConnection
from tests.integration.kafka.certificates import Certificates, make_certificates
from tests.integration.kafka.mock_cluster import all_messages
from tests.ports import lasting_ports

__all__ = ["PASSWORD", "USER", "ApacheKafka", "NoKafkaError", "kafka_classpath"]

VERSION = "4.1.0"
USER, PASSWORD = "writer", "no word: 1+1 is 2!"
_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:build-classpath"
_POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
<modelVersion>4.0.0</modelVersion><groupId>test</groupId><artifactId>kafka</artifactId><version>1</version>
<dependencies><dependency>
<groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{VERSION}</version>
</dependency></dependencies></project>
"""
_JAVA_OPTIONS = ("-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
"""A broker of a test lives for a minute: half the CPU goes into compiling it, if it may."""
_START_SECONDS = 60.0
_LISTENERS = {"PLAIN": "PLAINTEXT", "SCRAM": "SASL_PLAINTEXT", "TLS": "SASL_SSL", "CONTROLLER": "PLAINTEXT"}


class NoKafkaError(Exception):
    """Apache Kafka cannot be had here; the text says why."""


@functools.cache
def kafka_classpath() -> str:
    """Find Kafka's jars, downloading them once into Maven's own repository."""
    for program in ("java", "mvn"):
        if shutil.which(program) is None:
            raise NoKafkaError(f"there is no {program} on the PATH")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "prompt-processing"
    known = cache / f"kafka-{VERSION}.classpath"
    if known.exists() and all(Path(jar).exists() for jar in known.read_text().split(os.pathsep)):
        return known.read_text()
    cache.mkdir(parents=True, exist_ok=True)
    pom = cache / f"kafka-{VERSION}.pom.xml"
    pom.write_text(_POM)
    command = ["mvn", "-q", "-B", "-f", str(pom), _PLUGIN, f"-Dmdep.outputFile={known}"]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=600)  # noqa: S603 - as written
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stdout", "") or str(error)
        raise NoKafkaError(f"Maven cannot fetch Kafka {VERSION}: {str(said)[:300]}") from error
    return known.read_text()


class ApacheKafka:
    """A broker whose topics survive its restarts.

    It listens in plain text, with SCRAM, and with SCRAM over TLS.
    """

    has_transactions = True
    knows_times = True

    def __init__(self, classpath: str, folder: Path) -> None:
        self._classpath = classpath
        self._folder = folder
        self._ports = dict(zip(_LISTENERS, lasting_ports(len(_LISTENERS)), strict=True))
        self._process: subprocess.Popen[bytes] | None = None
        self.certificates: Certificates = make_certificates(folder)
        self.connection = KafkaConnection(
            bootstrap_servers=self.address("PLAIN"), timeout=5.0, session_timeout=3.0
        )
        self._partitions: dict[str, int] = {}
        self._admin = AdminClient({"bootstrap.servers": self.address("PLAIN"), "log_level": 0})
        self._format()

    def address(self, listener: str) -> str:
        """Tell where a listener is."""
        return f"localhost:{self._ports[listener]}"

    def with_password(self, listener: str = "SCRAM", password: str = PASSWORD) -> KafkaConnection:
        """Make a connection that logs in, over TLS if it is that listener."""
        ca_file = str(self.certificates.ca) if listener == "TLS" else ""
        return evolve(
            self.connection,
            bootstrap_servers=self.address(listener),
            username=USER,
            password=password,
            ca_file=ca_file,
        )

    def start(self) -> None:
        """Start the broker and wait until it answers."""
        log = (self._folder / "broker.log").open("ab")
        self._process = self._java("kafka.Kafka", str(self._properties), log=log)
        log.close()
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end:
            if self._process.poll() is not None:
                break
            try:
                self._admin.list_topics(timeout=1)
            except KafkaException:
                continue
            return
        self.kill()
        raise NoKafkaError(f"Kafka does not start: {(self._folder / 'broker.log').read_text()[-500:]}")

    def kill(self) -> None:
        """End the broker without a warning."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """End the broker in good order."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def create(self, topic: str, partitions: int = 4) -> int:
        """Make a topic exist, and count its partitions: it keeps those that it was made with."""
        if topic not in self._partitions:
            [made] = self._admin.create_topics([NewTopic(topic, partitions, 1)]).values()
            made.result(10)
            self._partitions[topic] = partitions
            self._wait_for(topic)
        return self._partitions[topic]

    def _wait_for(self, topic: str) -> None:
        """Wait until clients are told of a new topic."""
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end:
            told = self._admin.list_topics(timeout=10).topics.get(topic)
            if told is not None and all(part.leader >= 0 for part in told.partitions.values()):
                return
            time.sleep(0.05)
        raise NoKafkaError(f"topic {topic} does not come up")

    def forget(self, topic: str, partition: int, before: int) -> None:
        """Delete what a partition holds before an offset, as retention does."""
        [done] = self._admin.delete_records([TopicPartition(topic, partition, before)]).values()
        done.result(10)

    def send(self, topic: str, *bodies: bytes, partition: int = 0) -> None:
        """Produce to one partition, so that the order is known."""
        self.create(topic)
        producer = Producer({"bootstrap.servers": self.address("PLAIN"), "log_level": 0})
        for body in bodies:
            producer.produce(topic, body, partition=partition)
        assert producer.flush(20) == 0

    async def sent(self, topic: str, *bodies: bytes, partition: int = 0) -> None:
        """Produce without holding up the event loop."""
        await asyncio.to_thread(self.send, topic, *bodies, partition=partition)

    def messages(self, topic: str) -> list[Message]:
        """Read all of a topic but aborted messages."""
        return all_messages(self.address("PLAIN"), topic, self.create(topic))

    @property
    def _properties(self) -> Path:
        return self._folder / "server.properties"

    def _format(self) -> None:
        scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        urls = {name: f"{name}://127.0.0.1:{port}" for name, port in self._ports.items()}
        advertised = [f"{name}://{self.address(name)}" for name in urls if name != "CONTROLLER"]
        settings = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@127.0.0.1:{self._ports['CONTROLLER']}",
            "controller.listener.names": "CONTROLLER",
            "listeners": ",".join(urls.values()),
            "advertised.listeners": ",".join(advertised),
            "listener.security.protocol.map": ",".join(f"{name}:{kind}" for name, kind in _LISTENERS.items()),
            "inter.broker.listener.name": "PLAIN",
            "sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "listener.name.scram.scram-sha-512.sasl.jaas.config": scram,
            "listener.name.tls.scram-sha-512.sasl.jaas.config": scram,
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(self.certificates.key_and_chain),
            "log.dirs": str(self._folder / "data"),
            "auto.create.topics.enable": "false",
            # A killed broker's registration holds its next life up for this long. With 2 s, Kafka 4.1.0
            # may still be loading the groups for the old life as it begins to for the new one, takes
            # the end of the first for that of the second, and serves no groups until its next start.
            "broker.session.timeout.ms": "6000",
            "broker.heartbeat.interval.ms": "500",
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "1000",
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "1",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "transaction.state.log.num.partitions": "1",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
        }
        self._properties.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        identity = "MkU3OEVBNTcwNTJENDM2Qg"  # Any 16 bytes in base 64.
        user = f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]"
        tool = ("kafka.tools.StorageTool", "format", "-t", identity, "-c", str(self._properties))
        process = self._java(*tool, "--add-scram", user, log=subprocess.PIPE)
        output, _ = process.communicate(timeout=_START_SECONDS)
        if process.returncode:
            raise NoKafkaError(f"Kafka's storage cannot be made: {output.decode()[-500:]}")

    def _java(self, *arguments: str, log: IO[bytes] | int) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(  # noqa: S603 - as written here
            ["java", *_JAVA_OPTIONS, "-cp", self._classpath, *arguments],  # noqa: S607 - whichever is there
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
