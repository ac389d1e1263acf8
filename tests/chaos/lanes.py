"""Seeds side by side, since most of a seed is waiting: each lane is a process with servers of its own."""

import contextlib
import multiprocessing
import queue
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing.context import SpawnProcess
from multiprocessing.queues import Queue
from pathlib import Path

from attrs import frozen

from tests.chaos.plan import Plan
from tests.chaos.seed import Played, play
from tests.chaos.servers import NO_RESTART, Servers, opened_servers
from tests.chaos.verdict import Verdict, judge
from tests.integration.kafka.apache_kafka import ApacheKafka

__all__ = ["COLUMNS", "Report", "played"]

COLUMNS = (
    "seed",
    "faults",
    "visit-detectors",
    "completed",
    "lost",
    "doubled",
    "after change",
    "late",
    "left",
    "s",
)
_SPAWN = multiprocessing.get_context("spawn")


@frozen(kw_only=True)
class Report:
    """What a lane says of a seed."""

    text: str
    done: Mapping[str, int]
    is_good: bool
    broker: str


def played(plans: Sequence[Plan], lanes: int, *, keep: bool) -> Iterator[Report]:
    """Play seeds, as many at a time as there are lanes; reports come as seeds end."""
    told: Queue[Report] = _SPAWN.Queue()
    processes = [
        _SPAWN.Process(target=_play_all, args=(tuple(plans[lane::lanes]), keep, told))
        for lane in range(lanes)
    ]
    with contextlib.ExitStack() as stack:
        for process in processes:
            process.start()
            stack.callback(process.join)
        for process in processes:
            stack.callback(process.terminate)
        yield from _reports(processes, told)


def _reports(processes: Sequence[SpawnProcess], told: "Queue[Report]") -> Iterator[Report]:
    """Pass on what lanes say until all of them have ended."""
    while True:
        are_running = any(process.is_alive() for process in processes)
        try:
            yield told.get(timeout=1.0)
        except queue.Empty:
            if not are_running:
                return


def _play_all(plans: tuple[Plan, ...], keep: bool, told: "Queue[Report]") -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with opened_servers(plans) as servers:
        broker = "Apache Kafka" if isinstance(servers.kafka, ApacheKafka) else NO_RESTART
        for plan in plans:
            played = play(servers, plan)
            verdict = judge(servers, played)
            lines = [_row(played, verdict), *_faults(plan.seed, verdict)]
            if keep or not verdict.is_good:
                lines += [f"    {line}" for line in played.told]
                lines.append(f"    logs: {_kept_logs(servers, plan)}")
            told.put(Report(text="\n".join(lines), done=played.done, is_good=verdict.is_good, broker=broker))


def _kept_logs(servers: Servers, plan: Plan) -> Path:
    """Copy what a seed's processes and the broker said to where it outlives the servers."""
    place = Path(tempfile.mkdtemp(prefix=f"chaos-seed-{plan.seed}-"))
    logs = [*(servers.folder / "logs").glob(f"{plan.seed}-*"), *(servers.folder / "kafka").glob("*.log")]
    for log in logs:
        shutil.copy(log, place)
    return place


def _faults(seed: int, verdict: Verdict) -> Iterator[str]:
    for kind in ("lost", "doubled", "after_change", "late", "left"):
        for line in getattr(verdict, kind):
            yield f"  seed {seed}, {kind.replace('_', ' ')}: {line}"


def _row(played: Played, verdict: Verdict) -> str:
    cells = (
        played.plan.seed,
        sum(played.done.values()),
        len(played.identities),
        verdict.outcomes.get("completed", 0),
        len(verdict.lost),
        len(verdict.doubled),
        len(verdict.after_change),
        len(verdict.late),
        len(verdict.left),
        f"{played.seconds:.0f}",
    )
    return f"| {' | '.join(str(cell) for cell in cells)} |"
