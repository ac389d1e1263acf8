"""What workers, their children and the initializer have in common."""

import os
from collections.abc import Mapping
from pathlib import Path

import entrypoints
from adapters.files.cameras import find_camera, load_camera
from adapters.files.deployment import gather_facts, read_local
from adapters.files.pipelines_config import parse_pipelines_config
from domain.cameras.camera import Camera
from domain.pipelines import PipelinesConfig, SkyMask
from domain.runs import DeploymentFacts
from entrypoints.settings.pipelines import DeploymentSettings, PipelinesSettings

__all__ = ["INSTALL", "deployment_camera", "deployment_facts", "main_pipelines", "preprocessing_pipelines"]

INSTALL = Path(entrypoints.__file__).resolve().parents[1]
"""Folder that holds this project's packages and data."""


def deployment_camera(settings: PipelinesSettings) -> Camera:
    """Load the camera of CAMERA_FILE, or the shipped one of the instrument."""
    if settings.camera_file is None:
        return find_camera(settings.instrument)
    return load_camera(settings.camera_file)


def preprocessing_pipelines(settings: PipelinesSettings) -> PipelinesConfig:
    """Read PREPROCESSING_PIPELINES_CONFIG."""
    return _pipelines(settings.preprocessing, "PREPROCESSING_PIPELINES_CONFIG")


def main_pipelines(settings: PipelinesSettings) -> PipelinesConfig:
    """Read MAIN_PIPELINES_CONFIG."""
    return _pipelines(settings.main, "MAIN_PIPELINES_CONFIG")


def deployment_facts(
    settings: DeploymentSettings, preprocessing: PipelinesConfig, main: PipelinesConfig
) -> DeploymentFacts:
    """Gather what the deployment id follows from."""
    return gather_facts((preprocessing, main), settings.apdb, read_local)


def _pipelines(text: str, variable: str) -> PipelinesConfig:
    return parse_pipelines_config(text, variable, _path_variables(os.environ), _map)


def _map(path: str) -> SkyMask:
    from adapters.files.healpix_map import read_healpix_map  # noqa: PLC0415 - 8 MB, and few name a map

    return read_healpix_map(path)


def _path_variables(environ: Mapping[str, str]) -> Mapping[str, str]:
    return {"PROMPT_PROCESSING_DIR": str(INSTALL), **environ}
