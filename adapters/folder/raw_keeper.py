"""The writing end of an image store in a folder: a raw is there whole and on disk, or not at all."""

import contextlib
import errno
import json
import os
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final

from adapters.common.opened import Opened
from adapters.common.own_threads import OwnThreads
from adapters.folder.files import check_unchanged
from adapters.folder.raw_paths import ARRIVING, NoPathError, path_of
from domain.raws.frame_files import FrameFile
from ports.incoming import (
    FileGoneError,
    FileNotWholeError,
    FrameUnreadableError,
    Keeping,
    RawKeeperUnavailableError,
)
from raw_files.contents import digest
from raw_files.errors import RawFileError

__all__ = ["FolderRawKeeper"]

_CHUNK: Final = 2**20
_LEFT_BEHIND: Final = 3600.0
"""Seconds after which a file that was never finished is nobody's: its process was killed."""


_NO_NAME: Final = frozenset(
    {errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ}
)
"""The file system's ways to say that no file can have this name, at all or beside those that are there."""


class FolderRawKeeper(Opened):
    """`ports.incoming.RawKeeper` of `adapters.folder.image_store`.

    A file is written beside the others, flushed to the disk and renamed, and so
    is the folder; it is never a link to the file that came.

    Parameters
    ----------
    folder
        The store's; it is made if it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self._arriving = self._folder / ARRIVING
        self._thread = OwnThreads("raw-keeper", RawKeeperUnavailableError)

    async def open(self) -> None:
        """Make the folder if it is missing, and clear away what killed processes left."""
        self._thread.open()
        await self._thread.run(self._prepare)

    async def close(self) -> None:
        """Wait for what goes on."""
        await self._thread.close()

    async def keep(self, file: FrameFile, key: str) -> Keeping:
        """Copy a file under a key, unless something is there."""
        return await self._thread.run(self._keep, file, key)

    async def compare(self, file: FrameFile, key: str) -> Keeping:
        """Say whether a file is what is kept under a key."""
        return await self._thread.run(self._compare, file, key)

    async def keep_sidecar(self, key: str, cards: Mapping[str, Any]) -> None:
        """Write a sidecar."""
        content = json.dumps(dict(cards)).encode()
        await self._thread.run(self._put, key, lambda target: target.write(content))

    def _prepare(self) -> None:
        with self._writing():
            self._arriving.mkdir(parents=True, exist_ok=True)
            oldest = time.time() - _LEFT_BEHIND
            for path in self._arriving.iterdir():
                if path.stat().st_mtime < oldest:
                    path.unlink()

    def _keep(self, file: FrameFile, key: str) -> Keeping:
        found = self._compare(file, key)
        if found is Keeping.NEW:
            self._put(key, lambda target: _copy(file, target))
        return found

    def _compare(self, file: FrameFile, key: str) -> Keeping:
        check_unchanged(file)
        path = self._path(key)
        with self._writing():
            if not path.is_file():
                return Keeping.NEW
            try:
                kept = digest(path)
            except RawFileError:  # It was whole once: the disk has damaged it.
                return Keeping.OTHER
        with _reading():
            came = digest(file.path)
        check_unchanged(file)
        return Keeping.SAME if kept == came else Keeping.OTHER

    def _path(self, key: str) -> Path:
        try:
            return path_of(self._folder, key)
        except NoPathError as error:
            raise FrameUnreadableError(f"its key cannot be kept: {error}") from error

    def _put(self, key: str, write: Callable[[BinaryIO], object]) -> None:
        path = self._path(key)
        beside = self._arriving / uuid.uuid4().hex
        with self._writing():
            try:
                with beside.open("xb") as target:
                    write(target)
                    target.flush()
                    os.fsync(target.fileno())
                _make_folder(path.parent)
                beside.rename(path)
                _flush_folder(path.parent)
            finally:
                beside.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno in _NO_NAME:
                raise FrameUnreadableError(f"its key cannot be kept: {error}") from error
            raise RawKeeperUnavailableError(f"raws in {self._folder}: {error.strerror}") from error


def _copy(file: FrameFile, target: BinaryIO) -> None:
    copied = 0
    for chunk in _chunks(file):
        target.write(chunk)
        copied += len(chunk)
    check_unchanged(file)
    if copied != file.size:
        raise FileNotWholeError("it is being written to")


def _chunks(file: FrameFile) -> Iterator[bytes]:
    with _reading(), Path(file.path).open("rb") as source:
        while chunk := source.read(_CHUNK):
            yield chunk


@contextlib.contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise FileGoneError("it is not there any more") from error
    except (OSError, RawFileError) as error:
        raise FileNotWholeError(f"it cannot be read: {error}") from error


def _make_folder(folder: Path) -> None:
    """Make a folder and those above it, each of which is then on disk."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    _flush_folder(folder.parent)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
