"""Alerts, read back from Kafka as a broker of alerts reads them."""

import functools
import json
import struct
import urllib.request
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition
from fastavro import parse_schema, schemaless_reader
from lsst.alert.packet import Schema
from lsst.alert.packet.schema import get_latest_schema_version

from prompt_pipelines.alert_files import AlertFile
from simulator.errors import SimulatorError

__all__ = ["decoded_alert", "read_alert_file", "read_alert_files", "read_alerts", "register_alert_schema"]

_FRAME = struct.Struct(">bI")  # Confluent's: a zero byte and the schema's id
_TIMEOUT = 10.0
_PATIENCE = 20.0  # seconds without an alert that is known to be there


def register_alert_schema(registry: str, topic: str) -> int:
    """Register the newest schema of Rubin's alerts under Rubin's id; returns the id.

    Raises
    ------
    SimulatorError
        Raised if the registry does not take it.
    """
    major, minor = get_latest_schema_version()
    number = int(major) * 100 + int(minor)
    request = {"schema": json.dumps(Schema.from_uri().definition), "schemaType": "AVRO", "id": number}
    _ask(f"{registry}/subjects/{topic}-value/versions", json.dumps(request).encode())
    return number


def read_alert_files(folder: Path) -> list[dict[str, Any]]:
    """Read and decode all alerts of the files below a folder.

    Raises
    ------
    SimulatorError
        Raised if there is a message that is no alert of the installed schema.
    prompt_pipelines.errors.AlertError
        Raised if a file cannot be read.
    """
    return [alert for file in sorted(folder.rglob("*.avro")) for alert in read_alert_file(file)]


def read_alert_file(file: Path) -> list[dict[str, Any]]:
    """Read and decode all alerts of a file; errors as of `read_alert_files`."""
    schema = _schema()
    return [_decoded(body, schema, str(file)) for body in AlertFile(file.absolute().as_uri()).read()]


def decoded_alert(body: bytes) -> dict[str, Any]:
    """Decode one message, by the installed schema; errors as of `read_alert_files`."""
    return _decoded(body, _schema(), "the topic")


@functools.cache
def _schema() -> Any:  # noqa: ANN401 - as fastavro has it
    return parse_schema(Schema.from_uri().definition, named_schemas={})


def _decoded(body: bytes, schema: Any, where: str) -> dict[str, Any]:  # noqa: ANN401 - as fastavro has it
    try:
        _FRAME.unpack_from(body)
        alert = schemaless_reader(BytesIO(body[_FRAME.size :]), schema, None)
    except (ValueError, EOFError, IndexError, KeyError, struct.error) as error:
        raise SimulatorError(f"{where} holds a message that is no alert: {error}") from error
    if not isinstance(alert, dict):
        raise SimulatorError(f"{where} holds a message that is no alert: {type(alert).__name__}")
    return alert


def read_alerts(bootstrap_servers: str, registry: str, topic: str) -> list[dict[str, Any]]:
    """Read and decode all alerts of a topic.

    Raises
    ------
    SimulatorError
        Raised if there is a message that is no alert, or Kafka does not
        answer.
    """
    readers: dict[int, Any] = {}
    alerts = []
    for body in _messages(bootstrap_servers, topic):
        try:
            zero, number = _FRAME.unpack_from(body)
            if zero != 0:
                raise ValueError("it does not begin with a zero byte")
            if number not in readers:
                schema = _ask(f"{registry}/schemas/ids/{number}")["schema"]
                readers[number] = parse_schema(json.loads(schema), named_schemas={})
            alert = schemaless_reader(BytesIO(body[_FRAME.size :]), readers[number], None)
        except (ValueError, EOFError, IndexError, KeyError, struct.error) as error:
            raise SimulatorError(f"{topic} holds a message that is no alert: {error}") from error
        if not isinstance(alert, dict):
            raise SimulatorError(f"{topic} holds a message that is no alert: {type(alert).__name__}")
        alerts.append(alert)
    return alerts


def _messages(bootstrap_servers: str, topic: str) -> Iterator[bytes]:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": "alert-reader",
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 5,
        }
    )
    try:
        partitions = consumer.list_topics(topic, timeout=_TIMEOUT).topics[topic].partitions
        spans = {}
        for number in partitions:
            spans[number] = consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=_TIMEOUT)
        consumer.assign([TopicPartition(topic, number, low) for number, (low, _) in spans.items()])
        waiting = sum(high - low for low, high in spans.values())
        while waiting > 0:
            message = consumer.poll(_PATIENCE)
            if message is None:
                raise SimulatorError(f"{waiting} messages of {topic} cannot be read")
            if (error := message.error()) is not None:
                raise SimulatorError(f"{topic} cannot be read: {error.str()}")
            waiting -= 1
            yield message.value() or b""
    except KafkaException as error:
        raise SimulatorError(f"{topic} cannot be read: {error}") from error
    finally:
        consumer.close()


def _ask(url: str, body: bytes | None = None) -> dict[str, Any]:
    request = urllib.request.Request(url, body, {"Content-Type": "application/vnd.schemaregistry.v1+json"})  # noqa: S310 - the simulator's own registry
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310 - as above
            content = json.load(answer)
    except (OSError, ValueError) as error:
        raise SimulatorError(f"the schema registry does not answer {url}: {error}") from error
    return dict(content)
