"""An image store in a folder: its keys are the paths of files."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, unquote

from adapters.common.fits_headers import HEADER_BYTES, header_cards
from adapters.common.opened import Opened
from adapters.common.own_threads import OwnThreads
from adapters.common.sidecars import sidecar_cards
from adapters.folder.raw_paths import ARRIVING, NoPathError, path_of
from domain.raws.stored_object import StoredObject
from domain.times import UtcSeconds
from ports.raw_arrivals import ImageStoreUnavailableError, UnreadableSidecarError

__all__ = ["FolderImageStore"]

_LARGEST_SIDECAR: Final = 4 * 1024 * 1024  # Bytes; real ones have a few kilobytes.
_SAFE_IN_URI: Final = "/:+@=,!*'()$&~"


class FolderImageStore(Opened):
    """`ports.raw_arrivals.ImageStore` in a folder, filled by `adapters.folder.raw_keeper`.

    Parameters
    ----------
    folder
        It must be there.
    threads
        Looks that may go on at once.
    """

    def __init__(self, folder: Path, *, threads: int = 2) -> None:
        self._folder = folder.absolute()
        self._root = f"file://{quote(str(self._folder), safe=_SAFE_IN_URI)}/"
        self._threads = OwnThreads("image-store", ImageStoreUnavailableError, count=threads)

    async def open(self) -> None:
        """Get ready; the folder may still be away."""
        self._threads.open()

    async def close(self) -> None:
        """Wait for what goes on."""
        await self._threads.close()

    async def folders(self, prefix: str) -> Sequence[str]:
        """See `ports.raw_arrivals.ImageStore.folders`."""
        return await self._threads.run(self._translated, self._folders, prefix)

    async def objects(self, prefix: str) -> Sequence[StoredObject]:
        """See `ports.raw_arrivals.ImageStore.objects`."""
        return await self._threads.run(self._translated, self._objects, prefix)

    async def find(self, key: str) -> StoredObject | None:
        """See `ports.raw_arrivals.ImageStore.find`."""
        return await self._threads.run(self._translated, self._find, key)

    async def sidecar(self, key: str) -> Mapping[str, Any] | None:
        """See `ports.raw_arrivals.ImageStore.sidecar`."""
        content = await self._threads.run(self._translated, self._read, key)
        return None if content is None else sidecar_cards(key, content)

    async def header(self, key: str) -> Mapping[str, Any] | None:
        """See `ports.raw_arrivals.ImageStore.header`."""
        content = await self._threads.run(self._translated, self._read_beginning, key)
        return None if content is None else header_cards(content)

    async def check(self) -> None:
        """See `ports.neighbours.Probe`: is the folder there?"""
        await self._threads.run(self._translated, lambda _: None, "")

    def uri(self, key: str) -> str:
        """See `ports.raw_arrivals.ImageStore.uri`."""
        return self._root + quote(key, safe=_SAFE_IN_URI)

    def key(self, uri: str) -> str:
        """See `ports.raw_arrivals.ImageStore.key`."""
        return unquote(uri.removeprefix(self._root))

    def _translated[T](self, look: Callable[[str], T], key: str) -> T:
        """Tell what is not there from what cannot be reached."""
        try:
            if not self._folder.is_dir():
                raise ImageStoreUnavailableError(f"image store {self._folder}: is not there")
            return look(key)
        except OSError as error:
            raise ImageStoreUnavailableError(
                f"image store {self._folder}: cannot look for {key}: {error.strerror}"
            ) from error

    def _folders(self, prefix: str) -> list[str]:
        try:
            with os.scandir(self._under(prefix)) as found:
                names = [entry.name for entry in found if entry.is_dir()]
        except (FileNotFoundError, NotADirectoryError, NoPathError):
            return []
        return [f"{prefix}{name}/" for name in sorted(names) if f"{prefix}{name}" != ARRIVING]

    def _objects(self, prefix: str) -> list[StoredObject]:
        found = (self._find(key) for key in self._keys(prefix))
        return sorted((stored for stored in found if stored is not None), key=lambda stored: stored.key)

    def _keys(self, prefix: str) -> Iterator[str]:
        try:
            top = self._under(prefix)
        except NoPathError:
            return
        for folder, below, names in os.walk(top):
            if Path(folder) == self._folder and ARRIVING in below:
                below.remove(ARRIVING)
            inside = Path(folder).relative_to(self._folder).as_posix()
            for name in names:
                key = name if inside == "." else f"{inside}/{name}"
                if key.startswith(prefix):
                    yield key

    def _under(self, prefix: str) -> Path:
        """Find the folder in which all of a prefix is."""
        inside = prefix.rpartition("/")[0]
        return path_of(self._folder, inside) if inside else self._folder

    def _find(self, key: str) -> StoredObject | None:
        try:
            path = path_of(self._folder, key)
            status = path.stat()
        except (FileNotFoundError, NotADirectoryError, NoPathError):
            return None
        if path.is_dir():
            return None
        return StoredObject(
            bucket=str(self._folder),
            key=key,
            size=status.st_size,
            version=f"{status.st_mtime_ns}-{status.st_ino}-{status.st_size}",
            modified=UtcSeconds(status.st_mtime),
        )

    def _read_beginning(self, key: str) -> bytes | None:
        if self._find(key) is None:
            return None
        with path_of(self._folder, key).open("rb") as file:
            return file.read(HEADER_BYTES)

    def _read(self, key: str) -> bytes | None:
        stored = self._find(key)
        if stored is None:
            return None
        if (stored.size or 0) > _LARGEST_SIDECAR:
            raise UnreadableSidecarError(f"sidecar {key} has {stored.size} bytes")
        return path_of(self._folder, key).read_bytes()
