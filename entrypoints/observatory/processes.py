"""Service processes of the night: started, listened to, and ended."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from domain.errors import PromptProcessingError

__all__ = ["ProcessFailedError", "ServiceProcess"]

type Listener = Callable[[str, Mapping[str, Any]], None]
"""Called with the process's name and each record that it logs."""

_GRACE = 10.0  # Seconds between SIGTERM and SIGKILL.


class ProcessFailedError(PromptProcessingError):
    """A service ended before its time, or did not become ready."""


class ServiceProcess:
    """One ``prompt-processing`` command in a process of its own.

    Parameters
    ----------
    name
        For people, such as ``worker 1``.
    command
        The command and its arguments.
    environment
        All of it; nothing is inherited.
    log
        File that gets everything the process writes.
    listener
        Is told of each record that the process logs.
    """

    def __init__(
        self, name: str, command: list[str], environment: Mapping[str, str], log: Path, listener: Listener
    ) -> None:
        self.name = name
        self._command = command
        self._environment = environment
        self._log = log
        self._listener = listener
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._ready: asyncio.Future[Mapping[str, Any]] = asyncio.get_running_loop().create_future()

    async def start(self) -> None:
        """Start the process, out of reach of the terminal's Ctrl-C."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # What lies in the current folder is none of ours.
            "-m",
            "entrypoints",
            *self._command,
            env=dict(self._environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            limit=1 << 20,
        )
        self._reading = asyncio.create_task(self._read(self._process))

    async def ready(self, wait: float = 60.0) -> Mapping[str, Any]:
        """Wait for the record by which a service says that it is ready.

        Raises
        ------
        ProcessFailedError
            Raised if the process ends before, or says nothing in time.
        """
        try:
            async with asyncio.timeout(wait):
                return await asyncio.shield(self._ready)
        except TimeoutError:
            raise ProcessFailedError(f"{self.name} was not ready in {wait:g} s; see {self._log}") from None

    async def ended(self) -> int:
        """Wait until the process has ended and all it wrote is read; returns its exit code."""
        if self._process is None or self._reading is None:
            raise ProcessFailedError(f"{self.name} was never started")
        await asyncio.shield(self._reading)
        return await self._process.wait()

    def tell_to_stop(self) -> None:
        """Ask the process to end, and do not wait for it."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)

    async def stop(self) -> None:
        """End the process: asked first, then made to."""
        if self._process is None or self._reading is None:
            return
        self.tell_to_stop()
        try:
            async with asyncio.timeout(_GRACE):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        await self._reading

    async def kill(self) -> None:
        """End the process and its children at once, whatever they do."""
        if self._process is None or self._reading is None:
            return
        with contextlib.suppress(ProcessLookupError):
            # It leads a group, since it was started in a session of its own.
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()
        await self._reading

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        if process.stderr is None:
            raise ProcessFailedError(f"{self.name} was started without a pipe to listen to")
        with self._log.open("wb") as log:
            async for line in process.stderr:
                log.write(line)
                log.flush()
                self._hear(line)
        if not self._ready.done():
            code = await process.wait()
            self._ready.set_exception(
                ProcessFailedError(
                    f"{self.name} ended with exit code {code} before it was ready:\n{self.tail()}"
                )
            )
            # Who never asks for readiness must not be told at garbage collection.
            self._ready.exception()

    def _hear(self, line: bytes) -> None:
        try:
            record = json.loads(line)
        except ValueError:
            return  # A library that writes to standard error by itself; it is in the log.
        if not isinstance(record, dict):
            return
        if record.get("ready") and not self._ready.done():
            self._ready.set_result(record)
        self._listener(self.name, record)

    def tail(self) -> str:
        """Give the last lines that the process wrote."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-10:])
