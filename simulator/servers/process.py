"""Child processes of the box: started, watched until they are ready, and never left behind."""

import contextlib
import queue
import subprocess
import threading
from collections.abc import Mapping, Sequence

from simulator.errors import SimulatorError

__all__ = ["read_line", "start_process", "stop_process"]


def start_process(
    command: Sequence[str], *, environment: Mapping[str, str] | None = None
) -> "subprocess.Popen[str]":
    """Start a server in a session of its own.

    Ctrl-C on the terminal then reaches the caller alone, which stops the
    servers in the order that it likes. The standard input is a pipe that is
    never written: its end tells the child that the caller is gone.

    Raises
    ------
    SimulatorError
        Raised if the program cannot be started.
    """
    try:
        return subprocess.Popen(  # noqa: S603 - the callers name the programs, no user does
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
            start_new_session=True,
        )
    except OSError as error:
        raise SimulatorError(f"{command[0]} cannot be started: {error}") from error


def read_line(process: "subprocess.Popen[str]", *, timeout: float) -> str:
    """Wait for the first line that a child prints, which says that it is ready.

    Parameters
    ----------
    process
        The child.
    timeout
        Seconds.

    Raises
    ------
    SimulatorError
        Raised if the child ends first, or says nothing in time.
    """
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    stdout = process.stdout
    if stdout is None:
        raise SimulatorError(f"{process.args!r} was started without a pipe to listen to")
    threading.Thread(target=lambda: lines.put(stdout.readline()), daemon=True).start()
    with contextlib.suppress(queue.Empty):
        if line := lines.get(timeout=timeout).strip():
            return line
        raise SimulatorError(f"{process.args!r} ended before it was ready")
    raise SimulatorError(f"{process.args!r} was not ready within {timeout:g} s")


def stop_process(process: "subprocess.Popen[str]", *, grace: float = 5.0) -> None:
    """Ask a child to end, and kill it if it does not.

    Parameters
    ----------
    process
        The child; may have ended already.
    grace
        Seconds between the two.
    """
    process.terminate()
    try:
        process.wait(grace)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
