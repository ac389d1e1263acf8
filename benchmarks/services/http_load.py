"""HTTP load from another process: wrk where it is installed, else plain sockets."""

import asyncio
import contextlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from attrs import asdict, frozen

__all__ = ["Load", "measure"]

_SECONDS_OF = {"us": 1e-6, "ms": 1e-3, "s": 1.0}


@frozen(kw_only=True)
class Load:
    """What a load generator saw; times in seconds."""

    generator: str
    rate: float
    """Requests a second."""
    median: float
    p99: float
    failures: int
    """Answers whose status was not 200, and connections that broke."""


def measure(port: int, paths: Sequence[str], *, connections: int, seconds: int) -> Load:
    """Ask for paths in turn over some connections, each with one request under way.

    The generator has a process of its own.
    """
    with tempfile.TemporaryDirectory() as folder:
        if shutil.which("wrk"):
            return _by_wrk(Path(folder), port, paths, connections, seconds)
        work = Path(folder) / "work.json"
        work.write_text(json.dumps([port, paths, connections, seconds]))
        command = [sys.executable, "-m", "benchmarks.services.http_load", str(work)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - our own command
        return Load(**json.loads(done.stdout))


def _by_wrk(folder: Path, port: int, paths: Sequence[str], connections: int, seconds: int) -> Load:
    script = folder / "paths.lua"
    listed = ",".join(json.dumps(path) for path in paths)
    script.write_text(
        f"paths = {{{listed}}}\nnumber = 0\n"
        "request = function() number = number % #paths + 1; return wrk.format('GET', paths[number]) end\n"
    )
    address = f"http://127.0.0.1:{port}"
    options = ["-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", str(script)]
    done = subprocess.run(["wrk", *options, address], check=True, capture_output=True, text=True)  # noqa: S603, S607 - the user's own wrk
    found = dict(re.findall(r"^\s+(50|99)%\s+(\S+)$", done.stdout, re.MULTILINE))
    rate = re.search(r"Requests/sec:\s+(\S+)", done.stdout)
    failures = re.findall(
        r"Non-2xx or 3xx responses: (\d+)|(?:connect|read|write|timeout) (\d+)", done.stdout
    )
    if rate is None or len(found) != 2:
        raise RuntimeError(f"wrk said what nobody expects:\n{done.stdout}")
    return Load(
        generator="wrk",
        rate=float(rate[1]),
        median=_seconds(found["50"]),
        p99=_seconds(found["99"]),
        failures=sum(int(number) for pair in failures for number in pair if number),
    )


def _seconds(text: str) -> float:
    match = re.fullmatch(r"([0-9.]+)(us|ms|s)", text)
    if match is None:
        raise RuntimeError(f"wrk writes a time as {text!r}")
    return float(match[1]) * _SECONDS_OF[match[2]]


class _Asker(asyncio.Protocol):
    """One connection, which asks again as soon as it has its answer."""

    def __init__(self, requests: Sequence[bytes], first: int, until: float) -> None:
        self._requests = requests
        self._next = first
        self._until = until
        self._answer = b""
        self._asked = 0.0
        self.times: list[float] = []
        self.failures = 0
        self.done = asyncio.get_running_loop().create_future()

    def itself(self) -> "_Asker":
        return self

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self._ask()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's form
        if not self.done.done():
            self.failures += 1
            self.done.set_result(None)

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, end, body = self._answer.partition(b"\r\n\r\n")
        if not end:
            return
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        if len(body) < int(length):
            return
        now = time.perf_counter()
        self.times.append(now - self._asked)
        self.failures += not head.startswith(b"HTTP/1.1 200")
        if now < self._until:
            self._ask()
        else:
            self.done.set_result(None)
            self._transport.close()

    def _ask(self) -> None:
        self._answer = b""
        self._next = (self._next + 1) % len(self._requests)
        self._asked = time.perf_counter()
        self._transport.write(self._requests[self._next])


async def _by_sockets(port: int, paths: Sequence[str], connections: int, seconds: int) -> Load:
    requests = [f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode() for path in paths]
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    firsts = [number * len(paths) // connections for number in range(connections)]
    askers = [_Asker(requests, first, began + seconds) for first in firsts]
    for asker in askers:
        await loop.create_connection(asker.itself, "127.0.0.1", port)
    await asyncio.gather(*(asker.done for asker in askers))
    times = sorted(time for asker in askers for time in asker.times)
    return Load(
        generator="plain sockets",
        rate=len(times) / (time.perf_counter() - began),
        median=times[len(times) // 2],
        p99=times[len(times) * 99 // 100],
        failures=sum(asker.failures for asker in askers),
    )


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        print(json.dumps(asdict(asyncio.run(_by_sockets(*json.loads(Path(sys.argv[1]).read_text()))))))
