"""The trial itself, as the first process of its namespaces."""

import argparse
import secrets
import signal
import subprocess
import time
import traceback
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from domain.errors import PromptProcessingError
from tests.cluster.binaries import Binaries
from tests.cluster.changing import play_changing
from tests.cluster.control_plane import define, start_control_plane, start_keda
from tests.cluster.deaths import play_deaths
from tests.cluster.installing import play_installing
from tests.cluster.kubernetes import Kubernetes
from tests.cluster.namespaces import settle
from tests.cluster.night import play_night
from tests.cluster.node import start_node
from tests.cluster.production import play_production
from tests.cluster.programs import Programs
from tests.cluster.release import NAMESPACE, Release, make_namespace, night_values
from tests.cluster.scaling import play_scaling
from tests.cluster.secured import play_policies, play_secured_queue
from tests.cluster.stage import Stage, Table
from tests.cluster.watcher import Watcher
from tests.cluster.world import opened_world
from tests.integration.chart.helm import find_program, merged

_PLAYS = {
    "scaling": play_scaling,
    "deaths": play_deaths,
    "changing": play_changing,
    "queue": play_secured_queue,
    "policies": play_policies,
    "production": play_production,
    "night": play_night,
}
_BROKEN = (RuntimeError, TimeoutError, ValueError, subprocess.CalledProcessError, PromptProcessingError)
_QUICK = {"imageNotifications": {"imageTimeout": 15}}
"""Nobody waits long for images that do not come."""


def main() -> int:
    """Start the cluster, play, and stop everything; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.cluster.inside")
    parser.add_argument("folder", type=Path)
    parser.add_argument("binaries", type=Path)
    parser.add_argument("image", nargs=2)
    parser.add_argument("--hold", action="store_true")
    parser.add_argument("plays", nargs="*")
    options = parser.parse_args()
    # As the first process, this one ignores what it does not ask for.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    settle(options.folder)
    table = Table()
    try:
        with ExitStack() as stack:
            stage = _opened_stage(stack, options.folder, Binaries(options.binaries), options.image, table)
            play_installing(stage)
            for name in options.plays or _PLAYS:
                _play(name, stage)
            while options.hold:
                time.sleep(1)
    except KeyboardInterrupt:
        return 130
    table.show()
    return 0 if table.holds else 1


def _play(name: str, stage: Stage) -> None:
    try:
        _PLAYS[name](stage)
    except (AssertionError, *_BROKEN) as error:
        # The others are played all the same.
        traceback.print_exc()
        stage.table.add(name, f"broke off: {error}", holds=False)


def _opened_stage(
    stack: ExitStack, folder: Path, binaries: Binaries, image: Sequence[str], table: Table
) -> Stage:
    begin = time.monotonic()
    programs = Programs(folder / "logs", stack)
    cluster = Kubernetes(folder, secrets.token_hex(16), find_program("kubectl", binaries.folder))
    start_control_plane(programs, binaries, cluster)
    define(cluster)
    start_keda(programs, binaries, cluster)
    start_node(programs, binaries, cluster, sorted(folder.glob("*.tar")))
    table.add("the cluster", f"up in {time.monotonic() - begin:.0f} s", holds=True)
    world = stack.enter_context(opened_world(programs, "simulated", 1))
    make_namespace(cluster)
    values = night_values(world, *image)
    return Stage(
        cluster=cluster,
        release=Release(find_program("helm", binaries.folder), cluster),
        world=world,
        values=merged(values, _QUICK),
        image=image[0],
        watcher=stack.enter_context(Watcher(cluster, NAMESPACE)),
        table=table,
    )


if __name__ == "__main__":
    raise SystemExit(main())
