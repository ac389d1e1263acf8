"""A folder for files of alerts in place of a broker."""

import datetime
import hashlib
import io
from collections.abc import Collection, Sequence
from typing import Final

import fastavro
from lsst.resources import ResourcePath

from adapters.alerts.files import write_whole
from adapters.common.own_threads import OwnThreads
from ports.alert_outbox import AlertBrokerUnavailableError

__all__ = ["AlertFolderBroker"]

_SCHEMA: Final = fastavro.parse_schema(
    {"type": "record", "name": "UnsentAlert", "fields": [{"name": "message", "type": "bytes"}]}
)


class AlertFolderBroker:
    """`ports.alert_outbox.AlertBroker`: files as `prompt_pipelines.alert_files.AlertFolder` writes them.

    Parameters
    ----------
    uri
        Of the folder.
    """

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._thread = OwnThreads("alert-folder", AlertBrokerUnavailableError)

    async def open(self) -> None:
        """Get ready."""
        self._thread.open()

    async def close(self) -> None:
        """Wait for what goes on."""
        await self._thread.close()

    async def send(self, messages: Sequence[bytes]) -> Collection[int]:
        """See `ports.alert_outbox.AlertBroker.send`; the same messages make the same file."""
        await self._thread.run(self._write, messages)
        return range(len(messages))

    def _write(self, messages: Sequence[bytes]) -> None:
        buffer = io.BytesIO()
        fastavro.writer(buffer, _SCHEMA, [{"message": message} for message in messages])
        day = f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}"
        name = hashlib.sha256(b"".join(messages)).hexdigest()[:32]
        folder = ResourcePath(self._uri, forceDirectory=True).join(f"{day}/", forceDirectory=True)
        try:
            write_whole(folder.join(f"{name}.avro"), buffer.getvalue())
        except Exception as error:  # each store has errors of its own
            raise AlertBrokerUnavailableError(f"cannot write alerts to {folder}: {error}") from error
