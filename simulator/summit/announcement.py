"""The observatory's nextVisit as it goes over the wire: Avro in Confluent's frame."""

from importlib.resources import files
from types import TracebackType
from typing import Any, Self

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.serialization import MessageField, SerializationContext, SerializationError

from domain.times import TaiSeconds, UtcSeconds, tai_from_utc
from domain.visit import CoordinateSystem, Dome, RotationSystem
from simulator.errors import SimulatorError
from simulator.summit.night import PlannedVisit

__all__ = ["Announcer", "next_visit"]

_SAL_INDEX = 2  # a real queue: TEST sets of detectors have other numbers
_SECONDS_TO_SEND = 10.0


def next_visit(
    instrument: str, visit: PlannedVisit, *, number: int, start: TaiSeconds, duration: float, now: UtcSeconds
) -> dict[str, Any]:
    """Fill in the fields of a nextVisit.

    Parameters
    ----------
    instrument
        Short name.
    visit
        What to announce.
    number
        Of the script that will observe it.
    start
        When it is expected to begin.
    duration
        Seconds that it will take.
    now
        When it is announced.
    """
    placed = visit.ra is not None and visit.dec is not None
    return {
        "private_efdStamp": now,
        "private_sndStamp": tai_from_utc(now),
        "private_seqNum": number,
        "private_identity": "ScriptQueue:2",
        "salIndex": _SAL_INDEX,
        "scriptSalIndex": number,
        "groupId": visit.group,
        "coordinateSystem": CoordinateSystem.ICRS if placed else CoordinateSystem.NONE,
        "position": [visit.ra if placed else 0.0, visit.dec if placed else 0.0],
        "startTime": start,
        "rotationSystem": RotationSystem.NONE if visit.sky_angle is None else RotationSystem.SKY,
        "cameraAngle": visit.sky_angle or 0.0,
        "filters": visit.physical_filter,
        "dome": Dome.OPEN,
        "duration": duration,
        "nimages": visit.snaps,
        "instrument": instrument,
        "survey": visit.survey,
        "totalCheckpoints": 1,
    }


class Announcer:
    """Sends nextVisit events, and registers their schema.

    Parameters
    ----------
    bootstrap_servers, topic
        Where they go.
    schema_registry_url
        Where the schema is registered.
    """

    def __init__(self, bootstrap_servers: str, topic: str, *, schema_registry_url: str) -> None:
        schema = (files("simulator") / "schemas" / "next_visit.avsc").read_text()
        self._topic = topic
        # Failures come with the delivery; librdkafka's own lines would follow the night's last words.
        self._producer = Producer({"bootstrap.servers": bootstrap_servers, "linger.ms": 0, "log_level": 2})
        self._registry = SchemaRegistryClient({"url": schema_registry_url})
        self._serialize = AvroSerializer(self._registry, schema)

    def announce(self, event: dict[str, Any]) -> None:
        """Send one event, and wait until the broker has it.

        Raises
        ------
        SimulatorError
            Raised if it could not be sent.
        """
        failures: list[KafkaError] = []

        def delivered(error: KafkaError | None, _: Message) -> None:
            if error is not None:
                failures.append(error)

        try:
            body = self._serialize(event, SerializationContext(self._topic, MessageField.VALUE))
            self._producer.produce(self._topic, body, on_delivery=delivered)
            unsent = self._producer.flush(_SECONDS_TO_SEND)
        except (BufferError, KafkaException, SchemaRegistryError, SerializationError, OSError) as error:
            raise SimulatorError(f"visit {event['groupId']} cannot be announced: {error}") from error
        if unsent or failures:
            reason = failures[0] if failures else "the broker does not answer"
            raise SimulatorError(f"visit {event['groupId']} cannot be announced: {reason}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._registry.close()
