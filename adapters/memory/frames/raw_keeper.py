"""The writing end of an image store in memory."""

from collections.abc import Mapping
from typing import Any

from adapters.memory.frames.disk import MemoryDisk
from adapters.memory.raws.image_store import MemoryImageStore
from domain.raws.frame_files import FrameFile
from ports.incoming import Keeping, RawKeeperUnavailableError

__all__ = ["MemoryRawKeeper"]


class MemoryRawKeeper:
    """`ports.incoming.RawKeeper`.

    `outage` is for tests: while it is not blank, nothing can be kept for that
    reason.

    Parameters
    ----------
    disk
        Where the files are.
    store
        Where they are kept.
    """

    def __init__(self, disk: MemoryDisk, store: MemoryImageStore) -> None:
        self.outage = ""
        self.kept: dict[str, str] = {}
        """Contents by key."""
        self._disk = disk
        self._store = store

    async def keep(self, file: FrameFile, key: str) -> Keeping:
        """Copy a file under a key, unless something is there."""
        found = await self.compare(file, key)
        if found is Keeping.NEW:
            self.kept[key] = self._disk.open(file).content
            self._store.put(key, self.kept[key])
        return found

    async def compare(self, file: FrameFile, key: str) -> Keeping:
        """Say whether a file is what is kept under a key."""
        if self.outage:
            raise RawKeeperUnavailableError(f"raws: {self.outage}")
        content = self._disk.open(file).content
        if key not in self.kept:
            return Keeping.NEW
        return Keeping.SAME if self.kept[key] == content else Keeping.OTHER

    async def keep_sidecar(self, key: str, cards: Mapping[str, Any]) -> None:
        """Write a sidecar."""
        if self.outage:
            raise RawKeeperUnavailableError(f"raws: {self.outage}")
        self._store.put(key, cards=cards)
