"""``make chaos``: play seeds, print what was broken and what it cost."""

import argparse
import itertools
import signal
import sys
import time
from collections import Counter

from tests.chaos.lanes import COLUMNS, played
from tests.chaos.plan import OUTAGES, SLOW, make_outage, make_plan


def main() -> int:
    """Play seeds and print the table; exit code 1 if anything was lost, doubled or left."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--seeds", type=int, default=20, help="how many")
    parser.add_argument("--lanes", type=int, default=2, help="how many at a time (default: 2)")
    parser.add_argument(
        "--keep", action="store_true", help="print what was broken and keep the logs, also of good seeds"
    )
    parser.add_argument(
        "--outages",
        nargs="*",
        choices=sorted(OUTAGES | SLOW),
        help="instead, one long outage for each seed: of these neighbours in turn, or of all",
    )
    parser.add_argument(
        "--pairs", action="store_true", help="two of these outages in each seed, which overlap"
    )
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.seeds)
    if options.outages is None:
        plans = tuple(map(make_plan, seeds))
    else:
        kinds = itertools.combinations(options.outages or sorted(OUTAGES), 1 + options.pairs)
        plans = tuple(make_outage(each, seed) for seed, each in zip(seeds, itertools.cycle(kinds)))
    begin = time.monotonic()
    # Whoever ends this wants everything ended that it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    _say(f"| {' | '.join(COLUMNS)} |")
    _say(f"|{' --- |' * len(COLUMNS)}")
    reports = []
    for report in played(plans, min(options.lanes, len(plans)), keep=options.keep):
        _say(report.text)
        reports.append(report)
    faults = sum((Counter(report.done) for report in reports), Counter[str]())
    _say(f"faults: {', '.join(f'{many} x {kind}' for kind, many in sorted(faults.items()))}")
    _say(f"broker: {', '.join(sorted({report.broker for report in reports}))}")
    _say(f"{len(reports)} of {len(plans)} seeds in {time.monotonic() - begin:.0f} s")
    return 0 if len(reports) == len(plans) and all(report.is_good for report in reports) else 1


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
