"""``make container-trial``: build the image's stages without an engine, and observe a night with them.

Needs root, debootstrap, Debian's mirror and a package registry; takes minutes.
"""

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import click

from tests.container.dockerfile import DOCKERFILE, read_dockerfile
from tests.container.engine import Image, build, entering
from tests.container.service import try_service

_SUITE = "trixie"
_PACKAGES = "python3,python3-venv,ca-certificates"
_COMPILERS = ("as", "c++", "cc", "clang", "cpp", "g++", "gcc", "gfortran", "go", "ld", "make", "rustc", "tcc")
_SETTINGS_EXIT = 2


def main() -> int:
    """Try all; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.container")
    parser.add_argument("--base", type=Path, help=f"a root made before: Debian {_SUITE} with {_PACKAGES}")
    parser.add_argument("--folder", type=Path, help="where to build, and what to keep")
    parser.add_argument("--again", action="store_true", help="try what is in the folder, build nothing")
    options = parser.parse_args()
    lacking = [name for name in ("chroot", "setpriv", "unshare") if shutil.which(name) is None]
    if os.geteuid() != 0 or lacking:
        print(f"needs root and {', '.join(lacking) or 'nothing else'}", file=sys.stderr)
        return 1
    # Below /tmp, because there the container has a place for it.
    tempfile.tempdir = "/tmp"  # noqa: S108 - the folders in it are made by mkdtemp
    folder = options.folder or Path(tempfile.mkdtemp(prefix="container-"))
    folder.mkdir(exist_ok=True)
    try:
        base = options.base or _debootstrap(folder / "base")
        stages = read_dockerfile(DOCKERFILE.read_text(), {"BASE": "base", "LABEL": "trial"})
        images = build(stages, base, folder, again=options.again)
        return _try(images["service"], images["initializer"])
    finally:
        if options.folder is None:
            shutil.rmtree(folder)


def _debootstrap(root: Path) -> Path:
    subprocess.run(
        ["debootstrap", "--variant=minbase", f"--include={_PACKAGES}", _SUITE, str(root)], check=True
    )
    return root


def _try(service: Image, initializer: Image) -> int:
    _check(service.root == initializer.root, "service and initializer are the same layers")
    _check(service.labels == initializer.labels, f"of one label: {service.labels}")
    found = [name for name in _COMPILERS if _which(service, name)]
    _check(not found, f"compilers inside: {found or 'none'}")
    _check(_output(service, ["id", "-u"], {}) == (0, "1000"), "the user is 1000")
    _check(_output(service, ["touch", "/opt/x"], {})[0] != 0, "the root cannot be written to")
    ours = service.entrypoint
    _check(_output(service, [*ours, "--help"], {})[0] == 0, "--help")
    for name in ("worker", "fan-out", "raw-presence", "butler-writer", "initialize", "deployment-id"):
        _check(
            _output(service, [*ours, name], {})[0] == _SETTINGS_EXIT, f"{name} without settings: exit code 2"
        )
    size = subprocess.run(
        ["du", "-sm", str(service.root / "opt")], check=True, capture_output=True, text=True
    )
    print(f"size: {size.stdout.split()[0]} MB in /opt", flush=True)
    try_service(service)
    return _night(service)


def _night(image: Image) -> int:
    """Observe the demo's night, each service in the image."""
    from entrypoints.commands.demo import command  # noqa: PLC0415 - imports all of the simulator

    with tempfile.NamedTemporaryFile("w", prefix="enter-", delete=False) as script:
        # Called as the interpreter is; the simulator's own processes have nothing to do with the image.
        other = f'[ "$2" = entrypoints ] || exec {shlex.quote(sys.executable)} "$@"'
        script.write(f"#!/bin/sh\n{other}\nshift 2\n{_in_folder(image)}\n")
    file = Path(script.name)
    file.chmod(0o755)
    interpreter, sys.executable = sys.executable, str(file)
    try:
        with tempfile.TemporaryDirectory() as results:
            command.main(["--results", results], standalone_mode=False)
    except SystemExit as end:
        print(f"the night in the image ended with exit code {end.code}", flush=True)
        return int(end.code or 0)
    except click.ClickException as error:
        error.show()
    finally:
        sys.executable = interpreter
        file.unlink()
    return 1


def _in_folder(image: Image) -> str:
    # What the processes of a night share is in TMPDIR; the group's rights do this in a cluster.
    share = [
        f'mkdir -p {shlex.quote(str(image.root))}"$TMPDIR"',
        f'chown -Rf {image.user} "$TMPDIR" || :',
        f'mount --bind "$TMPDIR" {shlex.quote(str(image.root))}"$TMPDIR"',
    ]
    return entering(image, [*image.entrypoint, '"$@"'], {}, share)


def _output(image: Image, command: list[str], env: Mapping[str, str]) -> tuple[int, str]:
    clean = {"PATH": os.environ["PATH"]}
    done = subprocess.run(
        ["/bin/sh", "-c", entering(image, command, env)],
        capture_output=True,
        text=True,
        env=clean,
        check=False,
    )
    return done.returncode, done.stdout.strip()


def _which(image: Image, name: str) -> bool:
    return _output(image, ["sh", "-c", f"command -v {name}"], {})[0] == 0


def _check(holds: bool, what: str) -> None:
    print(f"{'yes' if holds else 'NO'}: {what}", flush=True)
    if not holds:
        raise SystemExit(1)


if __name__ == "__main__":
    raise SystemExit(main())
