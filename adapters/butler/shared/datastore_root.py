"""Where the files of a central repository are, for those that write beside them.

The worker's parent needs no more than this one word of the repository's
configuration, and importing the Butler for it would double its memory: the
configuration is read as the YAML that it is.
"""

import os
from collections.abc import Mapping
from typing import Any

from lsst.resources import ResourcePath

from adapters.common.yaml_loader import NotYamlError, load_yaml
from domain.errors import PromptProcessingError

__all__ = ["UnreadableRepositoryError", "datastore_root"]

_ROOT = "<butlerRoot>"


class UnreadableRepositoryError(PromptProcessingError):
    """A repository's configuration cannot be read, or names no datastore root."""


def datastore_root(repository: str) -> str:
    """Find the root of a repository's datastore, as a URI that ends in ``/``.

    Parameters
    ----------
    repository
        URI of the repository or of its configuration, or its label.

    Raises
    ------
    UnreadableRepositoryError
        Raised if the repository does not tell.
    """
    try:
        uri = ResourcePath(_labelled(repository), forceAbsolute=True)
    except NotImplementedError as error:
        raise UnreadableRepositoryError(f"{repository}: {error}") from error
    if uri.getExtension() not in {".yaml", ".yml"}:
        uri = ResourcePath(uri.geturl(), forceDirectory=True).join("butler.yaml")
    config = _read(uri)
    root = _root_of(config.get("datastore", {}))
    if root is None:
        raise UnreadableRepositoryError(f"{repository}: {uri} names no datastore root")
    home = str(config.get("root") or uri.dirname().geturl())
    text = root.replace(_ROOT, home.rstrip("/"))
    # What understands S3 takes 15 MiB; any other scheme is understood, or refused, before work begins.
    if text.startswith("s3://"):
        return f"{text.rstrip('/')}/"
    return ResourcePath(text, forceDirectory=True).geturl()


def _labelled(repository: str) -> str:
    """Look a label up as the Butler does; anything else is a URI."""
    text = os.environ.get("DAF_BUTLER_REPOSITORIES")
    index = os.environ.get("DAF_BUTLER_REPOSITORY_INDEX")
    if index:
        return str(_read(ResourcePath(index)).get(repository, repository))
    if text:
        return str(_mapping(text, "DAF_BUTLER_REPOSITORIES").get(repository, repository))
    return repository


def _root_of(datastore: Any) -> str | None:  # noqa: ANN401 - whatever the YAML holds
    if not isinstance(datastore, Mapping):
        return None
    if isinstance(datastore.get("root"), str):
        return str(datastore["root"])
    # A chain of datastores: the first with a root gets a worker's files first.
    members = datastore.get("datastores", [])
    roots = (_root_of(member.get("datastore", member)) for member in members if isinstance(member, Mapping))
    return next((root for root in roots if root is not None), None)


def _read(uri: ResourcePath) -> Mapping[str, Any]:
    try:
        return _mapping(uri.read().decode(), str(uri))
    except (OSError, ValueError) as error:
        raise UnreadableRepositoryError(f"{uri}: {error}") from error


def _mapping(text: str, source: str) -> Mapping[str, Any]:
    try:
        content = load_yaml(text)
    except NotYamlError as error:
        raise UnreadableRepositoryError(f"{source}: {error}") from error
    if not isinstance(content, Mapping):
        raise UnreadableRepositoryError(f"{source}: is not a mapping")
    return content
