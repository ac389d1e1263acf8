"""Alerts that are kept in files."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from domain.errors import PromptProcessingError
from ports.alert_archive import AlertArchiveUnavailableError, KeptAlert, NoSuchAlertError

__all__ = ["FileAlertArchive"]


class FileAlertArchive:
    """`ports.alert_archive.AlertArchive` of files, each of which is read once to know what is in it.

    Parameters
    ----------
    sent
        Files, or folders of them, with alerts that were sent.
    waiting
        The same of alerts that wait.
    read
        Reads a file, to packets as their schema has them.
    """

    def __init__(
        self,
        sent: Sequence[Path],
        waiting: Sequence[Path],
        read: Callable[[Path], Sequence[Mapping[str, Any]]],
    ) -> None:
        self._places = [*((place, False) for place in sent), *((place, True) for place in waiting)]
        self._read = read
        self._known: dict[tuple[Path, int], tuple[KeptAlert, ...]] = {}
        self._turn = asyncio.Lock()

    async def alerts(
        self, *, visit: int | None = None, detector: int | None = None, object_id: int | None = None
    ) -> Sequence[KeptAlert]:
        """See `ports.alert_archive.AlertArchive.alerts`."""
        found = [
            one
            for one, _ in await self._all()
            if visit in {None, one.visit}
            and detector in {None, one.detector}
            and object_id in {None, one.object_id}
        ]
        return sorted(found, key=lambda one: (one.processed, one.source_id))

    async def packet(self, source_id: int) -> Mapping[str, Any]:
        """See `ports.alert_archive.AlertArchive.packet`."""
        for one, file in await self._all():
            if one.source_id == source_id:
                for packet in await asyncio.to_thread(self._packets, file):
                    if packet["diaSourceId"] == source_id:
                        return packet
        raise NoSuchAlertError(f"no alert about DiaSource {source_id} is kept")

    async def _all(self) -> Sequence[tuple[KeptAlert, Path]]:
        async with self._turn:
            self._known = await asyncio.to_thread(self._looked)
            return [(one, file) for (file, _), alerts in self._known.items() for one in alerts]

    def _looked(self) -> dict[tuple[Path, int], tuple[KeptAlert, ...]]:
        found = {}
        for file, is_waiting in self._files():
            try:
                key = file, file.stat().st_mtime_ns
            except OSError:  # it has been sent meanwhile
                continue
            known = self._known.get(key)
            found[key] = (
                tuple(KeptAlert.of_packet(one, is_waiting=is_waiting) for one in self._packets(file))
                if known is None
                else known
            )
        return found

    def _files(self) -> Iterator[tuple[Path, bool]]:
        for place, is_waiting in self._places:
            for file in [place] if place.is_file() else sorted(place.rglob("*.avro")):
                if not file.name.startswith("."):
                    yield file, is_waiting

    def _packets(self, file: Path) -> Sequence[Mapping[str, Any]]:
        try:
            return self._read(file)
        except (OSError, ValueError, PromptProcessingError) as error:
            raise AlertArchiveUnavailableError(f"alerts: {error}") from error
