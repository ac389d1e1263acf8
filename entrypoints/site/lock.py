"""Who runs a site: one process at a time, which others can find."""

import contextlib
import fcntl
import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from domain.errors import PromptProcessingError
from domain.times import UtcSeconds, utc_isoformat
from entrypoints.settings.site import SiteFolder

__all__ = ["Holder", "SiteIsRunningError", "find_holder", "running", "stop"]

_LOCK: Final = "lock"
_LOOK_EVERY: Final = 0.1  # Seconds.


class SiteIsRunningError(PromptProcessingError):
    """Another process runs the site."""


@frozen(kw_only=True)
class Holder:
    """The process that runs a site."""

    pid: int
    since: UtcSeconds

    def __str__(self) -> str:
        return f"process {self.pid}, since {utc_isoformat(self.since)}"


@contextlib.contextmanager
def running(folder: SiteFolder) -> Iterator[None]:
    """Be the process that runs a site, for as long as the block lasts.

    The lock is the kernel's, so that a process's death, of whatever kind, lets go of it.

    Raises
    ------
    SiteIsRunningError
        Raised if another one is.
    """
    lock = _open(folder)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SiteIsRunningError(
                f"{folder.path} is run already by {_read(folder) or 'another process'}"
            ) from None
        os.ftruncate(lock, 0)
        os.write(lock, json.dumps({"pid": os.getpid(), "since": time.time()}).encode())
        yield
        os.ftruncate(lock, 0)
    finally:
        os.close(lock)


def find_holder(folder: SiteFolder) -> Holder | None:
    """Find the process that runs a site; None if there is none."""
    try:
        lock = os.open(folder.run / _LOCK, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(folder)
    finally:
        os.close(lock)
    return None


def stop(folder: SiteFolder, holder: Holder, wait: float, *, at_once: bool = False) -> bool:
    """Tell the process that runs a site to stop, and wait for its end.

    Parameters
    ----------
    folder, holder
        The site, and who runs it.
    wait
        Seconds.
    at_once
        Leave no time to what is under way; it is done when the site runs again.

    Returns
    -------
    stopped
        Whether it ended in that time.
    """
    for _ in range(2 if at_once else 1):
        with contextlib.suppress(ProcessLookupError):
            os.kill(holder.pid, signal.SIGTERM)
        # Two signals of a kind that come together are one.
        time.sleep(_LOOK_EVERY)
    end = time.monotonic() + wait
    while find_holder(folder) == holder:
        if time.monotonic() > end:
            return False
        time.sleep(_LOOK_EVERY)
    return True


def _open(folder: SiteFolder) -> int:
    folder.run.mkdir(exist_ok=True)
    return os.open(folder.run / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)


def _read(folder: SiteFolder) -> Holder | None:
    """Read who wrote the lock; None in the moment before it is written."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        record: dict[str, Any] = json.loads(Path(folder.run / _LOCK).read_bytes())
        return Holder(pid=int(record["pid"]), since=UtcSeconds(float(record["since"])))
    return None
