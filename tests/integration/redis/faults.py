"""Ways to hurt a Redis: killed and started again on its own files, or answers lost on the way."""

import asyncio
import contextlib
import shutil
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from simulator.servers.process import start_process, stop_process
from tests.ports import lasting_ports

__all__ = ["LossyProxy", "RestartingRedis"]

_HOST = "127.0.0.1"
_PATIENCE = 30.0  # seconds that it may take to read its files


class RestartingRedis:
    """A server that keeps its port and its files from one life to the next."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (self.port,) = lasting_ports(1)
        self.url = f"redis://{_HOST}:{self.port}/0"
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start, and wait until the files are read."""
        executable = shutil.which("redis-server")
        if executable is None:
            pytest.skip("redis-server is not installed")
        options = f"--port {self.port} --bind {_HOST} --dir {self._folder} --save  --appendonly yes"
        words = [*options.split(" "), "--appendfsync", "always", "--logfile", str(self._folder / "log")]
        self._process = start_process([executable, *words])
        end = time.monotonic() + _PATIENCE
        with redis.Redis(
            host=_HOST, port=self.port, socket_timeout=1.0, retry=Retry(NoBackoff(), 0)
        ) as client:
            while self._process.poll() is None and time.monotonic() < end:
                with contextlib.suppress(redis.RedisError):
                    if client.ping():
                        return
                time.sleep(0.01)
        raise AssertionError(f"redis-server does not come up on port {self.port}, see {self._folder / 'log'}")

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None:
            self._process.kill()
            stop_process(self._process)
            self._process = None

    def hang(self) -> None:
        """Let it answer nothing until it is woken."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def wake(self) -> None:
        """Let it go on."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.kill()


class LossyProxy:
    """Stands before a server; on demand it breaks a connection once the server has done what it was told."""

    def __init__(self, url: str) -> None:
        self._port = int(url.rpartition(":")[2].partition("/")[0])
        self._lose: tuple[bytes, int, int] = (b"", 0, 0)
        self.lost = 0
        """Answers lost so far."""
        self.url = ""
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def lose_answers(self, command: str, times: int = 1, *, after: int = 0) -> None:
        """Lose the answers to the next commands of that name but the first `after`, and their connections."""
        self._lose = (command.encode(), after, times)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, _HOST, 0)
        self.url = f"redis://{_HOST}:{self._server.sockets[0].getsockname()[1]}/0"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        up_reader, up_writer = await asyncio.open_connection(_HOST, self._port)
        try:
            await self._pass_on(reader, writer, up_reader, up_writer)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            for each in (writer, up_writer):
                each.close()
                with contextlib.suppress(ConnectionError):
                    await each.wait_closed()

    async def _pass_on(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        up_reader: asyncio.StreamReader,
        up_writer: asyncio.StreamWriter,
    ) -> None:
        """Pass bytes on in turns: whole commands up, whole answers down, as one client sends them."""
        asked, told = asyncio.ensure_future(reader.read(65536)), asyncio.ensure_future(up_reader.read(65536))
        losing = False
        try:
            while True:
                await asyncio.wait((asked, told), return_when=asyncio.FIRST_COMPLETED)
                if asked.done():
                    command = asked.result()
                    if not command:
                        return
                    losing = self._is_to_be_lost(command)
                    up_writer.write(command)
                    await up_writer.drain()
                    asked = asyncio.ensure_future(reader.read(65536))
                if told.done():
                    answer = told.result()
                    if losing or not answer:
                        self.lost += losing
                        return
                    writer.write(answer)
                    await writer.drain()
                    told = asyncio.ensure_future(up_reader.read(65536))
        finally:
            asked.cancel()
            told.cancel()
            await asyncio.gather(asked, told, return_exceptions=True)

    def _is_to_be_lost(self, command: bytes) -> bool:
        name, after, times = self._lose
        if not times or name not in command:
            return False
        self._lose = (name, after - 1, times) if after else (name, 0, times - 1)
        return not after
