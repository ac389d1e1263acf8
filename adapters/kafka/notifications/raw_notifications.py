"""Notifications of one instrument's raws, read once for the life of a worker."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import Final
from urllib.parse import quote, quote_plus

from confluent_kafka import Message

from adapters.kafka.background import Background
from adapters.kafka.connection import KafkaConnection, consumer_config
from adapters.kafka.notifications.heard_raws import HeardRaws
from adapters.kafka.notifications.notifications import UndecodableNotificationError, decode_notification
from adapters.kafka.places import position_of
from adapters.kafka.positions import TopicMissingError
from adapters.kafka.topic_follower import TopicFollower
from domain.cameras.camera import Camera
from domain.raws.stored_raw import StoredRaw, stored_raws
from domain.times import UtcSeconds
from ports.clock import Clock
from ports.metrics import Counter, Metrics

__all__ = ["KafkaRawNotifications"]

_LOG: Final = logging.getLogger(__name__)

type _Match = Sequence[StoredRaw]
"""What one object is to its detectors."""


class KafkaRawNotifications:
    """Reads all partitions of the bucket's topic in a thread of its own.

    There is no consumer group: every worker hears everything. Reading begins
    at an instant and goes on without gap; if the brokers lose messages before
    they are read, that is logged, and the store fills the gap.

    Parameters
    ----------
    connection
        The bucket's cluster.
    topic
        Where the store sends its notifications.
    camera
        Whose raws count.
    bucket
        The image bucket; a tenant before a colon is not in notifications.
    clock
        Tells what reaching back means.
    metrics
        Counts notifications by what they were; called from the thread.
    offset_reset
        ``earliest`` or ``latest``: where to begin if the broker does not know
        the times of its messages.
    reach_back
        Seconds before the start of the worker at which reading begins.
    retention
        Seconds that a notification is kept (MESSAGE_EXPIRATION).
    limit
        Notifications kept at most.
    """

    def __init__(
        self,
        *,
        connection: KafkaConnection,
        topic: str,
        camera: Camera,
        bucket: str,
        clock: Clock,
        metrics: Metrics,
        offset_reset: str = "latest",
        reach_back: float = 300.0,
        retention: float = 3600.0,
        limit: int = 100_000,
    ) -> None:
        config = consumer_config(connection, group="unused", offset_reset="error") | {
            # Seconds of the busiest topic; a worker's parent is small.
            "queued.max.messages.kbytes": 4096,
        }
        self._topic = topic
        self._follower = TopicFollower(
            config,
            topic,
            reset=offset_reset,
            patience=connection.timeout,
            handle=self._handle,
            tried=self._on_tried,
        )
        self._camera = camera
        self._bucket = bucket.rpartition(":")[2]
        self._clock = clock
        self._metrics = metrics
        self._reach_back = reach_back
        self._heard = HeardRaws(retention=retention, limit=limit)
        self._needles = _needles(camera)
        self._first_try: asyncio.Future[None] | None = None
        self._background: Background | None = None

    async def open(self) -> None:
        """Begin to read; what is created from now on will be heard.

        Brokers that cannot be reached are tried again in the background.

        Raises
        ------
        adapters.kafka.positions.TopicMissingError
            Raised if there is no such topic.
        """
        since = UtcSeconds(self._clock.utc() - self._reach_back)
        self._first_try = asyncio.get_running_loop().create_future()
        body = partial(self._follower.run, since)
        self._background = Background("raw-notifications", body, self._on_end)
        self._background.start()
        try:
            await self._first_try
        except TopicMissingError:
            await self.close()
            raise

    async def close(self) -> None:
        """Stop reading; what was heard can still be asked for."""
        background, self._background = self._background, None
        if background is not None:
            await background.stop()

    def heard(self, detector: int) -> Sequence[StoredRaw]:
        """See `ports.raw_arrivals.RawNotifications.heard`."""
        return self._heard.heard(detector)

    def follow(self, detector: int) -> AsyncIterator[StoredRaw]:
        """See `ports.raw_arrivals.RawNotifications.follow`."""
        return self._heard.follow(detector)

    # What follows runs in the thread.

    def _handle(self, messages: Sequence[Message]) -> None:
        # Nearly all are foreign, so that is found out before anything is decoded.
        bodies = [message for message in messages if self._may_concern(message.value() or b"")]
        matches = [match for message in bodies for match in self._matches(message)]
        if len(messages) > len(matches):
            self._metrics.count(Counter.NOTIFICATIONS, len(messages) - len(matches), kind="foreign")
        if matches:
            self._metrics.count(Counter.NOTIFICATIONS, len(matches), kind="raw")
            self._post(self._add, matches)

    def _may_concern(self, body: bytes) -> bool:
        return any(needle in body for needle in self._needles)

    def _matches(self, message: Message) -> list[_Match]:
        try:
            created = decode_notification(message.value() or b"")
        except UndecodableNotificationError as error:
            _LOG.warning("notification %s cannot be read: %s", position_of(message), error)
            self._metrics.count(Counter.NOTIFICATIONS, kind="unreadable")
            created = error.readable
        raws = [stored_raws(self._camera, stored) for stored in created if stored.bucket == self._bucket]
        return [match for match in raws if match]

    def _on_tried(self, error: Exception | None) -> None:
        if error is not None:
            _LOG.error("notifications of images on %s cannot be read: %s", self._topic, error)
        self._post(self._begun, error)

    def _post[*Arguments](self, callback: Callable[[*Arguments], object], *arguments: *Arguments) -> None:
        if self._background is not None:
            self._background.post(callback, *arguments)

    # What follows runs in the event loop.

    def _add(self, matches: Sequence[_Match]) -> None:
        for match in matches:
            for raw in match:
                self._heard.add(raw)

    def _begun(self, error: Exception | None) -> None:
        if self._first_try is None or self._first_try.done():
            return
        if isinstance(error, TopicMissingError):
            self._first_try.set_exception(error)
        else:
            self._first_try.set_result(None)

    def _on_end(self, error: BaseException) -> None:
        _LOG.error("reader of image notifications on %s stopped: %r", self._topic, error)
        self._begun(None)


def _needles(camera: Camera) -> frozenset[bytes]:
    """List how a key of the camera may begin in JSON, escaped and quoted or not."""
    names = {spelling for name in camera.names for spelling in (name, quote(name, safe=""), quote_plus(name))}
    texts = {json.dumps(name, ensure_ascii=ascii_only)[:-1] for name in names for ascii_only in (True, False)}
    return frozenset(text.encode() for text in texts)
