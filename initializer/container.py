"""The initializer's wiring."""

from collections.abc import Sequence
from pathlib import Path

from attrs import astuple
from dependency_injector import containers, providers

from adapters.butler.initializer.deployment_outputs import ButlerDeploymentOutputs
from adapters.host.clock import SystemClock
from application.initialize import Initializer
from domain.pipelines import PipelinesConfig
from domain.runs import input_collections
from entrypoints.containers.deployment import DeploymentContainer
from initializer.settings import InitializerSettings

__all__ = ["InitializerContainer"]


def _files(*configs: PipelinesConfig) -> Sequence[str]:
    return tuple(dict.fromkeys(file for config in configs for file in config.files))


def _inputs(instrument: str) -> Sequence[str]:
    return astuple(input_collections(instrument))


class InitializerContainer(containers.DeclarativeContainer):
    """Wires `Initializer` from `InitializerSettings`."""

    settings = providers.Dependency(instance_of=InitializerSettings)

    deployment = providers.Container(DeploymentContainer, settings=settings.provided.deployment)
    outputs = providers.Singleton(
        ButlerDeploymentOutputs,
        settings.provided.deployment.central_repo,
        inputs=providers.Callable(_inputs, settings.provided.deployment.instrument),
        pipelines_root=Path(),
        apdb_config=settings.provided.deployment.apdb,
    )
    initializer = providers.Singleton(
        Initializer,
        instrument=settings.provided.deployment.instrument,
        deployment=deployment.deployment_id,
        pipelines=providers.Callable(_files, deployment.preprocessing, deployment.main),
        outputs=outputs,
        clock=providers.Singleton(SystemClock),
    )
