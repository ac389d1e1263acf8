"""The parent's end: a workspace in a child process that can be killed and replaced."""

import asyncio
import contextlib
import contextvars
import itertools
import logging
import os
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from attrs import frozen

from adapters.workspace_process.frames import (
    CONVERTER,
    LENGTHS,
    Frame,
    MalformedFrameError,
    decode_header,
    encode,
    error_from,
    lengths,
)
from domain.raws.exposure import Exposure
from domain.raws.raws import RawImage
from domain.work.outcomes import Export
from ports.neighbours import Neighbour
from ports.workspace import (
    Assignment,
    Prepared,
    Processed,
    WaitingAlerts,
    WorkspaceError,
    WorkspaceLostError,
)

__all__ = ["ChildWorkspace"]

_LOG = logging.getLogger(__name__)
_THREADS = "OMP_NUM_THREADS"
_FAREWELL = 2.0  # Seconds that an idle child gets to end by itself.


@frozen
class _Child:
    """A running child and the two directions of its socket."""

    process: asyncio.subprocess.Process
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, frame: Frame) -> None:
        self.writer.write(encode(frame))
        await self.writer.drain()

    async def receive(self, number: int) -> Frame:
        """Receive the answer to a request, or what comes before it."""
        header_length, payload_length = lengths(await self.reader.readexactly(LENGTHS.size))
        header = decode_header(await self.reader.readexactly(header_length))
        payload = await self.reader.readexactly(payload_length)
        if header.get("id") not in {0, number}:
            raise MalformedFrameError(f"answer {header.get('id')} to request {number}")
        return Frame(header, payload)

    async def kill(self, timed_out: str) -> str:
        """End it for certain; returns how it ended, in words: those given, if its own timer ended it."""
        self.writer.close()
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        code = await self.process.wait()
        if code == -signal.SIGALRM:
            return timed_out
        return f"signal {-code}" if code < 0 else f"exit code {code}"

    def hold(self, until: float | None) -> None:
        """Let it live until then, by the monotonic clock; None is without end."""
        self.writer.write(encode(Frame({"id": 0, "step": "hold", "until": until})))

    @property
    def memory(self) -> int:
        """Bytes that it has in memory now; 0 if it is gone."""
        try:
            pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        except OSError:
            return 0
        return pages * os.sysconf("SC_PAGE_SIZE")


class ChildWorkspace:
    """A `ports.workspace.Workspace` whose steps are carried out by a child process.

    A step that is cancelled (by a timeout, say) kills the child, because
    nothing else stops native code. The next step starts another one, which
    takes over the folder of the assignment at hand.

    Parameters
    ----------
    command
        Starts the child; the number of its socket's file descriptor is added
        as last argument.
    start_timeout
        Seconds that a child may take until it answers.
    memory_ceiling
        Bytes; a child that has more in memory after a visit is replaced. 0 is
        without bounds.
    tell_deployment
        Takes the deployment id, whenever a child has begun.
    idle_timeout
        Seconds without a visit after which the child is ended; the next visit
        starts another one. 0 is never.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        start_timeout: float = 120.0,
        memory_ceiling: int = 0,
        idle_timeout: float = 0.0,
        tell_deployment: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._command = tuple(command)
        self._start_timeout = start_timeout
        self._memory_ceiling = memory_ceiling
        self._idle_timeout = idle_timeout
        self._tell_deployment = tell_deployment
        self._idling: asyncio.Task[None] | None = None
        self._until: float | None = None
        self._claimed = asyncio.Event()
        self._is_abandoned = False
        self._numbers = itertools.count(1)
        self._child: _Child | None = None
        self._assignment: Assignment | None = None

    async def open(self) -> None:
        """Start the child, so that the first visit need not wait for it."""
        if self._child is None:
            await self._start()
        self._begin_idling()

    async def prepare(self, assignment: Assignment) -> Prepared:
        """See `ports.workspace.Workspace.prepare`."""
        await self._end_idling()
        if self._child is None:
            await self._start()
        self._assignment = assignment
        frame = await self._call("prepare", assignment=CONVERTER.unstructure(assignment))
        return CONVERTER.structure(frame.header["result"], Prepared)

    async def ingest(self, raw: RawImage) -> Exposure:
        """See `ports.workspace.Workspace.ingest`."""
        frame = await self._call("ingest", raw=CONVERTER.unstructure(raw))
        return CONVERTER.structure(frame.header["result"], Exposure)

    async def process(self, exposures: Sequence[int], until: float | None = None) -> Processed:
        """See `ports.workspace.Workspace.process`."""
        # The loop's clock is the monotonic one, which the child shares.
        frame = await self._call("process", exposures=list(exposures), until=until)
        return CONVERTER.structure(frame.header["result"], Processed)

    async def waiting_alerts(self) -> WaitingAlerts | None:
        """See `ports.workspace.Workspace.waiting_alerts`."""
        frame = await self._call("waiting alerts")
        result = frame.header["result"]
        return None if result is None else CONVERTER.structure(result, WaitingAlerts)

    async def export(self, what: Export) -> bytes | None:
        """See `ports.workspace.Workspace.export`."""
        frame = await self._call("export", what=what.value)
        return frame.payload if frame.header["payload"] else None

    async def probe(self, neighbour: Neighbour) -> None:
        """See `ports.workspace.Workspace.probe`."""
        await self._end_idling()
        try:
            await self._call("probe", neighbour=neighbour.value)
        finally:
            if self._assignment is None:
                self._begin_idling()

    async def clean(self) -> None:
        """See `ports.workspace.Workspace.clean`."""
        if self._assignment is None or self._is_abandoned:
            return
        try:
            await self._call("clean")
        except WorkspaceError as error:
            _LOG.warning("the local repository is not clean: %s", error)
        finally:
            self._assignment = None
        await self._end_if_bloated()
        self._begin_idling()

    async def _end_if_bloated(self) -> None:
        """Let a child go that does not give its memory back; the next visit gets a new one."""
        if self._child is None or not self._memory_ceiling:
            return
        memory = self._child.memory
        if memory > self._memory_ceiling:
            _LOG.warning("replacing the child process: it holds %d MiB", memory >> 20)
            await self.close()

    def _begin_idling(self) -> None:
        if self._child is not None and self._idle_timeout and self._idling is None:
            # Its log lines are not about the visit that was the last.
            self._idling = asyncio.create_task(self._end_when_idle(), context=contextvars.Context())

    async def _end_idling(self) -> None:
        """Keep the child, or see it end if it is ending already."""
        idling, self._idling = self._idling, None
        if idling is not None:
            idling.cancel()
            await asyncio.wait([idling])

    async def _end_when_idle(self) -> None:
        await asyncio.sleep(self._idle_timeout)
        _LOG.info("ending the child process: there was no visit for %g s", self._idle_timeout)
        await self._say_farewell()

    def hold(self, until: float | None) -> None:
        """See `ports.workspace.Workspace.hold`."""
        if until is None:
            self._claimed.clear()
        elif self._claimed.is_set():
            return
        self._until = until
        if self._child is not None:
            self._child.hold(until)

    @property
    def claimed_until(self) -> float | None:
        """See `ports.workspace.Workspace.claimed_until`."""
        return self._until if self._claimed.is_set() else None

    async def surrender(self) -> bool:
        """See `ports.workspace.Workspace.surrender`."""
        child = self._child
        if child is not None and not self._claimed.is_set():
            # A claim that is being made is answered first.
            child.hold(0.0)
            waits = [asyncio.ensure_future(wait) for wait in (child.process.wait(), self._claimed.wait())]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()
        return self._claimed.is_set()

    async def abandon(self) -> None:
        """See `ports.workspace.Workspace.abandon`."""
        self._is_abandoned = True
        await self._end_idling()
        await self._kill()

    async def close(self) -> None:
        """End the child, in peace if it is idle."""
        await self._end_idling()
        await self._say_farewell()

    async def _say_farewell(self) -> None:
        if self._child is None:
            return
        try:
            async with asyncio.timeout(_FAREWELL):
                await self._child.send(Frame({"id": 0, "step": "close"}))
                await self._child.process.wait()
        except (TimeoutError, OSError) as error:
            _LOG.debug("the child process did not exit: %r", error)
        finally:
            await self._kill()

    async def _call(self, step: str, **arguments: object) -> Frame:
        child = self._child
        if child is None:
            child = await self._start()
            if self._assignment is not None:
                assignment = CONVERTER.unstructure(self._assignment)
                await self._exchange(child, "resume", {"assignment": assignment})
        return await self._exchange(child, step, arguments)

    async def _exchange(self, child: _Child, step: str, arguments: Mapping[str, object]) -> Frame:
        number = next(self._numbers)
        try:
            await child.send(Frame({"id": number, "step": step, "arguments": arguments}))
            while "claimed" in (answer := await child.receive(number)).header:
                self._until = answer.header["claimed"]
                self._claimed.set()
        except (OSError, EOFError, MalformedFrameError) as error:
            ending = await self._kill()
            raise WorkspaceLostError(f"the child ended during {step} ({ending})") from error
        except asyncio.CancelledError:
            _LOG.warning("killing the child process during %s", step)
            await self._kill()
            raise
        if "error" in answer.header:
            raise error_from(answer.header)
        return answer

    async def _start(self) -> _Child:
        if self._is_abandoned:
            raise WorkspaceLostError("the worker ends")
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                str(theirs.fileno()),
                pass_fds=[theirs.fileno()],
                stdin=asyncio.subprocess.DEVNULL,
                # OpenMP reads it when it is loaded; its idle threads spin, where a worker has one core.
                env={**os.environ, _THREADS: os.environ.get(_THREADS, "").strip() or "1"},
            )
        self._child = child = _Child(process, *await asyncio.open_unix_connection(sock=ours))
        try:
            async with asyncio.timeout(self._start_timeout):
                self._tell_deployment(str((await child.receive(0)).header["result"]))
        except (TimeoutError, OSError, EOFError, MalformedFrameError) as error:
            ending = await self._kill()
            raise WorkspaceLostError(f"the child did not start ({ending})") from error
        except asyncio.CancelledError:
            await self._kill()
            raise
        child.hold(self._until)
        return child

    async def _kill(self) -> str:
        """End the child for certain; returns how it ended, in words."""
        child, self._child = self._child, None
        timed_out = "its claim ended" if self._claimed.is_set() else "its lease was not renewed in time"
        return await child.kill(timed_out) if child is not None else "it was not running"
