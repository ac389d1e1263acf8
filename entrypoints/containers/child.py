"""The wiring of a worker's child process."""

from pathlib import Path

from dependency_injector import containers, providers

from adapters.butler.camera.camera_stack import OurCameraStack
from adapters.butler.camera.rubin_packages import load_rubin, rubin_instrument
from adapters.butler.camera.rubin_stack import RubinCameraStack
from adapters.butler.predicted.predicted_repositories import PredictedRepositories
from adapters.butler.repository.full_repository import FullRepositories
from adapters.butler.repository.local_template import LocalTemplate
from adapters.butler.shared.central_repository import SharedRepositories
from adapters.butler.workspace.settings import WorkspaceSettings
from adapters.butler.workspace.workspace import ButlerWorkspace
from adapters.host.heap import give_back, spare_heap
from adapters.host.iers import use_iers_cache
from adapters.redis.claims import RedisClaims
from adapters.sqlite.claims import SqliteClaims
from adapters.workspace_process.server import serve
from entrypoints.containers.addresses import ledger_scheme, ledger_url
from entrypoints.containers.deployment import DeploymentContainer
from entrypoints.settings.worker import ChildSettings

__all__ = ["ChildContainer"]


def _workspace_settings(settings: ChildSettings, folder: Path, deployment: str) -> WorkspaceSettings:
    return WorkspaceSettings(
        central_repo=settings.deployment.central_repo,
        read_repo=settings.read_repo or settings.deployment.central_repo,
        folder=folder,
        deployment=deployment,
        skymap=settings.deployment.skymap,
        apdb_config=settings.deployment.apdb,
        padding=settings.padding,
        export_types=tuple(pattern.pattern for pattern in settings.export),
        export_outputs=settings.export_outputs,
        use_writer=settings.use_writer,
        change_tasks=settings.change_tasks,
        retry_delay=settings.repo_retry_delay,
        local_config=str(settings.local_repo_config) if settings.local_repo_config else None,
    )


class ChildContainer(containers.DeclarativeContainer):
    """Wires the Butler workspace from `ChildSettings`."""

    settings = providers.Dependency(instance_of=ChildSettings)

    folder = providers.Dependency(instance_of=Path)

    deployment = providers.Container(DeploymentContainer, settings=settings.provided.deployment)
    workspace_settings = providers.Singleton(_workspace_settings, settings, folder, deployment.deployment_id)
    shared = providers.Singleton(
        SharedRepositories, workspace_settings.provided.read_repo, workspace_settings.provided.central_repo
    )
    ledger_address = providers.Singleton(
        ledger_url, settings.provided.ledger, settings.provided.stream.host, settings.provided.redis
    )
    claims = providers.Selector(
        providers.Callable(ledger_scheme, ledger_address),
        redis=providers.Singleton(RedisClaims, ledger_address),
        sqlite=providers.Singleton(SqliteClaims, ledger_address),
    )
    template = providers.Singleton(
        LocalTemplate,
        shared,
        settings.provided.deployment.instrument,
        providers.Callable(lambda folder: folder / "template", folder),
        workspace_settings.provided.local_config,
    )
    rubin = providers.Singleton(rubin_instrument, settings.provided.deployment.instrument)
    stack = providers.Selector(
        providers.Callable(lambda name: "ours" if name is None else "rubin", rubin),
        ours=providers.Singleton(OurCameraStack, deployment.camera),
        rubin=providers.Singleton(RubinCameraStack, providers.Callable(load_rubin, rubin).provider),
    )
    queried = providers.Singleton(FullRepositories, shared, template)
    repositories = providers.Selector(
        providers.Callable(lambda queried: "queried" if queried else "predicted", settings.provided.queried),
        queried=queried,
        predicted=providers.Singleton(
            PredictedRepositories,
            shared,
            queried,
            instrument=settings.provided.deployment.instrument,
            folder=providers.Callable(lambda folder: folder / "inputs", folder),
            cache_size=settings.provided.cache_size,
            extra_config=workspace_settings.provided.local_config,
        ),
    )
    workspace = providers.Singleton(
        ButlerWorkspace,
        settings=workspace_settings,
        camera=deployment.camera,
        stack=stack,
        shared=shared,
        repositories=repositories,
        claims=claims,
    )
    spare_heap = providers.Callable(spare_heap)
    prepare_astropy = providers.Callable(use_iers_cache, settings.provided.iers_cache)
    serve = providers.Callable(serve, give_back=give_back)
