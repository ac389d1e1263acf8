"""The wiring of a worker's child process."""

import socket
from pathlib import Path

from dependency_injector import containers, providers

from adapters.apdb.probe import ApdbProbe
from adapters.butler.camera.camera_stack import OurCameraStack
from adapters.butler.camera.rubin_packages import load_rubin, rubin_instrument
from adapters.butler.camera.rubin_stack import RubinCameraStack
from adapters.butler.predicted.predicted_repositories import PredictedRepositories
from adapters.butler.repository.full_repository import FullRepositories
from adapters.butler.repository.local_template import LocalTemplate
from adapters.butler.shared.central_repository import CentralRepositories
from adapters.butler.workspace.settings import WorkspaceSettings
from adapters.butler.workspace.workspace import ButlerWorkspace
from adapters.host import heap
from adapters.host.iers import use_iers_cache
from adapters.redis.ledger.claim_store import RedisClaimStore
from adapters.sql.claim_store import SqlClaimStore
from adapters.workspace_process.life import Life, MortalClaims
from adapters.workspace_process.server import serve
from application.ledger import StoredClaims
from domain import runs
from domain.cameras.camera import Camera
from entrypoints.containers.parts.addresses import is_sql, ledger_url
from entrypoints.containers.parts.deployment import (
    deployment_camera,
    deployment_facts,
    main_pipelines,
    preprocessing_pipelines,
)
from entrypoints.containers.parts.providing import singleton
from entrypoints.settings.worker import ChildSettings
from ports.history_store import ClaimStore
from ports.ledger import Claims
from ports.workspace import LocalWorkspace

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
        export_types=settings.export_types,
        export_outputs=settings.export_outputs,
        next_on_refusal=settings.next_on_refusal,
        export_raws=settings.export_raws,
        use_writer=settings.use_writer,
        change_tasks=settings.change_tasks,
        retry_delay=settings.repo_retry_delay,
        local_config=settings.local_repo_config,
    )


def _claim_store(settings: ChildSettings) -> RedisClaimStore | SqlClaimStore:
    address = ledger_url(settings.ledger, settings.stream.host, settings.redis)
    if is_sql(address):
        return SqlClaimStore(address)
    return RedisClaimStore(address, timeout=settings.redis.timeout)


def _central(workspace: WorkspaceSettings) -> CentralRepositories:
    return CentralRepositories(workspace.read_repo, workspace.central_repo)


def _stack(settings: ChildSettings, camera: Camera) -> OurCameraStack | RubinCameraStack:
    rubin = rubin_instrument(settings.deployment.instrument)
    if rubin is None:
        return OurCameraStack(camera)
    return RubinCameraStack(lambda: load_rubin(rubin), camera.pointing_error)


def _queried(
    settings: ChildSettings, folder: Path, workspace: WorkspaceSettings, central: CentralRepositories
) -> FullRepositories:
    template = LocalTemplate(
        central, settings.deployment.instrument, folder / "template", workspace.local_config
    )
    return FullRepositories(central, template)


def _repositories(
    settings: ChildSettings,
    folder: Path,
    workspace: WorkspaceSettings,
    central: CentralRepositories,
    queried: FullRepositories,
) -> FullRepositories | PredictedRepositories:
    if settings.queried:
        return queried
    return PredictedRepositories(
        central,
        queried,
        instrument=settings.deployment.instrument,
        folder=folder / "inputs",
        cache_size=settings.cache_size,
        extra_config=workspace.local_config,
    )


def _claims(settings: ChildSettings, store: ClaimStore, life: Life) -> MortalClaims:
    seconds = settings.claim_seconds
    if seconds is None:
        seconds = 2 * settings.worker_timeout + 120.0
    return MortalClaims(StoredClaims(store, seconds), life, seconds)


def _probe_apdb(settings: ChildSettings) -> ApdbProbe | None:
    address = settings.deployment.apdb
    return None if address == "none" else ApdbProbe(address)


def _workspace(
    settings: WorkspaceSettings,
    camera: Camera,
    stack: OurCameraStack | RubinCameraStack,
    central: CentralRepositories,
    repositories: FullRepositories | PredictedRepositories,
    claims: Claims,
    probe_apdb: ApdbProbe | None,
) -> ButlerWorkspace:
    return ButlerWorkspace(
        settings=settings,
        camera=camera,
        stack=stack,
        shared=central,
        repositories=repositories,
        claims=claims,
        probe_apdb=probe_apdb,
    )


def _serve(connection: socket.socket, workspace: LocalWorkspace, life: Life, deployment: str) -> None:
    serve(connection, workspace, release_memory=heap.release_memory, life=life, deployment=deployment)


def _prepare_astropy(settings: ChildSettings) -> None:
    use_iers_cache(settings.iers_cache)


class ChildContainer(containers.DeclarativeContainer):
    """Wires the Butler workspace from `ChildSettings`."""

    settings = providers.Dependency(instance_of=ChildSettings)
    folder = providers.Dependency(instance_of=Path)
    trim_heap = singleton(heap.trim_heap)
    reuse_memory = singleton(heap.reuse_memory)
    serve = providers.Object(_serve)
    prepare_astropy = singleton(_prepare_astropy, settings)

    deployment = singleton(lambda settings: settings.deployment, settings)
    camera = singleton(deployment_camera, deployment)
    preprocessing = singleton(preprocessing_pipelines, deployment)
    main = singleton(main_pipelines, deployment)
    facts = singleton(deployment_facts, deployment, preprocessing, main)
    deployment_id = singleton(runs.deployment_id, facts)

    workspace_settings = singleton(_workspace_settings, settings, folder, deployment_id)
    central = singleton(_central, workspace_settings)
    claim_store = singleton(_claim_store, settings)
    life = singleton(Life)
    claims = singleton(_claims, settings, claim_store, life)
    stack = singleton(_stack, settings, camera)
    queried = singleton(_queried, settings, folder, workspace_settings, central)
    repositories = singleton(_repositories, settings, folder, workspace_settings, central, queried)
    probe_apdb = singleton(_probe_apdb, settings)
    workspace = singleton(
        _workspace, workspace_settings, camera, stack, central, repositories, claims, probe_apdb
    )
