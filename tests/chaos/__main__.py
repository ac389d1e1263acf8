"""``make chaos``: play seeds, print what was broken and what it cost."""

import argparse
import signal
import sys
import time
from collections import Counter

from tests.chaos.plan import make_plan
from tests.chaos.seed import Played, play
from tests.chaos.servers import NO_RESTART, opened_servers
from tests.chaos.verdict import Verdict, judge
from tests.integration.kafka.apache_kafka import ApacheKafka

_COLUMNS = (
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


def main() -> int:
    """Play seeds and print the table; exit code 1 if anything was lost, doubled or left."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--seeds", type=int, default=20, help="how many")
    parser.add_argument("--keep", action="store_true", help="print what was broken, and keep the logs")
    options = parser.parse_args()
    plans = tuple(make_plan(seed) for seed in range(options.first, options.first + options.seeds))
    results: list[tuple[Played, Verdict]] = []
    begin = time.monotonic()
    # Whoever ends this wants everything ended that it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with opened_servers(plans, keep=options.keep) as servers:
        _say(f"broker: {'Apache Kafka' if isinstance(servers.kafka, ApacheKafka) else NO_RESTART}")
        _say(f"| {' | '.join(_COLUMNS)} |")
        _say(f"|{' --- |' * len(_COLUMNS)}")
        for plan in plans:
            played = play(servers, plan)
            verdict = judge(servers, played)
            results.append((played, verdict))
            _say(_row(played, verdict))
            for kind in ("lost", "doubled", "after_change", "late", "left"):
                for line in getattr(verdict, kind):
                    _say(f"  seed {plan.seed}, {kind.replace('_', ' ')}: {line}")
            if options.keep:
                _say("\n".join(f"    {line}" for line in played.told))
        if options.keep:
            _say(f"logs: {servers.folder / 'logs'}")
    faults = sum((Counter(played.done) for played, _ in results), Counter[str]())
    _say(f"faults: {', '.join(f'{many} x {kind}' for kind, many in sorted(faults.items()))}")
    _say(f"{time.monotonic() - begin:.0f} s")
    return 0 if all(verdict.is_good for _, verdict in results) else 1


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


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
