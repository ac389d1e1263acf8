"""``make cluster-trial``: a real Kubernetes with KEDA on this machine, and the chart in it.

Needs root, Debian's packages and a C compiler; Go and a package registry for what is not built yet, which
takes up to two hours, once.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.cluster.binaries import Binaries
from tests.cluster.namespaces import run_apart
from tests.container.engine import NEEDED, Engine, make_base
from tests.integration.chart.helm import find_program
from tests.integration.kafka.apache_kafka import kafka_classpath

_NEEDED = {
    **NEEDED,
    "containerd": "containerd",
    "etcd": "etcd-server",
    "gcc": "gcc",
    "go": "golang",
    "ip": "iproute2",
    "ipset": "ipset",
    "java": "default-jre-headless",
    "openssl": "openssl",
    "redis-server": "redis-server",
    "unshare": "util-linux",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
}
_PAUSE = 'FROM scratch\nCOPY pause /pause\nUSER 65535:65535\nENTRYPOINT ["/pause"]\n'
_PAUSE_IMAGE = "localhost/pause:trial"
_REPOSITORY, _LABEL = "localhost/prompt-processing-trial", "trial"


def main() -> int:
    """Build what is not there, and play in namespaces apart; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.cluster")
    parser.add_argument("--mirror", default="", help="Debian's mirror, if not its own")
    parser.add_argument("--as-built", action="store_true", help="take the images that are there as they are")
    parser.add_argument("--hold", action="store_true", help="leave the cluster running until Ctrl-C")
    parser.add_argument("plays", nargs="*", help="which plays; none: all")
    options = parser.parse_args()
    lacking = sorted(package for program, package in _NEEDED.items() if shutil.which(program) is None)
    if os.geteuid() != 0 or lacking:
        print(f"needs root, and Debian's packages: {' '.join(lacking) or 'all are there'}", file=sys.stderr)
        return 1
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "prompt-processing"
    binaries = Binaries(cache / "cluster" / "bin")
    binaries.build()
    # Fetched now: inside there is no network.
    kafka_classpath()
    for name in ("helm", "kubectl"):
        find_program(name, binaries.folder)
    folder = Path(tempfile.mkdtemp(prefix="cluster-trial-"))
    try:
        engine = Engine(cache / "container" / "podman")
        if not options.as_built:
            _build(engine, cache / "container" / "base.tar", options.mirror)
        _save(engine, binaries, folder)
        hold = ["--hold"] if options.hold else []
        return run_apart([*hold, str(folder), str(binaries.folder), _REPOSITORY, _LABEL, *options.plays])
    except KeyboardInterrupt:
        return 130
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _build(engine: Engine, base: Path, mirror: str) -> None:
    if not base.exists():
        make_base(base, mirror)
    engine.build(base, _REPOSITORY, _LABEL)


def _save(engine: Engine, binaries: Binaries, folder: Path) -> None:
    """Write the images that the node needs into one archive."""
    env = {**os.environ, **engine.env}
    pause = folder / "pause"
    pause.mkdir()
    shutil.copy(binaries.pause, pause / "pause")
    build = [
        "podman",
        "build",
        "--quiet",
        "--format",
        "docker",
        "--tag",
        _PAUSE_IMAGE,
        "--file",
        "-",
        str(pause),
    ]
    subprocess.run(build, check=True, env=env, input=_PAUSE, text=True, stdout=subprocess.DEVNULL)
    names = [f"{_REPOSITORY}/{name}:{_LABEL}" for name in ("service", "initializer")]
    save = ["podman", "save", "--quiet", "--multi-image-archive", "--output", str(folder / "images.tar")]
    subprocess.run([*save, _PAUSE_IMAGE, *names], check=True, env=env, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    raise SystemExit(main())
