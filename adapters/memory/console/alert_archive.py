"""Alerts of a night, in memory."""

from collections.abc import Mapping, Sequence
from typing import Any

from ports.alert_archive import AlertArchiveUnavailableError, KeptAlert, NoSuchAlertError

__all__ = ["MemoryAlertArchive"]


class MemoryAlertArchive:
    """`ports.alert_archive.AlertArchive` of alerts that are given to it.

    `outage` is for tests: while it is not blank, the archive cannot be read for that reason.
    """

    def __init__(self) -> None:
        self.outage = ""
        self._kept: dict[int, tuple[KeptAlert, Mapping[str, Any]]] = {}

    def put(self, alert: KeptAlert, packet: Mapping[str, Any]) -> None:
        """Keep an alert."""
        self._kept[alert.source_id] = alert, packet

    async def alerts(
        self, *, visit: int | None = None, detector: int | None = None, object_id: int | None = None
    ) -> Sequence[KeptAlert]:
        """See `ports.alert_archive.AlertArchive.alerts`."""
        self._check()
        found = [
            one
            for one, _ in self._kept.values()
            if visit in {None, one.visit}
            and detector in {None, one.detector}
            and object_id in {None, one.object_id}
        ]
        return sorted(found, key=lambda one: (one.processed, one.source_id))

    async def packet(self, source_id: int) -> Mapping[str, Any]:
        """See `ports.alert_archive.AlertArchive.packet`."""
        self._check()
        if source_id not in self._kept:
            raise NoSuchAlertError(f"no alert about DiaSource {source_id} is kept")
        return self._kept[source_id][1]

    def _check(self) -> None:
        if self.outage:
            raise AlertArchiveUnavailableError(f"alerts: {self.outage}")
