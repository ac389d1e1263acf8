"""Files that may become what they are not yet, and when to look at each again."""

from collections.abc import Collection, Sequence

from attrs import evolve, frozen

from domain.raws.frame_files import FrameFile

__all__ = ["WaitingFiles"]


@frozen(kw_only=True)
class _Waiting:
    file: FrameFile
    since: float
    pause: float
    due: float


class WaitingFiles:
    """Of each path the file as it was last; times are of the event loop.

    Parameters
    ----------
    first_pause, longest_pause
        Seconds between looks, doubled each time up to the longest: one that is
        written to comes by itself.
    """

    def __init__(self, first_pause: float, longest_pause: float) -> None:
        self._first_pause = first_pause
        self._longest_pause = longest_pause
        self._waiting: dict[str, _Waiting] = {}

    @property
    def next_due(self) -> float | None:
        """When to look at the next one; None if none waits."""
        return min((waiting.due for waiting in self._waiting.values()), default=None)

    def due(self, now: float, but: Collection[FrameFile]) -> Sequence[FrameFile]:
        """List those to look at now, but of paths that came anew."""
        paths = {file.path for file in but}
        return [
            waiting.file
            for path, waiting in self._waiting.items()
            if waiting.due <= now and path not in paths
        ]

    def waited(self, file: FrameFile, now: float) -> float:
        """Seconds for which a file has been waited for."""
        waiting = self._waiting.get(file.path)
        return 0.0 if waiting is None or waiting.file != file else now - waiting.since

    def add(self, file: FrameFile, now: float, left: float) -> bool:
        """Wait for a file, for so many seconds more; whether it is one that has not been waited for."""
        known = self._waiting.get(file.path)
        is_new = known is None or known.file != file
        if known is None or is_new:
            known = _Waiting(file=file, since=now, pause=self._first_pause / 2, due=now)
        pause = min(2 * known.pause, self._longest_pause)
        self._waiting[file.path] = evolve(known, pause=pause, due=now + min(pause, left))
        return is_new

    def drop(self, file: FrameFile) -> None:
        """Wait for a file no longer."""
        self._waiting.pop(file.path, None)
