"""The initializer's wiring."""

from pathlib import Path

from attrs import astuple
from dependency_injector import containers, providers

from adapters.butler.initializer.deployment_outputs import ButlerDeploymentOutputs
from adapters.host.clock import SystemClock
from application.initialize import Initializer
from domain import runs
from domain.pipelines import PipelinesConfig
from entrypoints.containers.parts.deployment import deployment_facts, main_pipelines, preprocessing_pipelines
from entrypoints.containers.parts.providing import singleton
from entrypoints.settings.pipelines import DeploymentSettings
from initializer.settings import InitializerSettings
from ports.clock import Clock
from ports.deployment_outputs import DeploymentOutputs

__all__ = ["InitializerContainer"]


def _outputs(deployment: DeploymentSettings) -> ButlerDeploymentOutputs:
    return ButlerDeploymentOutputs(
        deployment.central_repo,
        inputs=astuple(runs.input_collections(deployment.instrument)),
        pipelines_root=Path(),
        apdb_config=deployment.apdb,
    )


def _initializer(
    deployment: DeploymentSettings,
    deployment_id: str,
    preprocessing: PipelinesConfig,
    main: PipelinesConfig,
    outputs: DeploymentOutputs,
    clock: Clock,
) -> Initializer:
    return Initializer(
        instrument=deployment.instrument,
        deployment=deployment_id,
        pipelines=tuple(dict.fromkeys((*preprocessing.files, *main.files))),
        outputs=outputs,
        clock=clock,
    )


class InitializerContainer(containers.DeclarativeContainer):
    """Wires `Initializer` from `InitializerSettings`."""

    settings = providers.Dependency(instance_of=InitializerSettings)

    deployment = singleton(lambda settings: settings.deployment, settings)
    preprocessing = singleton(preprocessing_pipelines, deployment)
    main = singleton(main_pipelines, deployment)
    facts = singleton(deployment_facts, deployment, preprocessing, main)
    deployment_id = singleton(runs.deployment_id, facts)
    clock = singleton(SystemClock)
    outputs = singleton(_outputs, deployment)
    initializer = singleton(_initializer, deployment, deployment_id, preprocessing, main, outputs, clock)
