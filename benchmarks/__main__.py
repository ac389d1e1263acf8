"""Run benchmarks: ``python -m benchmarks [NAME ...]``; all of them if none is named."""

import argparse
import importlib
import importlib.util
import os
import time
import traceback
from collections.abc import Callable, Mapping, Sequence

from benchmarks.report import machine_facts

_BENCHMARKS = {
    "domain": ("benchmarks.rules", "notifications, announcements, choice of pipelines, footprints"),
    "visit": ("benchmarks.visits.visit", "a visit-detector beside today's sequence, and where its time goes"),
    "science": ("benchmarks.visits.science", "each task of ApPipe on images of 1k x 1k and of 4k x 4k"),
    "calibration": (
        "benchmarks.calibration",
        "fields of stars with wrong pointings: how many are recognized, and how many wrongly",
    ),
    "sky": ("benchmarks.sky.finding", "what is found of what is on simulated skies and on a real night"),
    "reliability": ("benchmarks.sky.reliability", "train the score of DiaSources, judge it on unseen nights"),
    "worker": (
        "benchmarks.visits.worker",
        "a worker from its cold start through visit-detectors, and its memory",
    ),
    "fan-out": ("benchmarks.services.fan_out", "from nextVisit in Kafka to its last copy in Redis"),
    "presence": ("benchmarks.services.presence", "the raw microservice under load"),
    "console": (
        "benchmarks.console",
        "pages of a long night of a large camera, pictures of large images",
    ),
    "site": ("benchmarks.services.site", "a site: from a frame's last byte to its outcomes, and its memory"),
    "site-night": (
        "benchmarks.services.site_night",
        "three nights of a site from the wheel alone, all processes killed three times (40 minutes)",
    ),
    "writer": ("benchmarks.services.writer", "the Butler Writer at low and at full load"),
}


def main(benchmarks: Mapping[str, tuple[str, str]] = _BENCHMARKS) -> int:
    """Run what is asked for; the exit code is 0 unless a benchmark broke, however slow they are."""
    # As a worker's child has it, and before a benchmark loads what reads it.
    os.environ["OMP_NUM_THREADS"] = os.environ.get("OMP_NUM_THREADS", "").strip() or "1"
    here = {name: row for name, row in benchmarks.items() if importlib.util.find_spec(row[0])}
    broken = [name for name in _asked(here) if not _run(name, *here[name])]
    if broken:
        print(f"broke: {', '.join(broken)}")
    return 1 if broken else 0


def _asked(known: dict[str, tuple[str, str]]) -> Sequence[str]:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure, and print tables. Nothing is asserted about times.",
        epilog="\n".join(["benchmarks:", *(f"  {name:10}{about}" for name, (_, about) in known.items())]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="which; all if none is named")
    names: list[str] = parser.parse_args().names
    if unknown := [name for name in names if name not in known]:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(known)}")
    print(machine_facts(), flush=True)
    return names or list(known)


def _run(name: str, module: str, about: str) -> bool:
    print(f"== {name}: {about}\n", flush=True)
    begin = time.monotonic()
    try:
        run: Callable[[], None] = importlib.import_module(module).main
        run()
    except Exception:  # noqa: BLE001 - the others shall still run
        traceback.print_exc()
        return False
    seconds, load = time.monotonic() - begin, os.getloadavg()[0]
    print(f"({name} took {seconds:.0f} s; the load of the last minute was {load:.1f})\n", flush=True)
    return True


if __name__ == "__main__":
    raise SystemExit(main())
