"""Sending alerts to Kafka, if the environment names a broker, or writing them to files.

AP_KAFKA_SERVER and AP_KAFKA_TOPIC say where; without them alerts become files below the
folder whose URI is AP_ALERT_FOLDER, and without that no alert is made.
AP_KAFKA_PRODUCER_USERNAME and AP_KAFKA_PRODUCER_PASSWORD turn on SASL
(SCRAM-SHA-512); AP_KAFKA_SECURITY_PROTOCOL chooses between SASL_PLAINTEXT, the
default, and SASL_SSL.

AP_ALERT_OUTBOX is the URI of a folder for alerts that the broker did not take
by AP_ALERT_UNTIL, an instant on the monotonic clock in seconds. Without the
first such alerts are an error, without the second the broker is waited for 30 s.
"""

import logging
import os
import time
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import field, frozen
from confluent_kafka import KafkaError, Producer

from prompt_pipelines.alert_delivery import Delivery
from prompt_pipelines.alert_files import AlertFile, AlertFolder
from prompt_pipelines.errors import AlertError

__all__ = [
    "AlertError",
    "AlertStream",
    "alerts_from_environment",
    "forget_producers",
    "stream_from_environment",
]

_log = logging.getLogger(__name__)

_LEAST_WAIT = 1.0  # s; for the broker, however late it is

_PRODUCERS: dict["AlertStream", Producer] = {}
"""Kept for the life of the process: a connection takes longer than a visit's alerts."""

_TROUBLE: dict["AlertStream", str] = {}
"""What producers said last of why they do not reach a broker."""

_SILENT: set["AlertStream"] = set()
"""Those whose broker took nothing in the whole of the last wait: visits queue up behind such waits."""


@frozen
class AlertStream:
    """Where alerts go."""

    server: str
    topic: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    security_protocol: str = "SASL_PLAINTEXT"
    until: float | None = field(default=None, eq=False)
    """How long the broker is waited for, on the monotonic clock."""
    outbox: str | None = field(default=None, eq=False)
    """URI of the folder for what it does not take."""
    wait: float = field(default=30.0, eq=False)
    """Seconds for the broker, if `until` says nothing or it took nothing in the whole of the last wait."""
    patience: float = field(default=5.0, eq=False)
    """Seconds; alerts that wait for longer are laid down, so that they outlive this process."""

    def send(self, alerts: Iterable[bytes], kept: AlertFile | None = None) -> int:
        """Send alerts and wait until the broker has them all.

        Parameters
        ----------
        alerts
            Messages.
        kept
            A file that holds them already: it is removed when all are sent,
            and else left with the rest.

        Returns
        -------
        count
            How many were sent. The others lie in a file, one for each call.

        Raises
        ------
        AlertError
            Raised if there are others and no such file. Some may have been sent.
        """
        everything = list(alerts)
        if not everything:
            return 0
        began = time.monotonic()
        left = self._time_left()
        _TROUBLE[self] = "no answer"
        delivery = Delivery(_producer(self), self.topic, everything)
        if kept is None and self.outbox is not None:
            # While they wait for long this process may end.
            delivery.wait(self.patience if left > self.patience else 0.0)
            kept = self._laid_down(delivery, left) if delivery.unsent else None
        delivery.wait(began + left - time.monotonic())
        unsent = delivery.end()
        is_silent = len(unsent) == len(everything) and not delivery.refusal
        (_SILENT.add if is_silent else _SILENT.discard)(self)
        if unsent:
            forget_producers()  # one that was made to give up messages may be good for no more
            waited = f"by {self.server} in {time.monotonic() - began:.0f} s"
            reason = delivery.refusal or _TROUBLE[self]
            what = f"{len(unsent)} of {len(everything)} alerts were not taken {waited}: {reason}"
            self._leave(unsent, kept, what)
        elif kept is not None:
            _remove(kept)
        return len(everything) - len(unsent)

    def _time_left(self) -> float:
        if self.until is None:
            return self.wait
        left = max(self.until - time.monotonic(), _LEAST_WAIT)
        return min(left, self.wait) if self in _SILENT else left

    def _laid_down(self, delivery: Delivery, left: float) -> AlertFile | None:
        file = AlertFile.new_in(self.outbox or "")
        number = len(delivery.unsent)
        waiting = f"{number} alerts wait for {self.server}, up to {left:.0f} s ({_TROUBLE[self]})"
        try:
            file.write(delivery.unsent)
        except AlertError as error:
            _log.warning("%s, and are lost if this process ends: %s", waiting, error)
            return None
        _log.warning("%s; until then they lie in %s", waiting, file.uri)
        return file

    def _leave(self, unsent: list[bytes], kept: AlertFile | None, what: str) -> None:
        """Leave alerts for somebody else to send."""
        if kept is None and self.outbox is None:
            raise AlertError(what)
        file = kept or AlertFile.new_in(self.outbox or "")
        try:
            if kept is None:
                file.write(unsent)
            elif len(unsent) < len(kept.read()):
                kept.leave(unsent)
        except AlertError as error:
            if kept is None:
                raise AlertError(f"{what}; they are lost: {error}") from error
            # They go again: a repeat has the same bytes.
            _log.warning("only some of the alerts in %s were sent: %s", file.uri, error)
        _log.warning("%s; they wait in %s", what, file.uri)


def alerts_from_environment() -> AlertStream | AlertFolder | None:
    """Find out where alerts go: to a broker, else into a folder; None if nowhere.

    Raises
    ------
    AlertError
        Raised as by `stream_from_environment`.
    """
    stream = stream_from_environment()
    folder = os.environ.get("AP_ALERT_FOLDER")
    return AlertFolder(folder) if stream is None and folder else stream


def stream_from_environment(environment: Mapping[str, str] | None = None) -> AlertStream | None:
    """Find out which broker alerts go to; None if to none.

    Raises
    ------
    AlertError
        Raised if a server is named without a topic, or the other way round, or
        AP_ALERT_UNTIL is no number.
    """
    values = os.environ if environment is None else environment
    server, topic = values.get("AP_KAFKA_SERVER") or None, values.get("AP_KAFKA_TOPIC") or None
    if server is None and topic is None:
        return None
    if server is None or topic is None:
        raise AlertError("AP_KAFKA_SERVER and AP_KAFKA_TOPIC must both be set, or neither")
    until = values.get("AP_ALERT_UNTIL") or None
    try:
        instant = None if until is None else float(until)
    except ValueError as error:
        raise AlertError(f"AP_ALERT_UNTIL is no number: {until!r}") from error
    return AlertStream(
        server,
        topic,
        values.get("AP_KAFKA_PRODUCER_USERNAME") or None,
        values.get("AP_KAFKA_PRODUCER_PASSWORD") or None,
        values.get("AP_KAFKA_SECURITY_PROTOCOL") or "SASL_PLAINTEXT",
        until=instant,
        outbox=values.get("AP_ALERT_OUTBOX") or None,
    )


def forget_producers() -> None:
    """Drop the connections to brokers, with what is still queued for them."""
    for producer in _PRODUCERS.values():
        producer.purge()
        producer.flush(0)
    _PRODUCERS.clear()


def _remove(file: AlertFile) -> None:
    try:
        file.remove()
    except AlertError as error:
        _log.warning("alerts already sent, the file may be removed: %s", error)


def _producer(stream: AlertStream) -> Producer:
    if stream not in _PRODUCERS:
        _PRODUCERS[stream] = _make_producer(stream)
    return _PRODUCERS[stream]


def _make_producer(stream: AlertStream) -> Producer:
    def note(error: KafkaError) -> None:
        if error.code() != KafkaError._ALL_BROKERS_DOWN:
            _TROUBLE[stream] = error.str()

    settings: dict[str, Any] = {
        "bootstrap.servers": stream.server,
        "error_cb": note,
        "log_level": 2,  # each vain attempt to connect is a line otherwise, and is told to `note`
        "compression.type": "snappy",
        "enable.idempotence": True,
        "delivery.timeout.ms": 0,  # never: who sends knows how long to wait
        "linger.ms": 5,
        # Cutouts make an alert larger than the default allows for in rare cases only.
        "message.max.bytes": 8_000_000,
    }
    if stream.username is not None:
        settings |= {
            "security.protocol": stream.security_protocol,
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": stream.username,
            "sasl.password": stream.password or "",
        }
    return Producer(settings, logger=logging.getLogger(__name__))
