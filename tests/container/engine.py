"""Podman with settings and a store of its own: builds images, and runs commands as a cluster would."""

import json
import os
import resource
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import field, frozen

from tests.container.dockerfile import FOLDER

__all__ = ["NEEDED", "Engine", "make_base"]

NEEDED: Mapping[str, str] = {
    "podman": "podman",
    "runc": "runc",
    "mmdebstrap": "mmdebstrap",
    "conmon": "conmon",
    "iptables": "iptables",
}
"""Programs, and Debian's packages that have them."""

_SUITE = "trixie"
_PACKAGES = "python3,python3-venv,ca-certificates"
_BASE = "docker.io/library/python:3.13-slim-trixie"
_USER = "1000:1000"
_LIMITS = (resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC)
_SLIM = ("/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/man/*")
"""What Debian's slim images, of which the default base is made, leave out."""
_CERTIFICATES = "/etc/ssl/certs"

# Limits that a user without CAP_SYS_RESOURCE may set; cgroups and events without systemd.
_CONTAINERS = """\
[containers]
default_ulimits = ["nofile={files}:{files}", "nproc={processes}:{processes}"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
"""
_STORAGE = """\
[storage]
driver = "overlay"
graphroot = "{folder}/graph"
runroot = "{folder}/run"
"""


def make_base(file: Path, mirror: str) -> None:
    """Make a Debian root with Python, as a tar file, from Debian's mirror (blank: its own)."""
    part = file.with_suffix(".part.tar")
    without = [f"--dpkgopt=path-exclude={pattern}" for pattern in _SLIM]
    command = ["mmdebstrap", "--variant=minbase", f"--include={_PACKAGES}", *without, _SUITE, str(part)]
    subprocess.run([*command, *([mirror] if mirror else [])], check=True)
    part.replace(file)


@frozen
class Engine:
    """Podman, and the folder of what it keeps."""

    folder: Path
    env: Mapping[str, str] = field(init=False)

    @env.default
    def _settings(self) -> Mapping[str, str]:
        self.folder.mkdir(parents=True, exist_ok=True)
        containers, storage = self.folder / "containers.conf", self.folder / "storage.conf"
        hard = (resource.getrlimit(limit)[1] for limit in _LIMITS)
        files, processes = (9000 if limit == resource.RLIM_INFINITY else min(limit, 9000) for limit in hard)
        containers.write_text(_CONTAINERS.format(files=files, processes=processes))
        storage.write_text(_STORAGE.format(folder=self.folder))
        return {"CONTAINERS_CONF": str(containers), "CONTAINERS_STORAGE_CONF": str(storage)}

    def _call(self, *words: str) -> str:
        done = subprocess.run(
            ["podman", *words], check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, **self.env}
        )
        return done.stdout.strip()

    def build(self, base: Path, repository: str, label: str) -> None:
        """Build service and initializer by the project's script, on a base made from Debian."""
        self._call("import", "--quiet", "--change", 'CMD ["python3"]', str(base), _BASE)
        # Nothing but the registry of packages is asked, in the way that this machine asks it.
        options = f"--pull=never --network host --volume {_CERTIFICATES}:{_CERTIFICATES}:ro"
        build = [str(FOLDER / "build"), label, repository]
        subprocess.run(
            build,
            check=True,
            env={**os.environ, **self.env, "ENGINE": "podman", "BUILD_ARGS": options},
        )

    def inspect(self, image: str) -> Mapping[str, Any]:
        """Tell what the engine knows of an image."""
        (found,) = json.loads(self._call("image", "inspect", image))
        return dict(found)

    def layers(self, image: str) -> Mapping[str, int]:
        """Give the layers of an image, and the bytes that each adds."""
        sizes = [int(row["size"]) for row in json.loads(self._call("history", "--format", "json", image))]
        digests = self.inspect(image)["RootFS"]["Layers"]
        kept = [size for size in reversed(sizes) if size > 0]
        return dict(zip(digests, kept, strict=True))

    def transferred(self, image: str) -> int:
        """Give the bytes of the uppermost layer, compressed as a registry has it."""
        folder = self.inspect(image)["GraphDriver"]["Data"]["UpperDir"]
        tar = subprocess.run(
            ["tar", "--gzip", "--create", "--file=-", "--directory", folder, "."],
            check=True,
            stdout=subprocess.PIPE,
        )
        return len(tar.stdout)

    def command(
        self, image: str, words: Sequence[str], env: Sequence[str] = (), mounts: Sequence[str] = ()
    ) -> list[str]:
        """Write the command that runs something in an image: not root, no privileges, a read-only root.

        Parameters
        ----------
        image
            Which.
        words
            What, after the image's entry point.
        env
            Options of the engine that hand variables on.
        mounts
            Folders that are there under the same name.
        """
        settings = [f"{name}={value}" for name, value in self.env.items()]
        # Without systemd its timers do not run; the check is called by hand.
        options = ["--rm", "--no-healthcheck", "--network", "host", "--read-only", "--user", _USER]
        locked = ["--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--tmpfs", "/tmp:rw,mode=1777"]  # noqa: S108 - the image's
        volumes = [word for path in mounts for word in ("--volume", f"{path}:{path}")]
        podman = shutil.which("podman") or "podman"
        return ["/usr/bin/env", *settings, podman, "run", *options, *locked, *env, *volumes, image, *words]

    def execute(self, name: str, words: Sequence[str]) -> int:
        """Run something in a running container; returns its exit code."""
        return subprocess.run(
            ["podman", "exec", name, *words], check=False, capture_output=True, env={**os.environ, **self.env}
        ).returncode

    def remove(self) -> None:
        """Remove all images and containers of this store."""
        self._call("system", "reset", "--force")
