"""``make chaos-thousand``: nights in memory, on the virtual clock, with outages of up to ten minutes.

A seed is a night; it is the same night each time.
"""

import argparse
import multiprocessing
import random
import sys
import time
from collections.abc import Iterable

from attrs import frozen

from tests.unit.application.schedules import AWAY, Break, Schedule, run_schedule

__all__ = ["SIZES", "Size", "make_night"]

_APART = 20.0
_LONGEST = 600.0
_TOLD = ("once", "once", "twice", "never")
_SERVICES = ("kill fan-out", "kill indexer", "kill writer", "announced again", "poison")


@frozen(kw_only=True)
class Size:
    """How large a night is."""

    visits: int
    detectors: int
    workers: int


SIZES = {
    "usual": Size(visits=40, detectors=4, workers=6),
    "large": Size(visits=1000, detectors=21, workers=60),
}


def make_night(seed: int, size: Size) -> Schedule:
    """Make a night in which neighbours are away, alone, in pairs or all at once, and services are killed.

    No worker is killed, so each visit-detector must be completed, or be cancelled where its visit was.
    """
    chance = random.Random(seed)  # noqa: S311 - nothing secret
    until = size.visits * _APART
    breaks = []
    for _ in range(chance.randint(1, 3)):
        kinds = chance.sample(sorted(AWAY), chance.choice((1, 1, 2, 2, len(AWAY))))
        begin, length = chance.uniform(0.0, until), chance.uniform(1.0, _LONGEST)
        # Two that are away at once need not begin nor end at once.
        breaks += [
            Break(kind, begin + chance.uniform(0.0, 10.0), 0, length * chance.uniform(0.5, 1.0))
            for kind in kinds
        ]
    breaks += [
        Break(
            chance.choice(_SERVICES),
            chance.uniform(0.0, until),
            chance.randrange(size.visits),
            chance.uniform(1.0, 60.0),
        )
        for _ in range(chance.randint(0, 4))
    ]
    return Schedule(
        breaks=tuple(breaks),
        told=tuple(chance.choice(_TOLD) for _ in range(size.visits)),
        cancelled=frozenset(number for number in range(size.visits) if chance.random() < 0.02),
        snaps=tuple(chance.choice((1, 1, 2)) for _ in range(size.visits)),
        offsets=(0.0,) * size.workers,
        # Longer than all outages of a night, one after the other.
        claim_seconds=3 * _LONGEST + 120.0,
        detectors=size.detectors,
    )


def main() -> int:
    """Play nights, and name those in which anything was lost, doubled or left: exit code 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.thousand", description=__doc__)
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--nights", type=int, default=1000, help="how many (default: 1000)")
    parser.add_argument("--size", choices=sorted(SIZES), default="usual", help="40 visits x 4, or 1000 x 21")
    parser.add_argument(
        "--processes", type=int, default=multiprocessing.cpu_count(), help="how many at a time"
    )
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.nights)
    begin = time.monotonic()
    with multiprocessing.get_context("spawn").Pool(options.processes) as pool:
        bad = _told(pool.imap_unordered(_play, ((seed, options.size) for seed in seeds)), len(seeds), begin)
    size = SIZES[options.size]
    sys.stdout.write(
        f"{len(seeds) - bad} of {len(seeds)} nights of {size.visits} visits x {size.detectors} "
        f"without a fault, in {time.monotonic() - begin:.0f} s\n"
    )
    return 1 if bad else 0


def _play(night: tuple[int, str]) -> tuple[int, list[str]]:
    seed, size = night
    return seed, run_schedule(make_night(seed, SIZES[size]))


def _told(nights: Iterable[tuple[int, list[str]]], many: int, begin: float) -> int:
    bad = 0
    for done, (seed, wrong) in enumerate(nights, start=1):
        if wrong:
            bad += 1
            sys.stdout.write("\n".join([f"seed {seed}: {len(wrong)} faults", *wrong[:5], ""]))
        if wrong or done % 20 == 0:
            spent = time.monotonic() - begin
            sys.stdout.write(f"{done} of {many} nights, {bad} with faults, {spent:.0f} s\n")
            sys.stdout.flush()
    return bad


if __name__ == "__main__":
    raise SystemExit(main())
