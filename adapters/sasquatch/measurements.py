"""Measurements to Sasquatch, Rubin's telemetry, by its Kafka REST proxy."""

import asyncio
import contextlib
import json
import logging
import queue
import re
import threading
from collections.abc import Mapping
from typing import Any, Final

import requests

from domain.times import UtcSeconds
from ports.clock import Clock
from ports.measurements import Measurement
from ports.metrics import Counter, Metrics

__all__ = ["SasquatchMeasurements"]

_LOG = logging.getLogger(__name__)

_TIMES: Final = "promptStageTimes"
_QUALITY: Final = "promptVisitQuality"
_CONTENT: Final = "application/vnd.kafka.avro.v2+json"
_FOREIGN: Final = re.compile("[^A-Za-z0-9_]+")
_FACTS: Final[Mapping[str, str]] = {
    "timestamp": "double",
    "instrument": "string",
    "group": "string",
    "detector": "int",
    "attempt": "int",
    "outcome": "string",
}
"""Fields that every record has, with their Avro types; those of stages and measures come and go."""


class SasquatchMeasurements:
    """Uploads in a thread of its own; a `ports.measurements.Measurements`.

    Parameters
    ----------
    url
        Base URI of the REST proxy.
    namespace
        First part of the topic's name.
    clock
        Tells when a measurement was handed on.
    metrics
        Counts what is lost.
    token
        Bearer token; None: none.
    timeout
        Seconds to connect, and again between two bytes of the answer.
    backlog
        Measurements that may wait; what comes on top is dropped.
    close_timeout
        Seconds that closing waits for what is still to be sent.
    """

    def __init__(
        self,
        *,
        url: str,
        namespace: str,
        clock: Clock,
        metrics: Metrics,
        token: str | None = None,
        timeout: float = 5.0,
        backlog: int = 100,
        close_timeout: float = 2.0,
    ) -> None:
        self._url = f"{url.rstrip('/')}/topics/{namespace}"
        self._namespace = namespace
        self._headers = {"Content-Type": _CONTENT}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"
        self._timeout = timeout
        self._close_timeout = close_timeout
        self._clock = clock
        self._metrics = metrics
        self._waiting: queue.Queue[tuple[UtcSeconds, Measurement] | None] = queue.Queue(backlog)
        self._thread: threading.Thread | None = None
        self._down = False

    async def open(self) -> None:
        """Begin to upload; the proxy may still be unreachable."""
        # A daemon: nothing must wait for a telemetry service, least of all a process's end.
        self._thread = threading.Thread(target=self._upload_all, name="sasquatch", daemon=True)
        self._thread.start()

    async def close(self) -> None:
        """Give what is still to be sent a moment."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._offer(None)
        await asyncio.to_thread(thread.join, self._close_timeout)
        if thread.is_alive():
            self._give_up()

    def add(self, measurement: Measurement) -> None:
        """See `ports.measurements.Measurements.add`."""
        if not self._offer((self._clock.utc(), measurement)):
            self._lost(measurement, "backlog", "too many wait already")

    def _offer(self, item: tuple[UtcSeconds, Measurement] | None) -> bool:
        try:
            self._waiting.put_nowait(item)
        except queue.Full:
            return False
        return True

    def _upload_all(self) -> None:
        with requests.Session() as session:
            while (item := self._waiting.get()) is not None:
                self._upload(session, *item)

    def _upload(self, session: requests.Session, at: UtcSeconds, measurement: Measurement) -> None:
        try:
            for metric, values in _metrics(measurement).items():
                answer = session.post(
                    f"{self._url}.{metric}",
                    data=json.dumps(_payload(self._namespace, metric, at, measurement, values)),
                    headers=self._headers,
                    timeout=self._timeout,
                    allow_redirects=False,
                )
                answer.raise_for_status()
        except requests.RequestException as error:
            self._lost(measurement, "upload", str(error))
        else:
            if self._down:
                _LOG.info("Sasquatch accepts measurements again")
            self._down = False

    def _give_up(self) -> None:
        """Let go of what still waits; the one that is under way may arrive."""
        with contextlib.suppress(queue.Empty):
            while True:
                item = self._waiting.get_nowait()
                if item is not None:
                    self._lost(item[1], "end", "this process ends")

    def _lost(self, measurement: Measurement, kind: str, reason: str) -> None:
        """Say once for each outage what is lost; each loss is a line for those who look closer."""
        self._metrics.count(Counter.MEASUREMENTS_LOST, reason=kind)
        level = logging.DEBUG if self._down else logging.WARNING
        self._down = True
        _LOG.log(level, "measurement of %s not uploaded: %s", measurement.identity, reason)


def _metrics(measurement: Measurement) -> Mapping[str, Mapping[str, float]]:
    """Part a measurement into Sasquatch's metrics, with the values of each by field."""
    seconds = {f"seconds_{_field(stage)}": spent for stage, spent in sorted(measurement.seconds.items())}
    known = {} if measurement.quality is None else measurement.quality.known
    quality = {_field(name): value for name, value in known.items()}
    return {_TIMES: seconds} | ({_QUALITY: quality} if quality else {})


def _payload(
    namespace: str, metric: str, at: UtcSeconds, measurement: Measurement, values: Mapping[str, float]
) -> dict[str, Any]:
    """Write one record with its schema, as the proxy's version 2 wants it."""
    identity = measurement.identity
    facts: dict[str, Any] = {
        "timestamp": at,
        "instrument": identity.instrument,
        "group": identity.group,
        "detector": identity.detector,
        "attempt": measurement.attempt,
        "outcome": measurement.outcome,
    }
    fields: list[dict[str, Any]] = [{"name": name, "type": kind} for name, kind in _FACTS.items()]
    # With a default, schemas with more or fewer values stay compatible with one another.
    fields += [{"name": name, "type": ["null", "double"], "default": None} for name in values]
    schema = {"type": "record", "namespace": namespace, "name": metric, "fields": fields}
    value = facts | {name: {"double": number} for name, number in values.items()}
    return {"value_schema": json.dumps(schema), "records": [{"value": value}]}


def _field(name: str) -> str:
    """Make an Avro name of a stage's or measure's."""
    return _FOREIGN.sub("_", name)
