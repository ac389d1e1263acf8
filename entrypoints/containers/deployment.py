"""What workers, their children and the initializer have in common."""

import os
from collections.abc import Mapping
from pathlib import Path

from dependency_injector import containers, providers

from adapters.files.cameras import find_camera, load_camera
from adapters.files.deployment import gather_facts, read_local
from adapters.files.pipelines_config import parse_pipelines_config
from domain.cameras.camera import Camera
from domain.pipelines import PipelinesConfig, SkyMask
from domain.runs import DeploymentFacts, deployment_id
from entrypoints.settings.pipelines import DeploymentSettings

__all__ = ["INSTALL", "DeploymentContainer"]

INSTALL = Path(__file__).resolve().parents[2]
"""Folder that holds this project's packages and data."""


def _camera(settings: DeploymentSettings) -> Camera:
    if settings.camera_file is None:
        return find_camera(settings.instrument)
    return load_camera(settings.camera_file)


def _pipelines(text: str, variable: str) -> PipelinesConfig:
    return parse_pipelines_config(text, variable, _path_variables(os.environ), _map)


def _map(path: str) -> SkyMask:
    from adapters.files.healpix_map import read_healpix_map  # noqa: PLC0415 - 8 MB, and few name a map

    return read_healpix_map(path)


def _path_variables(environ: Mapping[str, str]) -> Mapping[str, str]:
    return {"PROMPT_PROCESSING_DIR": str(INSTALL), **environ}


def _facts(preprocessing: PipelinesConfig, main: PipelinesConfig, apdb: str) -> DeploymentFacts:
    return gather_facts((preprocessing, main), apdb, read_local)


class DeploymentContainer(containers.DeclarativeContainer):
    """Camera, choice of pipelines and deployment id, from `DeploymentSettings`."""

    settings = providers.Dependency(instance_of=DeploymentSettings)

    camera = providers.Singleton(_camera, settings)
    preprocessing = providers.Singleton(
        _pipelines, settings.provided.preprocessing, "PREPROCESSING_PIPELINES_CONFIG"
    )
    main = providers.Singleton(_pipelines, settings.provided.main, "MAIN_PIPELINES_CONFIG")
    facts = providers.Singleton(_facts, preprocessing, main, settings.provided.apdb)
    deployment_id = providers.Singleton(deployment_id, facts)
