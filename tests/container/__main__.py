"""``make container-trial``: build the images with Podman, and observe a night in them.

Needs root, Podman, Debian's mirror and a package registry; takes minutes.
"""

import argparse
import os
import shlex
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click

from tests.container.engine import NEEDED, Engine, make_base
from tests.container.service import try_service

_COMPILERS = ("as", "c++", "cc", "clang", "cpp", "g++", "gcc", "gfortran", "go", "ld", "make", "rustc", "tcc")
_SERVICES = ("worker", "fan-out", "raw-presence", "butler-writer", "initialize", "deployment-id")
_SETTINGS_EXIT = 2
_BYTES = 850_000_000
"""What the image may have, with its base."""
_UPDATE_BYTES = 10_000_000
_NOT_RUN = (125, 126)
"""Exit codes of the engine itself."""
_REPOSITORY, _LABEL = "localhost/prompt-processing-trial", "trial"


def main() -> int:
    """Try all; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.container")
    parser.add_argument("--base", type=Path, help="a tar file of Debian with Python, made before")
    parser.add_argument("--mirror", default="", help="Debian's mirror, if not its own")
    parser.add_argument("--keep", action="store_true", help="keep base and images for the next trial")
    options = parser.parse_args()
    lacking = sorted(package for program, package in NEEDED.items() if shutil.which(program) is None)
    if os.geteuid() != 0 or lacking:
        print(f"needs root, and Debian's packages: {' '.join(lacking) or 'all are there'}", file=sys.stderr)
        return 1
    # Below /tmp, because there the containers have a place for it.
    tempfile.tempdir = "/tmp"  # noqa: S108 - the folders in it are made by mkdtemp
    cache = (
        Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "prompt-processing" / "container"
    )
    cache.mkdir(parents=True, exist_ok=True)
    engine = Engine(cache / "podman")
    base = options.base or cache / "base.tar"
    try:
        if not base.exists():
            make_base(base, options.mirror)
        engine.build(base, _REPOSITORY, _LABEL)
        return _try(engine)
    finally:
        if not options.keep:
            engine.remove()
            shutil.rmtree(cache)


def _try(engine: Engine) -> int:
    service, initializer = (f"{_REPOSITORY}/{name}:{_LABEL}" for name in ("service", "initializer"))
    layers, found = engine.layers(service), engine.inspect(service)
    _check(layers == engine.layers(initializer), "service and initializer have the same layers")
    *_, dependencies, code = layers.values()
    update = engine.transferred(service)
    _check(
        update < _UPDATE_BYTES and code < dependencies / 10, f"an update of the code: {update / 1e6:.1f} MB"
    )
    labels = {name.rpartition(".")[2]: value for name, value in found["Labels"].items()}
    _check(labels["version"] == _LABEL and labels["revision"] != "unknown", f"it is labelled: {labels}")
    _check(found["Size"] < _BYTES, f"size: {found['Size'] / 1e6:.0f} MB")
    inside = [name for name in _COMPILERS if _run(engine, service, "sh", "-c", f"command -v {name}") == 0]
    _check(not inside, f"compilers inside: {inside or 'none'}")
    _check(_run(engine, service, "sh", "-c", '[ "$(id -u)" = 1000 ]') == 0, "the user is 1000")
    _check(_run(engine, service, "touch", "/opt/x") != 0, "the root cannot be written to")
    _check(_call(engine, service, "--help") == 0, "--help")
    for name in _SERVICES:
        _check(_call(engine, service, name) == _SETTINGS_EXIT, f"{name} without settings: exit code 2")
    try_service(engine, service)
    return _night(engine, service)


def _night(engine: Engine, image: str) -> int:
    """Observe the demo's night, each service and worker in a container of its own."""
    from entrypoints.commands.demo import command  # noqa: PLC0415 - imports all of the simulator

    with tempfile.TemporaryDirectory() as folder:
        ran = Path(folder) / "ran"
        ran.touch()
        script = Path(folder) / "python"
        script.write_text(_interpreter(engine, image, ran))
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        interpreter, sys.executable = sys.executable, str(script)
        try:
            command.main(["--results", f"{folder}/results"], standalone_mode=False)
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        except click.ClickException as error:
            error.show()
            code = 1
        finally:
            sys.executable = interpreter
        counts = {name: ran.read_text().split().count(name) for name in sorted(set(ran.read_text().split()))}
    _check(counts.get("worker", 0) > 0 and counts.get("fan-out", 0) > 0, f"in containers ran {counts}")
    _check(code == 0, f"the night in the image ended with exit code {code}")
    return 0


def _interpreter(engine: Engine, image: str, ran: Path) -> str:
    """Write what is called as the interpreter is: the project's commands run in containers."""
    # Two workers with one host name on one network: their names must differ all the same.
    options = ["--env-host", "--env", "HOME=/tmp", "--env", "PATH=/usr/bin:/bin", "--hostname", "one-host"]
    run = shlex.join(engine.command(image, [], options, ["@TMPDIR@"])).replace("@TMPDIR@", '"$TMPDIR"')
    return f"""#!/bin/sh
[ "$3" = entrypoints ] || exec {shlex.quote(sys.executable)} "$@"
shift 3
echo "$1" >> {shlex.quote(str(ran))}
chown -Rf 1000:1000 "$TMPDIR" || :
exec {run} "$@"
"""


def _run(engine: Engine, image: str, *words: str) -> int:
    program, *arguments = words
    return _code(engine.command(image, arguments, ["--entrypoint", program]))


def _call(engine: Engine, image: str, *words: str) -> int:
    return _code(engine.command(image, words))


def _code(command: Sequence[str]) -> int:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    _check(done.returncode not in _NOT_RUN, f"the engine could not run it: {done.stderr}", quiet=True)
    return done.returncode


def _check(holds: bool, what: str, *, quiet: bool = False) -> None:
    if not (holds and quiet):
        print(f"{'yes' if holds else 'NO'}: {what}", flush=True)
    if not holds:
        raise SystemExit(1)


if __name__ == "__main__":
    raise SystemExit(main())
