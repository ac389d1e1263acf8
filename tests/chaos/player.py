"""Everything that happens while a seed is played: the crew at work, and what breaks it."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.services.postgresql import PostgresqlServer
from domain.visit import Identity
from tests.chaos.crew import Crew, Member
from tests.chaos.excuses import Occurrence
from tests.chaos.observatory import Observatory
from tests.chaos.plan import DETECTORS, Fault, Kill, Plan
from tests.chaos.s3_proxy import S3Proxy
from tests.chaos.servers import Servers
from tests.chaos.tasks import POINTS
from tests.chaos.tcp_proxy import TcpProxy
from tests.integration.kafka.apache_kafka import ApacheKafka

__all__ = ["Player"]

_DISK = "48m"
_LONGER_THAN_A_LEASE = 12.0  # seconds


class Player:
    """Everything that happens while a seed is played."""

    def __init__(self, servers: Servers, plan: Plan) -> None:
        self.servers = servers
        self.plan = plan
        self.crew = Crew()
        self.observatory = Observatory(servers, plan)
        self.told: list[str] = []
        self.done: dict[str, int] = {}
        self.occurrences: list[Occurrence] = []
        self.cleaned: dict[tuple[Identity, int], float] = {}
        """When attempts were heard to clean up, which comes after the writer's message."""
        self.skipped: set[str] = set()
        self._begin = time.monotonic()
        self._pool = ThreadPoolExecutor(32)
        self._lock = threading.Lock()
        # Nothing is broken anew while it is broken.
        self._broken = {
            name: threading.Lock() for name in {fault.kind.partition(" ")[0] for fault in plan.faults}
        }
        self._waiting: dict[tuple[str, int], Kill] = {}
        self._groups = {self.observatory.group(visit): visit for visit in plan.visits}
        at_points: dict[str, tuple[str, str]] = {}
        for group, visit in self._groups.items():
            for detector, kill in zip(DETECTORS, visit.kills, strict=True):
                if kill is None:
                    continue
                if kill.at in POINTS:
                    at_points[f"{group} {detector}"] = (kill.at, kill.target)
                else:
                    self._waiting[group, detector] = kill
        servers.kills.write_text(json.dumps(at_points))

    def note(self, kind: str, detail: str = "") -> None:
        with self._lock:
            self.done[kind] = self.done.get(kind, 0) + 1
            self.told.append(f"{time.monotonic() - self._begin:5.1f} {kind} {detail}")

    def start(self) -> None:
        for name in ("raw-presence", "fan-out", "butler-writer"):
            self._add(name, [name], self.servers.settings[name])
        self._add("courier", ["alerts", "courier"], self.servers.settings["alerts"])
        for number, offset in enumerate(self.plan.offsets):
            extra = {"CHAOS_CLOCK_OFFSET": str(offset)} if offset else {}
            around: list[str] = []
            if number == self.plan.small_disk and _may_mount():
                disk = self.servers.folder / f"disk{number}"
                disk.mkdir(exist_ok=True)
                extra["LOCAL_REPOS"] = str(disk)
                mount = f'mount -t tmpfs -o size={_DISK} tmpfs "$LOCAL_REPOS" && exec "$@"'
                around = ["unshare", "--mount", "sh", "-c", mount, "sh"]
            self._add(
                f"worker {number}",
                ["worker"],
                {**self.servers.settings["worker"], **extra, **self.plan.worker_settings},
                around,
            )
        self.crew.wait_until_ready(90)

    def close(self) -> None:
        """Let go of everything, once all is done."""
        self._pool.shutdown()
        self.observatory.close()

    def _add(
        self, name: str, command: list[str], environment: Mapping[str, str], around: Sequence[str] = ()
    ) -> None:
        log = self.servers.folder / "logs" / f"{self.plan.seed}-{name.replace(' ', '-')}.log"
        self.crew.add(Member(name, command, environment, log, self._heard, around=around))

    def _heard(self, member: Member, record: Mapping[str, Any]) -> None:
        """Kill at a stage, the first time that a visit-detector comes to it."""
        key = (str(record.get("group")), record.get("detector", -1))
        if record.get("stage") == "clean":
            identity = Identity(self.servers.camera.instrument, *key)
            self.cleaned.setdefault((identity, record.get("attempt", 0)), time.time())
        kill = self._waiting.get(key)
        if kill is None or record.get("stage") != kill.at:
            return
        self._waiting.pop(key, None)
        pid = member.pid
        self._pool.submit(self._kill, member, pid, kill, key)

    def _kill(self, member: Member, pid: int, kill: Kill, key: tuple[str, int]) -> None:
        time.sleep(kill.delay)
        if member.pid != pid:
            return
        now = time.time()
        done = member.kill() if kill.target == "worker" else member.kill_child()
        if done:
            detail = f"{member.name} at {kill.at} of {key[0]} {key[1]}"
            self.note(f"kill {kill.target}", detail)
            self.occurrences.append(
                Occurrence(kind=f"kill {kill.target}", detail=detail, begin=now, worker=pid)
            )

    def play(self) -> None:
        """Do everything in its time, and wait until all of it is done."""
        self._begin = time.monotonic()
        running = []
        for moment, action in sorted(self._actions(), key=lambda pair: pair[0]):
            time.sleep(max(self._begin + moment - time.monotonic(), 0.0))
            running.append(self._pool.submit(action))
        for one in running:
            one.result(120)

    def _actions(self) -> Iterator[tuple[float, Callable[[], None]]]:
        """List what is to be done, and when."""
        for visit in self.plan.visits:
            yield visit.announced, partial(self.observatory.announce, visit)
            if visit.announced_again:
                is_changed = visit.announced_again == "changed"
                yield visit.announced + 1, partial(self.observatory.announce, visit, is_changed=is_changed)
            if visit.fate == "cancelled":
                yield visit.announced + 1, partial(self.observatory.cancel, visit)
            else:
                yield visit.landed, partial(self.observatory.deliver, visit)
        for number, fault in enumerate(self.plan.faults):
            yield fault.begin, partial(self._break, fault, number)

    def _break(self, fault: Fault, number: int) -> None:
        kind, _, name = fault.kind.partition(" ")
        if kind == "kill":
            if self.crew.members[name].kill():
                self.note(fault.kind)
            return
        with self._broken[kind], getattr(self, "_" + fault.kind.replace(" ", "_"))(fault, number) as did:
            if did:
                begin, detail = time.time(), f"for {fault.length:.1f} s"
                self.note(fault.kind, detail)
                time.sleep(fault.length)
                end = time.time()
                self.occurrences.append(Occurrence(kind=fault.kind, detail=detail, begin=begin, end=end))

    @contextlib.contextmanager
    def _redis_restart(self, _fault: Fault, _number: int) -> Iterator[bool]:
        self.servers.redis.kill()
        yield True
        self.servers.redis.start()

    @contextlib.contextmanager
    def _redis_slow(self, _fault: Fault, _number: int) -> Iterator[bool]:
        with _slow(self.servers.redis_proxy):
            yield True

    @contextlib.contextmanager
    def _postgresql_away(self, _fault: Fault, _number: int) -> Iterator[bool]:
        assert self.servers.postgresql is not None
        with _broken_off(self.servers.postgresql):
            yield True

    @contextlib.contextmanager
    def _postgresql_slow(self, _fault: Fault, _number: int) -> Iterator[bool]:
        assert self.servers.postgresql_proxy is not None
        with _slow(self.servers.postgresql_proxy):
            yield True

    @contextlib.contextmanager
    def _broker_cut_off(self, _fault: Fault, _number: int) -> Iterator[bool]:
        with _cut(self.servers.kafka_proxy, self.servers.alert_proxy):
            yield True

    _broker_away = _broker_cut_off

    @contextlib.contextmanager
    def _alerts_away(self, _fault: Fault, _number: int) -> Iterator[bool]:
        with _cut(self.servers.alert_proxy):
            yield True

    @contextlib.contextmanager
    def _broker_slow(self, _fault: Fault, _number: int) -> Iterator[bool]:
        with _slow(self.servers.kafka_proxy), _slow(self.servers.alert_proxy):
            yield True

    @contextlib.contextmanager
    def _broker_restart(self, fault: Fault, _number: int) -> Iterator[bool]:
        if not isinstance(self.servers.kafka, ApacheKafka):
            self.skipped.add(fault.kind)
            yield False
            return
        self.servers.kafka.kill()
        yield True
        self.servers.kafka.start()

    @contextlib.contextmanager
    def _s3_faults(self, fault: Fault, _number: int) -> Iterator[bool]:
        self.servers.s3_proxy.share = fault.strength
        yield True
        self.servers.s3_proxy.share = 0.0

    @contextlib.contextmanager
    def _s3_away(self, _fault: Fault, _number: int) -> Iterator[bool]:
        self.servers.s3_proxy.is_away = True
        yield True
        self.servers.s3_proxy.is_away = False

    @contextlib.contextmanager
    def _s3_slow(self, _fault: Fault, _number: int) -> Iterator[bool]:
        with _slow(self.servers.s3_proxy):
            yield True

    @contextlib.contextmanager
    def _repository_away(self, _fault: Fault, _number: int) -> Iterator[bool]:
        server = self.servers.postgresql
        files = self.servers.addresses.repository.glob("*.sqlite3")
        with _moved(files) if server is None else _broken_off(server):
            yield True

    @contextlib.contextmanager
    def _workers_stopped(self, _fault: Fault, _number: int) -> Iterator[bool]:
        """Pause the parents one after the other, so that the others take over what they hold."""
        for member in self.crew.members.values():
            pid = member.pid
            # 0, of one that is not there, would be this process's own group.
            if pid and member.name.startswith("worker"):
                os.kill(pid, signal.SIGSTOP)
                time.sleep(_LONGER_THAN_A_LEASE)
                os.kill(pid, signal.SIGCONT)
        yield True

    @contextlib.contextmanager
    def _apdb_away(self, _fault: Fault, _number: int) -> Iterator[bool]:
        with _moved(self.servers.folder.glob("*apdb*.db")):
            yield True

    @contextlib.contextmanager
    def _full_disk(self, fault: Fault, _number: int) -> Iterator[bool]:
        if not _may_mount():
            self.skipped.add(fault.kind)
            yield False
            return
        member = self.crew.members[f"worker {self.plan.small_disk}"]
        file = Path(f"/proc/{member.pid}/root{self.servers.folder}/disk{self.plan.small_disk}/fill")
        filled = False
        with contextlib.suppress(OSError), file.open("wb", buffering=0) as stream:
            while True:
                stream.write(bytes(1 << 16))
                filled = True
        yield filled
        with contextlib.suppress(OSError):
            file.unlink()

    @contextlib.contextmanager
    def _poison(self, _fault: Fault, number: int) -> Iterator[bool]:
        self.observatory.poison(number)
        yield True

    def identities(self) -> dict[tuple[int, int], Identity]:
        return {
            (visit.number, detector): Identity(self.servers.camera.instrument, group, detector)
            for group, visit in self._groups.items()
            for detector in DETECTORS
        }


@contextlib.contextmanager
def _cut(*proxies: TcpProxy) -> Iterator[None]:
    for proxy in proxies:
        proxy.cut()
    yield
    for proxy in proxies:
        proxy.mend()


@contextlib.contextmanager
def _broken_off(server: PostgresqlServer) -> Iterator[None]:
    server.break_off()
    yield
    server.go_on()


@contextlib.contextmanager
def _slow(proxy: TcpProxy | S3Proxy) -> Iterator[None]:
    """Let each answer come a second late."""
    proxy.delay = 1.0
    yield
    proxy.delay = 0.0


@contextlib.contextmanager
def _moved(files: Iterable[Path]) -> Iterator[None]:
    """Put databases where nobody finds them; what is made in their place meanwhile is overwritten."""
    moved = {file: file.with_suffix(".away") for file in files}
    assert moved
    for file, away in moved.items():
        file.replace(away)
    yield
    for file, away in moved.items():
        away.replace(file)


def _may_mount() -> bool:
    """Say whether this user may mount a small disk."""
    if os.getuid() != 0 or shutil.which("unshare") is None:
        return False
    words = ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0  # noqa: S603 - as written
