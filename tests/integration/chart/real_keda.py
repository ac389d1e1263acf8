"""KEDA's own scaler of Redis streams, built of its module where Go and its caches are there."""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

__all__ = ["RELEASE", "ask_scaler", "find_scaler"]

RELEASE = (2, 16, 1)
_MODULE = Path("github.com") / "kedacore" / "keda" / f"v2@v{'.'.join(map(str, RELEASE))}"
_OURS = Path(__file__).parent / "keda_scaler"
_KEPT = {"redis_scaler.go", "redis_streams_scaler.go", "scaler.go"}
_COLD = 100
"""Packages to be compiled from which on this is no small test any more; all are about 620."""


def find_scaler(cache: Path) -> Path:
    """Build the scaler, once; skips the test, with the reason, where that cannot be done soon."""
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in sorted(_OURS.glob("*.go")))).hexdigest()
    binary = cache / f"keda-scaler-{digest[:12]}"
    if binary.exists():
        return binary
    if shutil.which("go") is None:
        pytest.skip("Go is not installed, which builds KEDA's own scaler")
    module = Path(_go(Path.cwd(), "env", "GOMODCACHE").strip()) / _MODULE
    if not module.is_dir():
        pytest.skip(f"Go's module cache has no {_MODULE}: go mod download in a module that asks for it")
    with tempfile.TemporaryDirectory() as folder:
        source = _sources(module, Path(folder) / "keda")
        stale = _go(source, "list", "-deps", "-f", "{{.Stale}} {{.Standard}}", "./cmd/scaler")
        if stale.count("true false") > _COLD:
            pytest.skip("Go's build cache lacks what KEDA is built of; building takes minutes")
        new = binary.with_suffix(f".{os.getpid()}")
        _go(source, "build", "-ldflags=-s -w", "-o", str(new), "./cmd/scaler")
    return new.rename(binary)


def ask_scaler(binary: Path, metadata: Mapping[str, str]) -> dict[str, Any]:
    """Ask what it makes of a trigger: `error`; or `value`, `target` and `active`."""
    done = subprocess.run(  # noqa: S603 - what was built above
        [binary], input=json.dumps(metadata), capture_output=True, text=True, timeout=60, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _sources(module: Path, target: Path) -> Path:
    """Copy the module without the scalers that nobody asks for here, and all that they depend on."""
    for part in ("apis", "pkg", "version"):
        shutil.copytree(
            module / part,
            target / part,
            ignore=shutil.ignore_patterns("*_test.go"),
            copy_function=shutil.copyfile,
        )
    for folder in (target, *(path for path in target.rglob("*") if path.is_dir())):
        folder.chmod(0o755)
    for name in ("go.mod", "go.sum"):
        shutil.copyfile(module / name, target / name)
    scalers, command = target / "pkg" / "scalers", target / "cmd" / "scaler"
    for file in scalers.glob("*.go"):
        if file.name not in _KEPT:
            file.unlink()
    shutil.copyfile(_OURS / "constants.go", scalers / "constants.go")
    command.mkdir(parents=True)
    shutil.copyfile(_OURS / "main.go", command / "main.go")
    return target


def _go(folder: Path, *arguments: str) -> str:
    offline = {"GOPROXY": "off", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=mod -trimpath", "CGO_ENABLED": "0"}
    done = subprocess.run(  # noqa: S603 - the arguments are those above
        [shutil.which("go") or "go", *arguments],
        cwd=folder,
        env={**os.environ, **offline},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"go {arguments[0]} cannot do without the network: {done.stderr[-300:]}")
    return done.stdout
