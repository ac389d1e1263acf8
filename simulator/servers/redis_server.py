"""A Redis for one night: the real server if there is one, else fakeredis over TCP."""

import shutil
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import override

import redis
from fakeredis import TcpFakeServer

from simulator.errors import SimulatorError
from simulator.servers.process import start_process, stop_process
from simulator.servers.service import Service

__all__ = ["FakeRedisServer", "RealRedisServer", "redis_server"]

_HOST = "127.0.0.1"
_START_SECONDS = 10.0
_ATTEMPTS = 5


class _Server(Service):
    """What both kinds have in common."""

    host = _HOST
    port = 0


class RealRedisServer(_Server):
    """``redis-server`` as production must run it: every write on disk before it is answered.

    Its files are in a temporary folder, which goes with it.
    """

    is_real = True
    description = "redis-server, append-only file, fsync always"

    def __init__(self, executable: str = "redis-server") -> None:
        self._executable = executable
        self._process: subprocess.Popen[str] | None = None
        self._folder = ""

    @override
    def start(self) -> None:
        self._folder = tempfile.mkdtemp(prefix="simulator-redis-")
        try:
            for _ in range(_ATTEMPTS):
                if self._try_port(_free_port()):
                    return
            raise SimulatorError(f"{self._executable} does not come up on any of {_ATTEMPTS} free ports")
        except BaseException:
            self.stop()
            raise

    @override
    def stop(self) -> None:
        if self._process is not None:
            stop_process(self._process)
            self._process = None
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = ""

    def _try_port(self, port: int) -> bool:
        """Start on one port; false if somebody else took it in the meantime."""
        settings = {
            "port": str(port),
            "bind": _HOST,
            "dir": self._folder,
            "save": "",
            "appendonly": "yes",
            "appendfsync": "always",
            "logfile": str(Path(self._folder) / "redis.log"),
        }
        options = [word for name, value in settings.items() for word in (f"--{name}", value)]
        self._process = start_process([self._executable, *options])
        self.port = port
        end = time.monotonic() + _START_SECONDS
        while self._process.poll() is None and time.monotonic() < end:
            if _answers(port, self._process.pid):
                return True
            time.sleep(0.01)
        stop_process(self._process)
        self._process = None
        return False


class FakeRedisServer(_Server):
    """fakeredis over TCP, in this process: everything is lost with it."""

    is_real = False
    description = "fakeredis over TCP (in memory, no persistence)"

    def __init__(self) -> None:
        self._server: TcpFakeServer | None = None
        self._thread: threading.Thread | None = None

    @override
    def start(self) -> None:
        self._server = TcpFakeServer((_HOST, 0))
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        # The interval bounds how long `stop` takes.
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @override
    def stop(self) -> None:
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
            self._server = None


def redis_server() -> RealRedisServer | FakeRedisServer:
    """Choose the real server if it is on the PATH, else the fake."""
    executable = shutil.which("redis-server")
    return FakeRedisServer() if executable is None else RealRedisServer(executable)


def _free_port() -> int:
    # Redis cannot be told to let the system choose.
    with socket.create_server((_HOST, 0)) as server:
        return int(server.getsockname()[1])


def _answers(port: int, pid: int) -> bool:
    """Say whether the server at the port is up and is that process."""
    try:
        with redis.Redis(host=_HOST, port=port, socket_timeout=1.0, decode_responses=True) as client:
            return bool(client.info("server")["process_id"] == pid)
    except redis.RedisError:
        return False
