"""The facts from which the deployment id follows (docs/contracts/collections.md), as installed here."""

import hashlib
import importlib.metadata
import importlib.resources
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from urllib.request import url2pathname

from domain.errors import PromptProcessingError
from domain.pipelines import InvalidPipelinesError, PipelinesConfig, pipeline_name
from domain.runs import DeploymentFacts

__all__ = ["UnreadableDeploymentError", "gather_facts", "installed_packages", "own_code", "read_local"]

_LOG = logging.getLogger(__name__)

_OWN: Final = (
    "adapters",
    "application",
    "cameras",
    "domain",
    "entrypoints",
    "initializer",
    "ports",
    "prompt_pipelines",
    "raw_files",
)
"""Folders of this project that a worker runs or reads; simulator and workbench are none of them."""


class UnreadableDeploymentError(PromptProcessingError):
    """A file that belongs to the deployment cannot be read."""


def gather_facts(
    configs: Iterable[PipelinesConfig], apdb: str, read: Callable[[str], bytes]
) -> DeploymentFacts:
    """Gather all that makes this deployment differ from another.

    Parameters
    ----------
    configs
        The pipelines configurations of the deployment, in any order.
    apdb
        URI of the APDB's configuration; blank if there is none.
    read
        Reads a file by path or URI (see `read_local`).

    Raises
    ------
    InvalidPipelinesError
        Raised if files with the same base name differ: they would share a run.
    UnreadableDeploymentError
        Raised if a configured file cannot be read.
    """
    configs = list(configs)
    files = sorted({file for config in configs for file in config.files})
    texts = {file: _digest(read(file.partition("#")[0])) for file in files}
    if clash := _name_clash(texts):
        raise InvalidPipelinesError(f"{' and '.join(config.source for config in configs)}: {clash}")
    return DeploymentFacts(
        packages=installed_packages(),
        code=own_code(),
        pipelines={pipeline_name(file): text for file, text in texts.items()},
        maps={file: _digest(read(file)) for config in configs for file in config.map_files},
        apdb={"uri": apdb, "content": _digest(read(apdb))} if apdb else {},
    )


def _name_clash(texts: Mapping[str, str]) -> str:
    """Say which two pipelines of different contents would share a run; blank if none."""
    first: dict[str, str] = {}
    for file, text in texts.items():
        other = first.setdefault(pipeline_name(file), file)
        if (text, file.partition("#")[2]) != (texts[other], other.partition("#")[2]):
            return f"{other!r} and {file!r} have the same base name, would share a run, and differ"
        if other != file:
            _LOG.warning("%r and %r have the same base name and text, and share a run", other, file)
    return ""


def installed_packages() -> Mapping[str, str]:
    """List the versions of all distributions that Python can import from."""
    versions: dict[str, str] = {}
    for distribution in importlib.metadata.distributions():
        metadata = distribution.metadata  # read and parsed each time that it is asked for
        if (name := metadata["Name"]) is not None:
            # The first on the path is the one that is imported.
            versions.setdefault(name.lower().replace("_", "-"), metadata["Version"])
    return versions


def own_code() -> Mapping[str, str]:
    """Digest this project's own files, by their path within the project."""
    return {
        path: _digest(file.read_bytes())
        for name in _OWN
        for path, file in _files(importlib.resources.files(name), name)
    }


def read_local(path: str) -> bytes:
    """Read a file by path or ``file:`` URI.

    Raises
    ------
    UnreadableDeploymentError
        Raised if it cannot be read.
    """
    url = urlsplit(path)
    try:
        return Path(url2pathname(url.path) if url.scheme == "file" else path).read_bytes()
    except (OSError, ValueError) as error:
        raise UnreadableDeploymentError(f"{path}: {error}") from error


def _files(folder: Traversable, path: str) -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        inner = f"{path}/{entry.name}"
        if entry.name.startswith((".", "__pycache__")) or entry.name.endswith((".pyc", "~")):
            continue
        if entry.is_dir():
            yield from _files(entry, inner)
        else:
            yield inner, entry


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
