"""The repository of a small night, made once and copied for each test."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from adapters.butler.settings import WorkspaceSettings
from adapters.butler.workspace import ButlerWorkspace
from simulator.repository import make_repository
from tests.integration.butler import night as night_module
from tests.integration.butler.night import DEPLOYMENT, Bench, MakeWorkspace, Night, make_plan, play

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Night]:
    root = tmp_path_factory.mktemp("night")
    plan = make_plan()
    make_repository(root / "central", plan)
    return root / "central", play(plan, root / "bucket")


@pytest.fixture(autouse=True)
def project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMPT_PROCESSING_DIR", str(ROOT))


@pytest.fixture
def night(pristine: tuple[Path, Night]) -> Night:
    return pristine[1]


@pytest.fixture
def central(pristine: tuple[Path, Night], tmp_path: Path) -> Path:
    return Path(shutil.copytree(pristine[0], tmp_path / "central"))


@pytest.fixture
def bench(central: Path, tmp_path: Path) -> Bench:
    settings = WorkspaceSettings(
        central_repo=str(central),
        read_repo=str(central),
        folder=tmp_path / "work",
        deployment=DEPLOYMENT,
        skymap="none",
        apdb_config=str(tmp_path / "apdb.yaml"),
        pipelines_root=Path(__file__).parent / "pipelines",
    )
    return Bench(settings=settings)


@pytest.fixture
def make_workspace(bench: Bench) -> Iterator[MakeWorkspace]:
    with ExitStack() as stack:

        def make(**changes: Any) -> ButlerWorkspace:
            workspace = night_module.make_workspace(bench, **changes)
            stack.callback(workspace.close)
            return workspace

        yield make
