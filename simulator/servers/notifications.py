"""Notifications of new objects: Ceph's format, and the relay that sends them."""

import datetime
import hashlib
import io
import json
import logging
import uuid
from collections.abc import Callable, Iterable
from urllib.parse import parse_qs
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from attrs import frozen
from confluent_kafka import KafkaError, KafkaException, Message, Producer

__all__ = ["NewObject", "NotificationRelay", "NotificationSender", "ceph_notification"]

_log = logging.getLogger(__name__)

# Query words that make of a PUT something else than a new object.
_SUBRESOURCES = frozenset({"acl", "legal-hold", "partNumber", "retention", "tagging", "uploadId"})


@frozen(kw_only=True)
class NewObject:
    """An object that has just appeared in the store."""

    bucket: str
    key: str
    size: int
    """Bytes."""
    etag: str
    event: str
    """What created it: ``Put``, ``Copy`` or ``CompleteMultipartUpload``."""


def ceph_notification(new: NewObject, instant: datetime.datetime) -> bytes:
    """Write what a Ceph gateway (release Reef) sends of a new object.

    The key is raw, not URL-encoded; ids that only the gateway understands
    are made up.

    Parameters
    ----------
    new
        The object.
    instant
        When it appeared, UTC.
    """
    owner = {"principalId": "simulator"}
    record = {
        "eventVersion": "2.2",
        "eventSource": "ceph:s3",
        "awsRegion": "default",
        "eventTime": f"{instant:%Y-%m-%dT%H:%M:%S.%f}Z",
        "eventName": f"ObjectCreated:{new.event}",
        "userIdentity": owner,
        "requestParameters": {"sourceIPAddress": ""},
        "responseElements": {
            "x-amz-request-id": str(uuid.uuid4()),
            "x-amz-id-2": "simulator-default-default",
        },
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "raws",
            "bucket": {
                "name": new.bucket,
                "ownerIdentity": owner,
                "arn": f"arn:aws:s3:default::{new.bucket}",
                "id": f"simulator-{new.bucket}",
            },
            "object": {
                "key": new.key,
                "size": new.size,
                "eTag": new.etag,
                "versionId": "",
                "sequencer": hashlib.blake2b(f"{instant}{new.key}".encode(), digest_size=8)
                .hexdigest()
                .upper(),
                "metadata": [],
                "tags": [],
            },
        },
        "eventId": f"{instant.timestamp():.6f}.{new.etag}",
        "opaqueData": "",
    }
    return json.dumps({"Records": [record]}, separators=(",", ":"), ensure_ascii=False).encode()


class NotificationSender:
    """Sends notifications to one topic, and waits for the broker's word.

    Parameters
    ----------
    bootstrap_servers
        The Kafka cluster.
    topic
        Where notifications go.
    """

    def __init__(self, bootstrap_servers: str, topic: str) -> None:
        self._topic = topic
        self._producer = Producer(
            {"bootstrap.servers": bootstrap_servers, "linger.ms": 0, "message.timeout.ms": 5000}
        )

    def send(self, new: NewObject) -> None:
        """Send one notification.

        One that the broker does not take is lost, as on a synchronous Ceph
        topic: the object is there all the same. The log names it.
        """
        message = ceph_notification(new, datetime.datetime.now(datetime.UTC))

        def delivered(error: KafkaError | None, _: Message) -> None:
            if error is not None:
                _log.error("notification of %s lost: %s", new.key, error)

        try:
            self._producer.produce(self._topic, message, on_delivery=delivered)
            self._producer.flush(6.0)
        except (BufferError, KafkaException) as error:
            _log.error("notification of %s lost: %s", new.key, error)


class NotificationRelay:
    """An S3 server (as a WSGI application) that says which objects it was given.

    The notification goes out when the object can be read, and before the
    client gets its answer. Objects that come by an HTML form, or in buckets
    that are named by the host, are not seen.

    Parameters
    ----------
    store
        The S3 server.
    bucket
        The one bucket to tell of.
    sender
        Where to tell it.
    """

    def __init__(self, store: WSGIApplication, bucket: str, sender: NotificationSender) -> None:
        self._store = store
        self._bucket = bucket
        self._sender = sender

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        event = self._event(environ)
        if event is None:
            return self._store(environ, start_response)
        # The store changes what it is given, and the answer waits for the notification.
        asked = dict(environ)
        status, headers, body = _run(self._store, environ)
        if status.startswith("200"):
            self._sender.send(self._look(asked, event))
        start_response(status, headers)
        return [body]

    def _event(self, environ: WSGIEnvironment) -> str | None:
        """Say what the request will create in the bucket, if anything."""
        _, bucket, key = (environ["PATH_INFO"] + "//").split("/", 2)
        if bucket != self._bucket or not key.strip("/"):
            return None
        words = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True).keys()
        match environ["REQUEST_METHOD"]:
            case "POST" if "uploadId" in words:
                return "CompleteMultipartUpload"
            case "PUT" if not words & _SUBRESOURCES:
                return "Copy" if "HTTP_X_AMZ_COPY_SOURCE" in environ else "Put"
        return None

    def _look(self, environ: WSGIEnvironment, event: str) -> NewObject:
        """Ask the store for the new object, as a client would."""
        # WSGI hands paths over as bytes dressed up as Latin-1.
        key = environ["PATH_INFO"].encode("latin-1").decode().split("/", 2)[2]
        head = environ | {"REQUEST_METHOD": "HEAD", "QUERY_STRING": "", "wsgi.input": io.BytesIO()}
        for name in ("CONTENT_LENGTH", "HTTP_TRANSFER_ENCODING"):
            head.pop(name, None)
        _, headers, _ = _run(self._store, head)
        values = {name.lower(): value for name, value in headers}
        return NewObject(
            bucket=self._bucket,
            key=key,
            size=int(values.get("content-length", 0)),
            etag=values.get("etag", "").strip('"'),
            event=event,
        )


def _run(application: WSGIApplication, environ: WSGIEnvironment) -> tuple[str, list[tuple[str, str]], bytes]:
    """Let an application answer a request, and wait for the whole answer."""
    begun: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(
        status: str, headers: list[tuple[str, str]], _: object = None
    ) -> Callable[[bytes], object]:
        begun.append((status, headers))
        return len

    chunks = application(environ, start_response)
    try:
        body = b"".join(chunks)
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            close()
    status, headers = begun[-1]
    return status, headers, body
