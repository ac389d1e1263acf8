"""Kubernetes, KEDA, CoreDNS and kube-router, built from pinned Go modules and kept."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from attrs import field, frozen

__all__ = ["CRDS", "VERSIONS", "Binaries", "module_folder"]

_KUBERNETES = "v1.34.4"
_STAMP = "k8s.io/component-base/version"
_LD_FLAGS = {
    "gitVersion": _KUBERNETES,
    "gitMajor": "1",
    "gitMinor": _KUBERNETES.split(".")[1],
    "gitTreeState": "clean",
    "gitCommit": "0" * 40,
    "buildDate": "2026-01-01T00:00:00Z",
}
"""Clients refuse a server that does not tell its version."""
_COREDNS_MAIN = """\
package main

import (
	"github.com/coredns/coredns/coremain"
	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/kubernetes"
)

func main() { coremain.Run() }
"""
_GO = "1.24.0"


@frozen(kw_only=True)
class _Module:
    path: str
    version: str
    commands: Sequence[str] = ()
    """Packages below it; none: the main package is that of `_COREDNS_MAIN`."""
    stamp: str = field(default="")


_MODULES = (
    _Module(
        path="k8s.io/kubernetes",
        version=_KUBERNETES,
        commands=[
            f"cmd/{name}"
            for name in (
                "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy",
            )
        ],
        stamp=" ".join(f"-X {_STAMP}.{name}={value}" for name, value in _LD_FLAGS.items()),
    ),
    _Module(path="github.com/kedacore/keda/v2", version="v2.16.1", commands=["cmd/operator"]),
    _Module(path="github.com/coredns/coredns", version="v1.12.4"),
    _Module(path="github.com/cloudnativelabs/kube-router/v2", version="v2.1.0", commands=["cmd/kube-router"]),
)  # fmt: skip
CRDS = {
    "github.com/kedacore/keda/v2@v2.16.1": "config/crd/bases",
    "github.com/prometheus-operator/prometheus-operator@v0.79.2": "example/prometheus-operator-crd",
}
"""Where modules have the definitions of the chart's custom resources."""
VERSIONS = {module.path.removesuffix("/v2").rpartition("/")[2]: module.version for module in _MODULES}


@frozen
class Binaries:
    """Where each program is; built at most once."""

    folder: Path

    def build(self) -> None:
        """Build what is not there yet: up to two hours from cold, then nothing."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for module in _MODULES:
            for name, package in _packages(module).items():
                if not (self.folder / f"{name}-{module.version}").exists():
                    self._build(module, name, package)
        if not self.pause.exists():
            source = module_folder("k8s.io/kubernetes", _KUBERNETES) / "build/pause/linux/pause.c"
            command = ["gcc", "-Os", "-static", "-DVERSION=trial", "-o", str(self.pause), str(source)]
            subprocess.run(command, check=True)

    @property
    def pause(self) -> Path:
        """The program that holds a pod's namespaces."""
        return self.folder / f"pause-{_KUBERNETES}"

    def path(self, name: str) -> str:
        """Find a program."""
        (found,) = self.folder.glob(f"{name}-v[0-9]*")
        return str(found)

    def _build(self, module: _Module, name: str, package: str) -> None:
        print(f"building {name} {module.version}", flush=True)
        place = self.folder / "build" / name
        place.mkdir(parents=True, exist_ok=True)
        (place / "go.mod").write_text(_go_mod(module))
        if package == ".":
            (place / "main.go").write_text(_COREDNS_MAIN)
        else:
            (place / "tools.go").write_text(f'//go:build tools\n\npackage tools\n\nimport _ "{package}"\n')
        target = self.folder / f"{name}-{module.version}"
        part = target.with_suffix(".part")
        flags = f"-s -w {module.stamp}".strip()
        build = ["go", "build", "-trimpath", "-ldflags", flags, "-o", str(part), package]
        subprocess.run(build, check=True, cwd=place, env=_go_environment())
        part.replace(target)
        shutil.rmtree(place)


def _packages(module: _Module) -> dict[str, str]:
    if not module.commands:
        return {"coredns": "."}
    return {_name(command): f"{module.path}/{command}" for command in module.commands}


def _name(command: str) -> str:
    name = command.rpartition("/")[2]
    return "keda" if name == "operator" else name


def _go_mod(module: _Module) -> str:
    """Write a module that requires one, with the replacements that it makes for itself."""
    text = (module_folder(module.path, module.version) / "go.mod").read_text()
    blocks = re.findall(r"^replace \(\n(.*?)^\)", text, re.MULTILINE | re.DOTALL)
    lines = [*"\n".join(blocks).splitlines(), *re.findall(r"^replace (?!\()(.*)$", text, re.MULTILINE)]
    staging = module.version.replace("v1", "v0", 1)
    # Kubernetes' own staging folders are modules of their own beside it.
    lines = [re.sub(r"\./staging/src/(\S+)", rf"\1 {staging}", line).strip() for line in lines]
    replaced = "\n".join(f"\t{line}" for line in lines if line)
    return (
        f"module cluster.local/trial\n\ngo {_GO}\n\nrequire {module.path} {module.version}\n\n"
        f"replace (\n{replaced}\n)\n"
    )


def module_folder(path: str, version: str) -> Path:
    """Find a module's source, downloading it once into Go's own cache."""
    download = ["go", "mod", "download", "-json", f"{path}@{version}"]
    # Anywhere but in another module.
    done = subprocess.run(
        download, check=True, stdout=subprocess.PIPE, text=True, cwd="/", env=_go_environment()
    )
    return Path(json.loads(done.stdout)["Dir"])


def _go_environment() -> dict[str, str]:
    return {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=mod -buildvcs=false"}
