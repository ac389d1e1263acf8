"""`initialize` and `deployment-id`, on a real repository."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from lsst.daf.butler import Butler

from adapters.files.cameras import find_camera
from domain.runs import chain, output_run, preload_run
from entrypoints.cli import main
from tests.integration.butler.repository import make_central

pytestmark = pytest.mark.slow

_CAMERA = find_camera("SimCam")
_PIPELINES = "${PROMPT_PROCESSING_DIR}/prompt_pipelines/pipelines"
_ID = re.compile(r"pipelines-[0-9a-f]{7}-config-[0-9a-f]{7}")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "central"
    make_central(root, _CAMERA, (4,))
    settings = {
        "RUBIN_INSTRUMENT": "SimCam",
        "CENTRAL_REPO": str(root),
        "SKYMAP": "none",
        "CONFIG_APDB": "none",
        "PREPROCESSING_PIPELINES_CONFIG": "- pipelines: []",
        "MAIN_PIPELINES_CONFIG": _config("SingleFrame", "Isr"),
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return root


def _config(*names: str) -> str:
    return json.dumps([{"pipelines": [f"{_PIPELINES}/{name}.yaml" for name in names]}])


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def _collections(root: Path) -> Sequence[str]:
    with Butler.from_config(str(root)) as butler:
        return butler.collections.query("SimCam/prompt/*", include_chains=True)


def test_a_deployment_is_initialized(repository: Path) -> None:
    refused = _run("initialize")
    assert refused.exit_code == 1, "dataset types are registered by nobody but who is told to"
    dry = _run("initialize", "--register-dataset-types", "--dry-run").stdout.splitlines()
    assert not _collections(repository)
    done = _run("initialize", "--register-dataset-types").stdout.splitlines()
    # Tomorrow's dataset types are there once today's have been registered: a dry run says them twice.
    assert list(dict.fromkeys(dry)) == [f"would be: {line}" for line in done]
    assert _run("initialize").stdout == "nothing to do\n"
    assert _run("initialize", "--dry-run").stdout == "nothing to do\n"
    deployment = _run("deployment-id").stdout.strip()
    days = sorted({found[0] for line in done if (found := re.search(r"\d{4}-\d\d-\d\d", line))})
    assert len(days) == 2
    with Butler.from_config(str(repository)) as butler:
        for day in days:
            day_chain = chain("SimCam", day)
            runs = [output_run(day_chain, f"{name}.yaml", deployment) for name in ("SingleFrame", "Isr")]
            children = butler.collections.get_info(day_chain).children
            assert list(children) == [*runs, preload_run(day_chain, deployment)]
            for run in runs:
                names = {ref.datasetType.name for ref in butler.query_all_datasets(run)}
                assert "packages" in names
                assert any(name.endswith("_config") for name in names)


def test_what_went_into_the_id_is_explained(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deployment = _run("deployment-id").stdout.strip()
    assert _ID.fullmatch(deployment)
    first, *facts = _run("deployment-id", "--explain").stdout.splitlines()
    assert first == deployment
    assert {line.split(" ")[0] for line in facts} == {"packages", "code", "pipelines"}
    assert any(line.startswith("packages 'lsst-daf-butler' ") for line in facts)
    assert any(line.startswith("pipelines 'SingleFrame' ") for line in facts)
    monkeypatch.setenv("MAIN_PIPELINES_CONFIG", _config("Isr"))
    other, *fewer = _run("deployment-id", "--explain").stdout.splitlines()
    assert other != deployment
    assert {line.split(" ")[1] for line in set(facts) ^ set(fewer)} == {"'SingleFrame'"}
    assert repository.exists()
