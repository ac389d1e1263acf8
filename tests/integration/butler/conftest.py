"""The repository of a small night, made once and copied for each test."""

import pickle
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from adapters.butler.workspace.settings import WorkspaceSettings
from adapters.butler.workspace.workspace import ButlerWorkspace
from tests.integration.butler import night as night_module
from tests.integration.butler.night import (
    CAMERA,
    CHANGE_TASK,
    DEPLOYMENT,
    DETECTOR,
    PIPELINES,
    ROOT,
    Bench,
    MakeWorkspace,
    Night,
    initialize_now,
    play,
)
from tests.integration.butler.repository import SKYMAP, make_central
from tests.made_once import made_once


@pytest.fixture(autouse=True, scope="session")
def project() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("PROMPT_PROCESSING_DIR", str(ROOT))
        yield


@pytest.fixture(scope="session")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Night]:
    """Central repository at the end of the afternoon, before the initializer."""
    root = made_once(tmp_path_factory, "night", _make_night)
    return root / "central", pickle.loads((root / "night").read_bytes())  # noqa: S301 - our own


def _make_night(root: Path) -> None:
    make_central(root / "central", CAMERA, (DETECTOR,))
    (root / "night").write_bytes(pickle.dumps(play(root / "bucket")))


@pytest.fixture(scope="session")
def initialized(untouched: tuple[Path, Night], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, after the initializer."""

    def make(root: Path) -> None:
        shutil.copytree(untouched[0], root / "central")
        initialize_now(root / "central", PIPELINES)

    return made_once(tmp_path_factory, "initialized", make) / "central"


@pytest.fixture
def night(untouched: tuple[Path, Night]) -> Night:
    return untouched[1]


@pytest.fixture
def central(initialized: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(initialized, tmp_path / "central"))


@pytest.fixture
def queries(request: pytest.FixtureRequest) -> bool:
    """Whether attempts have a registry of their own; workers do without (see `night.both_ways`)."""
    return bool(getattr(request, "param", False))


@pytest.fixture
def settings(central: Path, tmp_path: Path) -> WorkspaceSettings:
    return WorkspaceSettings(
        central_repo=str(central),
        read_repo=str(central),
        folder=tmp_path / "work",
        deployment=DEPLOYMENT,
        skymap=SKYMAP,
        apdb_config="",
        pipelines_root=ROOT,
        change_tasks=frozenset({CHANGE_TASK}),
    )


@pytest.fixture
def bench(settings: WorkspaceSettings, *, queries: bool) -> Bench:
    return Bench(settings=settings, queries=queries)


@pytest.fixture
def make_workspace(bench: Bench) -> Iterator[MakeWorkspace]:
    with ExitStack() as stack:

        def make(**changes: Any) -> ButlerWorkspace:
            workspace = night_module.make_workspace(bench, **changes)
            stack.callback(workspace.close)
            return workspace

        yield make
