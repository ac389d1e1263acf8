"""Configuration of local repositories: what the shared one says of types and files holds there too."""

from lsst.daf.butler import Config
from lsst.resources import ResourcePath

from adapters.butler.shared.central_repository import CentralRepositories
from adapters.butler.shared.steps import one_line
from ports.workspace import WorkspaceError

__all__ = ["LocalConfigError", "local_config"]

_SHARED_KEYS = (
    ("storageClasses",),
    ("datastore", "formatters"),
    ("datastore", "templates"),
    ("datastore", "composites"),
)


class LocalConfigError(WorkspaceError):
    """The configuration to merge into that of local repositories cannot be read, or is none."""


def local_config(shared: CentralRepositories, extra: str | None = None) -> Config:
    """Make the configuration of a local repository.

    Parameters
    ----------
    shared
        The central repositories.
    extra
        Butler configuration to merge, if any: a file, or its URI.

    Raises
    ------
    LocalConfigError
        Raised if `extra` cannot be read, or is no Butler configuration.
    """
    source = Config(shared.read_config.configFile)
    config = Config()
    for key in _SHARED_KEYS:
        if key in source:
            config[key] = source[key]
    if extra is not None:
        config.update(_read(extra))
    return config


def _read(uri: str) -> Config:
    try:
        content = Config(ResourcePath(uri))
    # Each store's client has errors of its own, and so has YAML.
    except Exception as error:
        raise LocalConfigError(f"LOCAL_REPO_CONFIG: {uri} cannot be read: {one_line(error)}") from error
    if wrong := _no_mapping(content):
        raise LocalConfigError(f"LOCAL_REPO_CONFIG: {uri} is no Butler configuration: {wrong} is no mapping")
    return content


def _no_mapping(content: Config) -> str:
    """Name what should be a mapping and is none; blank if all is well."""
    try:
        content.toDict()
    except AttributeError:  # of a list or a text Config makes one too
        return "the whole"
    for key in _SHARED_KEYS:
        for part in (key[:end] for end in range(1, len(key) + 1)):
            if part in content and not isinstance(content[part], Config):
                return ".".join(part)
    return ""
