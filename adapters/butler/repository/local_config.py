"""Configuration of local repositories: what the shared one says of types and files holds there too."""

from lsst.daf.butler import Config

from adapters.butler.shared.central_repository import SharedRepositories

__all__ = ["local_config"]

_SHARED_KEYS = (
    ("storageClasses",),
    ("datastore", "formatters"),
    ("datastore", "templates"),
    ("datastore", "composites"),
)


def local_config(shared: SharedRepositories, extra: str | None = None) -> Config:
    """Make the configuration of a local repository.

    Parameters
    ----------
    shared
        The shared repositories.
    extra
        File of Butler configuration to merge, if any.
    """
    source = Config(shared.read_config.configFile)
    config = Config()
    for key in _SHARED_KEYS:
        if key in source:
            config[key] = source[key]
    if extra is not None:
        config.update(Config(extra))
    return config
