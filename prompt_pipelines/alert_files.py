"""Files of alerts: one Avro container for what one task could not send, or where no broker is, for all of it.

Each record is ``{"message": bytes}``, a message as the broker would have got it.
"""

import contextlib
import datetime
import hashlib
import io
import itertools
import os
import uuid
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, cast

import fastavro
from attrs import frozen
from lsst.resources import ResourcePath

from prompt_pipelines.errors import AlertError

__all__ = ["AlertFile", "AlertFolder"]

_SCHEMA = fastavro.parse_schema(
    {
        "type": "record",
        "name": "UnsentAlert",
        "fields": [
            {"name": "message", "type": "bytes"},
            {"name": "diaSourceId", "type": ["null", "long"], "default": None},
        ],
    }
)


@frozen
class AlertFile:
    """One file, which appears whole or not at all.

    Blocks while a store is slow, for minutes if it is away.
    """

    uri: str

    @classmethod
    def new_in(cls, folder: str) -> Self:
        """Name a file that does not exist yet.

        Parameters
        ----------
        folder
            Its URI. On a disk, the folder above it must exist: one that does
            not is unmounted, not new.
        """
        return cls(ResourcePath(folder, forceDirectory=True).join(f"{uuid.uuid4().hex}.avro").geturl())

    def write(
        self, alerts: Sequence[bytes], ids: Sequence[int] = (), about: Mapping[str, str] | None = None
    ) -> None:
        """Replace the content.

        Parameters
        ----------
        alerts
            Messages.
        ids
            diaSourceIds of the alerts, if they are known.
        about
            What is to be known of all of them.

        Raises
        ------
        AlertError
            Raised if that failed; what was there before is still there.
        """
        buffer = io.BytesIO()
        records = [
            {"message": alert, "diaSourceId": source_id}
            for alert, source_id in itertools.zip_longest(alerts, ids)
        ]
        fastavro.writer(buffer, _SCHEMA, records, metadata=dict(about or {}))
        target = ResourcePath(self.uri)
        try:
            if target.isLocal:
                _replace(Path(target.ospath), buffer.getvalue())
            else:
                target.write(buffer.getvalue())
        except Exception as error:  # each store has errors of its own
            raise AlertError(f"cannot write {self.uri}: {error}") from error

    def leave(self, alerts: Sequence[bytes]) -> None:
        """Keep some of the alerts of a file, and all that it says of them.

        Raises
        ------
        AlertError
            Raised if that failed.
        """
        kept, about = set(alerts), dict[str, str]()
        try:
            reader = fastavro.reader(io.BytesIO(ResourcePath(self.uri).read()), reader_schema=_SCHEMA)
            rest = [record for record in map(_record, reader) if record["message"] in kept]
            about = {name: text for name, text in reader.metadata.items() if not name.startswith("avro.")}
        except Exception as error:  # each store has errors of its own, and Avro has
            raise AlertError(f"cannot read {self.uri}: {error}") from error
        self.write([one["message"] for one in rest], [one["diaSourceId"] for one in rest], about)

    def read(self) -> list[bytes]:
        """Read all alerts.

        Raises
        ------
        AlertError
            Raised if the file cannot be read, or holds something else.
        """
        try:
            records = fastavro.reader(io.BytesIO(ResourcePath(self.uri).read()), reader_schema=_SCHEMA)
            return [_record(record)["message"] for record in records]
        except Exception as error:  # as above, and Avro's
            raise AlertError(f"cannot read {self.uri}: {error}") from error

    def remove(self) -> None:
        """Remove the file, and its folder on a disk if it is empty then.

        Raises
        ------
        AlertError
            Raised if that failed.
        """
        target = ResourcePath(self.uri)
        try:
            target.remove()
        except Exception as error:  # as above
            raise AlertError(f"cannot remove {self.uri}: {error}") from error
        if target.isLocal:
            with contextlib.suppress(OSError):
                Path(target.ospath).parent.rmdir()


@frozen
class AlertFolder:
    """Where alerts go without a broker: a file for each image that has any, in a folder for each UTC day."""

    uri: str

    def send(self, alerts: Iterable[bytes], kept: AlertFile | None = None) -> int:
        """Write alerts to a file; returns how many there are.

        Parameters
        ----------
        alerts
            Messages. The file's name is made of them: written again, they are there once.
        kept
            A file that holds them already, which is removed then.

        Raises
        ------
        AlertError
            Raised if that failed.
        """
        messages = list(alerts)
        if messages:
            day = f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}"
            name = hashlib.sha256(b"".join(messages)).hexdigest()[:32]
            folder = ResourcePath(self.uri, forceDirectory=True).join(f"{day}/", forceDirectory=True)
            AlertFile(folder.join(f"{name}.avro").geturl()).write(messages)
            if kept is not None:
                kept.remove()
        return len(messages)


def _record(record: object) -> dict[str, Any]:
    return cast(dict[str, Any], record)


def _replace(path: Path, content: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
