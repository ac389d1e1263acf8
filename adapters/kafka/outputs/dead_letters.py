"""Messages that can never be applied, kept whole: in a topic, or in a file that the topic names."""

import hashlib
import logging
import re
from typing import Final

from attrs import evolve
from lsst.resources import ResourcePath

from adapters.kafka.outputs.batch_publisher import Record
from adapters.kafka.outputs.whole_files import write_whole
from domain.addresses import without_users
from ports.central_registry import OutputEvent

__all__ = ["DeadLetters"]

_LOG: Final = logging.getLogger(__name__)
_FOLDER: Final = ".prompt-dead-letters/"
_LONGEST: Final = 900_000  # Bytes of key and body; a broker takes a megabyte, headers included.
_LONGEST_KEY: Final = 1000  # Bytes that stay in the topic when the body goes to a file.
_LONGEST_REASON: Final = 4000  # Characters of a header.
_SHORT_REASON: Final = 200
_LONGEST_NAME: Final = 100  # Characters, of what a file's name says of the message.


class DeadLetters:
    """Makes dead letters.

    Parameters
    ----------
    topic
        Where they go.
    root
        URI of the root of the central datastore, beside whose datasets the
        files are.
    """

    def __init__(self, topic: str, root: str) -> None:
        self._topic = topic
        self._root = root

    def record(self, event: OutputEvent, *, key: bytes | None, reason: str) -> Record:
        """Make a dead letter, of whatever size."""
        headers = (
            ("reason", without_users(reason)[:_LONGEST_REASON].encode(errors="replace")),
            ("position", event.position.encode(errors="replace")),
        )
        return Record(topic=self._topic, body=event.body, key=key, headers=headers)

    def is_too_long(self, record: Record) -> bool:
        """Tell whether a dead letter is more than a broker takes by default."""
        return len(record.body) + len(record.key or b"") > _LONGEST

    def shortened(self, record: Record) -> Record | None:
        """Move the body, and a long key, to a file; after that, shorten the reason.

        Blocks, and raises one of `adapters.kafka.outputs.whole_files.STORE_FAILURES`
        if the file cannot be written. None: the dead letter cannot be any shorter.
        """
        headers = dict(record.headers)
        if "file" not in headers:
            return self._filed(record)
        reason = _text(headers["reason"])
        if len(reason) <= _SHORT_REASON:
            return None
        return evolve(record, headers=tuple((headers | {"reason": reason[:_SHORT_REASON].encode()}).items()))

    def _filed(self, record: Record) -> Record:
        position = _text(dict(record.headers)["position"])
        said = re.sub(r"[^\w.-]+", "-", position.removesuffix(".json"), flags=re.ASCII)[:_LONGEST_NAME]
        # By the contents too: a topic that was made anew counts from 0 again.
        name = f"{said}-{hashlib.sha256(record.body).hexdigest()[:16]}"
        folder = ResourcePath(self._root, forceDirectory=True).join(_FOLDER, forceDirectory=True)
        file = folder.join(f"{name}.json")
        write_whole(file, record.body)
        headers = {"omitted": f"{len(record.body)} bytes".encode(), "file": file.geturl().encode()}
        key = record.key
        if key is not None and len(key) > _LONGEST_KEY:
            key_file = folder.join(f"{name}.key")
            write_whole(key_file, key)
            headers["key_file"] = key_file.geturl().encode()
            key = None
        _LOG.error("%s too large for a dead-letter topic; kept in a file: %s", position, file)
        return evolve(record, body=b"", key=key, headers=(*record.headers, *headers.items()))


def _text(value: str | bytes | None) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value or ""
