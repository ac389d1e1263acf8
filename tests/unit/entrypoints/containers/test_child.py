"""What of a worker's child hangs on its settings."""

from pathlib import Path

import pytest

from adapters.butler.predicted.predicted_repositories import PredictedRepositories
from adapters.butler.repository.full_repository import FullRepositories
from entrypoints.containers.child import ChildContainer
from entrypoints.settings.environment import read_settings
from entrypoints.settings.worker import ChildSettings

NEEDED = {
    "RUBIN_INSTRUMENT": "SimCam",
    "SKYMAP": "none",
    "CENTRAL_REPO": "/central",
    "CONFIG_APDB": "none",
    "WORKER_TIMEOUT": "900",
    "PREPROCESSING_PIPELINES_CONFIG": '[{"pipelines": []}]',
    "MAIN_PIPELINES_CONFIG": '[{"pipelines": []}]',
    "REDIS_STREAM_HOST": "127.0.0.1",
    "REDIS_STREAM_NAME": "stream",
    "REDIS_STREAM_CONSUMER_GROUP": "workers",
}


def _container(folder: Path, **settings: str) -> ChildContainer:
    container = ChildContainer(settings=read_settings(ChildSettings, NEEDED | settings), folder=folder)
    container.check_dependencies()
    return container


@pytest.mark.parametrize(
    ("setting", "expected"),
    [("", PredictedRepositories), ("0", PredictedRepositories), ("1", FullRepositories)],
)
def test_a_local_registry_is_there_if_asked_for(tmp_path: Path, setting: str, expected: type) -> None:
    container = _container(tmp_path, LOCAL_REPO_REGISTRY=setting)
    assert isinstance(container.repositories(), expected)
    assert container.workspace() is container.workspace()


def test_the_workspace_is_told_what_the_settings_say(tmp_path: Path) -> None:
    told = _container(
        tmp_path,
        READ_CENTRAL_REPO="/elsewhere",
        DEBUG_EXPORT_OUTPUTS="0",
        EXPORT_TYPE_REGEXP='["a.*", "b"]',
        REPO_RETRY_DELAY="7",
    ).workspace_settings()
    assert (told.read_repo, told.central_repo) == ("/elsewhere", "/central")
    assert not told.export_outputs
    assert [pattern.pattern for pattern in told.export_types] == ["a.*", "b"]
    assert told.retry_delay == 7
