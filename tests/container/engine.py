"""Builds the image's stages in folders, and runs commands in them: chroot, mounts, and no engine."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import evolve, field, frozen

from entrypoints.containers.parts.deployment import INSTALL
from tests.container.dockerfile import DOCKERFILE, Ignored, Stage, argv, pairs

__all__ = ["Image", "build", "entering"]

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_CERTIFICATES = "/etc/ssl/certs"
_FROM_HERE = (
    *("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
    *("PIP_CERT", "PIP_DEFAULT_TIMEOUT", "PIP_INDEX_URL", "SSL_CERT_FILE"),
)
"""How packages are reached from this machine; an engine has its own ways."""


@frozen(kw_only=True)
class Image:
    """A root folder, and how commands are run in it."""

    root: Path
    env: Mapping[str, str] = field(factory=lambda: {"PATH": _PATH})
    labels: Mapping[str, str] = field(factory=dict)
    shell: Sequence[str] = ("/bin/sh", "-c")
    workdir: str = "/"
    user: str = "0:0"
    entrypoint: Sequence[str] = ()
    cmd: Sequence[str] = ()
    healthcheck: Sequence[str] = ()


_FILES = frozenset({"RUN", "COPY", "WORKDIR"})
"""Instructions that change the root."""


def build(stages: Sequence[Stage], base: Path, folder: Path, *, again: bool = False) -> Mapping[str, Image]:
    """Build stages in order; the base is copied, a stage without files of its own shares its base's root.

    With `again` the roots are taken as an earlier build has left them.
    """
    images: dict[str, Image] = {}
    for stage in stages:
        image = images.get(stage.base) or Image(root=base)
        if any(step.verb in _FILES for step in stage.instructions):
            root = folder / stage.name
            if not again:
                subprocess.run(["cp", "--archive", "--reflink=auto", str(image.root), str(root)], check=True)
            image = evolve(image, root=root)
        for step in stage.instructions:
            image = _configured(image, step.verb, step.text)
            if step.verb in _FILES and not again:
                _change(image, step.verb, step.text, stage.arguments, images)
        images[stage.name] = image
    return images


def _configured(image: Image, verb: str, text: str) -> Image:
    match verb:
        case "WORKDIR":
            return evolve(image, workdir=text)
        case "ENV":
            return evolve(image, env={**image.env, **pairs(text)})
        case "LABEL":
            return evolve(image, labels={**image.labels, **pairs(text)})
        case "USER":
            return evolve(image, user=text if ":" in text else f"{text}:{text}")
        case "SHELL":
            return evolve(image, shell=argv(text))
        case "ENTRYPOINT":
            return evolve(image, entrypoint=argv(text))
        case "CMD":
            return evolve(image, cmd=argv(text))
        case "HEALTHCHECK":
            command = text.partition("CMD ")[2]
            return evolve(image, healthcheck=argv(command) if command else ())
    return image


def _change(
    image: Image, verb: str, text: str, arguments: Mapping[str, str], images: Mapping[str, Image]
) -> None:
    match verb:
        case "RUN":
            print(f"RUN {text}", flush=True)
            _run(image, text, arguments)
        case "COPY":
            _copy(image, text, images)
        case _:
            (image.root / text.lstrip("/")).mkdir(parents=True, exist_ok=True)


def _run(image: Image, text: str, arguments: Mapping[str, str]) -> None:
    passed = {name: os.environ[name] for name in _FROM_HERE if name in os.environ}
    certificates = f"mount --bind {_CERTIFICATES} {image.root}{_CERTIFICATES}"
    script = entering(
        image, [*image.shell, text], {**passed, **arguments, "HOME": "/root"}, (certificates,), writable=True
    )
    subprocess.run(["/bin/sh", "-c", script], check=True, env={"PATH": os.environ["PATH"]})


def _copy(image: Image, text: str, images: Mapping[str, Image]) -> None:
    words = text.split()
    source = INSTALL
    if words[0].startswith("--from="):
        source = images[words.pop(0).removeprefix("--from=")].root
    *names, target = words
    to = image.root / (target if target.startswith("/") else f"{image.workdir}/{target}").lstrip("/")
    for name in names:
        if name == "." and source == INSTALL:
            _copy_context(to)
        else:
            _copy_one(source / name.lstrip("/"), to / Path(name).name if target.endswith("/") else to)


def _copy_context(to: Path) -> None:
    ignored = Ignored.read(DOCKERFILE.with_name("Dockerfile.dockerignore"))
    for name in ignored.kept:
        _copy_one(INSTALL / name, to / name, ignored.patterns)


def _copy_one(source: Path, to: Path, patterns: Sequence[str] = ()) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(
            source, to, symlinks=True, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*patterns)
        )
    else:
        shutil.copy2(source, to)


def entering(
    image: Image,
    command: Sequence[str],
    env: Mapping[str, str],
    mounts: Sequence[str] = (),
    *,
    writable: bool = False,
) -> str:
    """Write the shell command that runs something in an image.

    Parameters
    ----------
    image
        Where, as its user and with its variables.
    command
        What; ``"$@"`` stands for the arguments of the shell that runs the result.
    env
        Variables beside the image's.
    mounts
        Further commands, run after a fresh ``/tmp`` was mounted.
    writable
        Whether the root is.
    """
    root = shlex.quote(str(image.root))
    words = " ".join(word if word == '"$@"' else shlex.quote(word) for word in command)
    variables = " ".join(shlex.quote(f"{name}={value}") for name, value in {**env, **image.env}.items())
    steps = [
        f"mount --bind {root} {root}",
        *([] if writable else [f"mount -o remount,bind,ro {root}"]),
        f"mount --rbind /proc {root}/proc",
        f"mount --rbind /dev {root}/dev",
        f"mount -t tmpfs -o mode=1777 tmpfs {root}/tmp",  # noqa: S108 - the image's
        *mounts,
        # As in the cluster: no privileges, and none to be had.
        f"exec setpriv --no-new-privs chroot --userspec={image.user} --groups={image.user.partition(':')[2]} "
        f"{root} /usr/bin/env --chdir={image.workdir} {variables} {words}",
    ]
    return f'exec unshare --mount /bin/sh -ec {shlex.quote("; ".join(steps))} enter "$@"'
