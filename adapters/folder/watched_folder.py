"""One watched folder: what appears in it, and whether it is there."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from attrs import define, field, frozen
from watchfiles import awatch

from adapters.common.own_threads import OwnThreads
from adapters.folder.quiet_files import QuietFiles
from adapters.folder.scanning import files_among, files_below, is_hidden
from domain.raws.frame_files import FrameFile

__all__ = ["WatchPolicy", "WatchedFolder"]

_LOG = logging.getLogger(__name__)


@frozen(kw_only=True)
class WatchPolicy:
    """How closely folders are watched; all in seconds."""

    quiet: float = 0.5
    """For so long nobody must have written to a file."""
    polling: bool = False
    """Whether the folder is only looked through, as it must be on a network disk that others write to: the
    kernel tells of no change that was not made by this machine."""
    look_every: float = 60.0
    """Between two times that the folder is looked through, though the kernel tells of changes;"""
    poll_every: float = 2.0
    """and if it does not."""
    check_every: float = 2.0
    """Between two looks whether the folder is there."""


@define(eq=False)
class WatchedFolder:
    """Looks at what the kernel tells of, and through all of the folder from time to time.

    Parameters
    ----------
    folder
        With all folders in it.
    found
        Told of files that are quiet.
    """

    folder: Path
    policy: WatchPolicy
    threads: OwnThreads
    found: Callable[[Sequence[FrameFile]], None]
    _files: QuietFiles = field(init=False)
    _hints: set[Path] = field(factory=set, init=False)
    _wake: asyncio.Event = field(factory=asyncio.Event, init=False)
    _faults: set[str] = field(factory=set, init=False)
    """What was said already of folders that cannot be read."""

    @_files.default
    def _make_files(self) -> QuietFiles:
        return QuietFiles(self.policy.quiet)

    async def follow(self) -> None:
        """Watch until cancelled; a folder that is away is waited for."""
        while True:
            identity = await self._until_there()
            hearing = asyncio.create_task(self._hear())
            await asyncio.sleep(0)  # Let it begin: what comes after the first look is heard of.
            try:
                await self._look_while_there(identity, hearing)
            except OSError as error:
                if await self.threads.run(self._identity) == identity:
                    self._say_once(f"watched folder {self.folder} cannot be read, retrying: {error.strerror}")
                    await asyncio.sleep(self.policy.check_every)
            finally:
                hearing.cancel()
                await asyncio.gather(hearing, return_exceptions=True)

    async def _until_there(self) -> tuple[int, int]:
        is_away = False
        while True:
            identity = await self.threads.run(self._identity)
            if identity is not None:
                if is_away:
                    _LOG.info("watched folder %s is back", self.folder)
                return identity
            if not is_away:
                _LOG.error("watched folder %s is not there: waiting for it", self.folder)
            is_away = True
            await asyncio.sleep(self.policy.check_every)

    def _identity(self) -> tuple[int, int] | None:
        try:
            status = self.folder.stat()
        except OSError:
            return None
        return (status.st_dev, status.st_ino) if self.folder.is_dir() else None

    async def _hear(self) -> None:
        """Collect what the kernel tells of; whatever it does not tell is found all the same, only later."""
        if self.policy.polling:
            return
        try:
            async for changes in awatch(self.folder, watch_filter=None, debounce=200, step=20):
                self._hints.update(Path(path) for _, path in changes)
                self._wake.set()
        except (OSError, RuntimeError) as error:
            _LOG.warning(
                "watched folder %s is looked through every %g s, the kernel does not tell of changes: %s",
                self.folder,
                self.policy.poll_every,
                error,
            )

    async def _look_while_there(self, identity: tuple[int, int], hearing: asyncio.Task[None]) -> None:
        """Look at what changes, until the folder is not there any more, or is another."""
        loop = asyncio.get_running_loop()
        whole_look = check = loop.time()
        while True:
            if loop.time() >= check:
                if await self.threads.run(self._identity) != identity:
                    return
                check = loop.time() + self.policy.check_every
            if loop.time() >= whole_look:
                await self._look_through()
                pause = self.policy.poll_every if hearing.done() else self.policy.look_every
                whole_look = loop.time() + pause
            await self._look_at_changes()
            pause = self.policy.quiet / 2 if self._files.waiting else self.policy.check_every
            await self._sleep(min(pause, max(whole_look - loop.time(), 0.0)))

    async def _look_through(self) -> None:
        faults: list[OSError] = []
        files = await self.threads.run(lambda: list(files_below(self.folder, self.folder, faults.append)))
        self._files.forget_others(file.path for file in files)
        self._see(files)
        said = {f"folder {fault.filename} is not looked into: {fault.strerror}" for fault in faults}
        for text in said:
            self._say_once(text)
        self._faults &= said  # What is over is said again when it comes back.

    def _say_once(self, text: str) -> None:
        if text not in self._faults:
            self._faults.add(text)
            _LOG.error("%s", text)

    async def _look_at_changes(self) -> None:
        paths = self._hints | set(map(Path, self._files.waiting))
        self._hints.clear()
        if paths:
            files = await self.threads.run(self._files_of, paths)
            self._files.forget({str(path) for path in paths} - {file.path for file in files})
            self._see(files)

    def _files_of(self, paths: set[Path]) -> list[FrameFile]:
        """Look at files that were told of, and at all that is in folders that were."""
        inside = [
            path for path in paths if path.is_relative_to(self.folder) and not is_hidden(self.folder, path)
        ]
        files = list(files_among(inside))
        for path in inside:
            if path.is_dir():
                # Those that cannot be read are found, and said, when all is looked through.
                files += files_below(self.folder, path, lambda _: None)
        return files

    def _see(self, files: Sequence[FrameFile]) -> None:
        if quiet := self._files.see(files, asyncio.get_running_loop().time()):
            self.found(quiet)

    async def _sleep(self, seconds: float) -> None:
        """Sleep; the kernel's word ends it."""
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            pass
        self._wake.clear()
