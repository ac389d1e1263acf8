"""Programs of the cluster: each with its log, stopped in the order opposite to that in which they began."""

import subprocess
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from attrs import frozen

__all__ = ["Programs"]

_STOP_SECONDS = 15.0


@frozen
class Programs:
    """What runs outside of pods."""

    folder: Path
    """Of the logs."""
    stack: ExitStack
    """Stops them."""

    def start(self, name: str, *words: str, env: Mapping[str, str] | None = None) -> None:
        """Start a program in the background."""
        self.folder.mkdir(exist_ok=True)
        with (self.folder / f"{name}.log").open("ab") as log:
            # Ctrl-C is the trial's: whatever stands on something else goes first.
            process = subprocess.Popen(
                words, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=env, start_new_session=True
            )
        self.stack.callback(_stop, process)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
