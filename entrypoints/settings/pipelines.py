"""Settings that workers and the initializer must have in common: what is run, and on what.

The deployment id follows from these; both processes read this one class, so
that they cannot differ by construction.
"""

from collections.abc import Mapping

from attrs import frozen

from entrypoints.settings.environment import setting
from entrypoints.settings.parsers import optional, or_none, text

__all__ = ["AP_PIPE", "PIPELINES", "SINGLE_FRAME", "DeploymentSettings", "PipelinesSettings"]

_PIPELINES = "${PROMPT_PROCESSING_DIR}/prompt_pipelines/pipelines"

SINGLE_FRAME: Mapping[str, object] = {
    "PREPROCESSING_PIPELINES_CONFIG": [{"pipelines": []}],
    "MAIN_PIPELINES_CONFIG": [{"pipelines": [f"{_PIPELINES}/SingleFrame.yaml", f"{_PIPELINES}/Isr.yaml"]}],
}
"""Instrument signature removal and source detection; the first alone if the second cannot be."""

AP_PIPE: Mapping[str, object] = {
    "PREPROCESSING_PIPELINES_CONFIG": [{"pipelines": [f"{_PIPELINES}/Preprocessing.yaml"]}],
    "MAIN_PIPELINES_CONFIG": [
        {"pipelines": [f"{_PIPELINES}/{name}.yaml" for name in ("ApPipe", "SingleFrame", "Isr")]}
    ],
}
"""From raws to alerts; the single frame, or its signature removal, where there is no template."""

PIPELINES: Mapping[str, Mapping[str, object]] = {"ap-pipe": AP_PIPE, "single-frame": SINGLE_FRAME}
"""By the names that people give them."""


@frozen(kw_only=True)
class PipelinesSettings:
    """What is run, and on the images of which camera."""

    instrument: str = setting("RUBIN_INSTRUMENT", text, "short name of the instrument")
    camera_file: str | None = setting(
        "CAMERA_FILE", optional, "camera's YAML file; by default the shipped one", default=""
    )
    preprocessing: str = setting(
        "PREPROCESSING_PIPELINES_CONFIG", text, "YAML: pipelines to run before the images come"
    )
    main: str = setting("MAIN_PIPELINES_CONFIG", text, "YAML: pipelines to run on the images")


@frozen(kw_only=True)
class DeploymentSettings(PipelinesSettings):
    """What makes a deployment."""

    central_repo: str = setting("CENTRAL_REPO", text, "shared Butler repository to write to")
    skymap: str = setting("SKYMAP", text, "name of the skymap of the templates")
    apdb: str = setting("CONFIG_APDB", or_none, "URI of the APDB's configuration, or `none`")
