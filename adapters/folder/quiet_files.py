"""Which of the files that are seen nobody writes to any more."""

from collections.abc import Iterable, Sequence

from domain.raws.frame_files import FrameFile

__all__ = ["QuietFiles"]


class QuietFiles:
    """Remembers how files were when they were last looked at; times are of the event loop.

    Times of files are only compared with each other: a server's clock may be off.

    Parameters
    ----------
    quiet
        Seconds for which a file must have been the same.
    """

    def __init__(self, quiet: float) -> None:
        self._quiet = quiet
        self._waiting: dict[str, tuple[FrameFile, float]] = {}
        self._given: dict[str, FrameFile] = {}

    @property
    def waiting(self) -> Sequence[str]:
        """Paths of the files that are to be looked at again."""
        return list(self._waiting)

    def see(self, files: Iterable[FrameFile], now: float) -> Sequence[FrameFile]:
        """Take note of files as they are now; return those that have become quiet, each once."""
        quiet = []
        for file in files:
            if self._given.get(file.path) == file:
                self._waiting.pop(file.path, None)
                continue
            before, since = self._waiting.get(file.path, (None, now))
            if before != file:
                self._waiting[file.path] = (file, now)
            elif now - since >= self._quiet:
                del self._waiting[file.path]
                self._given[file.path] = file
                quiet.append(file)
        return quiet

    def forget(self, paths: Iterable[str]) -> None:
        """Let files go that are not there any more."""
        for path in paths:
            self._waiting.pop(path, None)
            self._given.pop(path, None)

    def forget_others(self, paths: Iterable[str]) -> None:
        """Let all files go but those that are there."""
        self.forget((self._waiting.keys() | self._given.keys()) - set(paths))
