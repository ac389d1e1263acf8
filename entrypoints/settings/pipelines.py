"""Settings that workers and the initializer must have in common: what is run, and on what.

The deployment id follows from these; both processes read this one class, so
that they cannot differ by construction.
"""

from attrs import frozen

from entrypoints.settings.environment import setting
from entrypoints.settings.parsers import optional, or_none, text

__all__ = ["DeploymentSettings"]


@frozen(kw_only=True)
class DeploymentSettings:
    """What makes a deployment."""

    instrument: str = setting("RUBIN_INSTRUMENT", text, "short name of the instrument")
    camera_file: str | None = setting(
        "CAMERA_FILE", optional, "camera's YAML file; by default the shipped one", default=""
    )
    central_repo: str = setting("CENTRAL_REPO", text, "shared Butler repository to write to")
    skymap: str = setting("SKYMAP", text, "name of the skymap of the templates")
    preprocessing: str = setting(
        "PREPROCESSING_PIPELINES_CONFIG", text, "YAML: pipelines to run before the images come"
    )
    main: str = setting("MAIN_PIPELINES_CONFIG", text, "YAML: pipelines to run on the images")
    apdb: str = setting("CONFIG_APDB", or_none, "URI of the APDB's configuration, or `none`")
