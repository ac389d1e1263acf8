"""The outbox of alerts in the central datastore, as `prompt_pipelines.alert_outbox` fills it."""

import contextlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

import fastavro
from botocore.exceptions import BotoCoreError, ClientError
from lsst.resources import ResourcePath

from adapters.alerts.files import write_whole
from adapters.common.alert_outbox import FOLDER, owner_from_text, owner_to_text
from adapters.common.own_threads import OwnThreads
from ports.alert_outbox import AlertOutboxUnavailableError, LaidAlert, LaidPacket, UnreadableAlertsError

__all__ = ["AlertOutboxFiles"]

_FAILURES: Final = (OSError, BotoCoreError, ClientError)
"""What lsst.resources raises if a store cannot be reached or refuses."""
_SCHEMA: Final = fastavro.parse_schema(
    {
        "type": "record",
        "name": "UnsentAlert",
        "fields": [
            {"name": "message", "type": "bytes"},
            {"name": "diaSourceId", "type": ["null", "long"], "default": None},
        ],
    }
)


class AlertOutboxFiles:
    """`ports.alert_outbox.AlertOutbox` below the root of a datastore; names are URIs.

    Parameters
    ----------
    root
        URI of the root of the central datastore.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._thread = OwnThreads("alert-outbox", AlertOutboxUnavailableError)

    async def open(self) -> None:
        """Get ready; nothing is looked at yet."""
        self._thread.open()

    async def close(self) -> None:
        """Wait for what goes on."""
        await self._thread.close()

    async def names(self) -> Sequence[str]:
        """See `ports.alert_outbox.AlertOutbox.names`."""
        return await self._thread.run(self._names)

    async def read(self, name: str) -> LaidPacket | None:
        """See `ports.alert_outbox.AlertOutbox.read`."""
        return await self._thread.run(_read, name)

    async def replace(self, packet: LaidPacket) -> None:
        """See `ports.alert_outbox.AlertOutbox.replace`."""
        await self._thread.run(_replace, packet)

    def _names(self) -> list[str]:
        folder = ResourcePath(self._root, forceDirectory=True).join(FOLDER, forceDirectory=True)
        try:
            return sorted(uri.geturl() for uri in ResourcePath.findFileResources([folder], r"\.avro$"))
        except FileNotFoundError:
            return []
        except _FAILURES as error:
            raise AlertOutboxUnavailableError(f"cannot list {folder}: {error}") from error


def _read(name: str) -> LaidPacket | None:
    try:
        content = ResourcePath(name).read()
    except FileNotFoundError:
        return None
    except _FAILURES as error:
        raise AlertOutboxUnavailableError(f"cannot read {name}: {error}") from error
    try:
        reader = fastavro.reader(io.BytesIO(content), reader_schema=_SCHEMA)
        records = [cast(Mapping[str, Any], record) for record in reader]
        about = {key: str(value) for key, value in reader.metadata.items()}
        return LaidPacket(
            name=name,
            owner=owner_from_text(about["owner"]),
            visit=int(about["visit"]),
            detector=int(about["detector"]),
            alerts=tuple(LaidAlert(int(one["diaSourceId"]), one["message"]) for one in records),
            held=about.get("held", ""),
        )
    except Exception as error:  # whatever Avro raises, of bytes that may be any
        raise UnreadableAlertsError(f"it does not say whose alerts it holds: {error!r:.200}") from error


def _replace(packet: LaidPacket) -> None:
    target = ResourcePath(packet.name)
    try:
        if packet.alerts:
            write_whole(target, _content(packet))
        else:
            target.remove()
            if target.isLocal:
                # The attempt's folder goes with its last file.
                with contextlib.suppress(OSError):
                    Path(target.ospath).parent.rmdir()
    except FileNotFoundError:
        return
    except _FAILURES as error:
        raise AlertOutboxUnavailableError(f"cannot write {packet.name}: {error}") from error


def _content(packet: LaidPacket) -> bytes:
    about = {
        "owner": owner_to_text(packet.owner),
        "visit": str(packet.visit),
        "detector": str(packet.detector),
    }
    buffer = io.BytesIO()
    records = [{"message": one.message, "diaSourceId": one.source_id} for one in packet.alerts]
    fastavro.writer(buffer, _SCHEMA, records, metadata=about | ({"held": packet.held} if packet.held else {}))
    return buffer.getvalue()
