import re
from pathlib import Path

import pytest

from adapters.files.deployment import (
    UnreadableDeploymentError,
    gather_facts,
    installed_packages,
    own_code,
    read_local,
)
from domain.pipelines import InvalidPipelinesError, Node, PipelinesConfig
from domain.runs import deployment_id


def config(*files: str, maps: tuple[str, ...] = (), source: str = "MAIN") -> PipelinesConfig:
    return PipelinesConfig(nodes=(Node(pipelines=files),), source=source, map_files=maps)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    paths = {name: tmp_path / name for name in ("Ap.yaml", "Pre.yaml", "dense.fits", "apdb.yaml")}
    for name, path in paths.items():
        path.write_text(name)
    return paths


def identity(files: dict[str, Path]) -> str:
    main = config(f"{files['Ap.yaml']}#isr", maps=(str(files["dense.fits"]),))
    preprocessing = config(str(files["Pre.yaml"]), source="PREPROCESSING")
    return deployment_id(gather_facts([main, preprocessing], str(files["apdb.yaml"]), read_local))


def test_the_same_installation_gives_the_same_id(files: dict[str, Path]) -> None:
    assert identity(files) == identity(files)


@pytest.mark.parametrize("changed", ["Ap.yaml", "Pre.yaml", "dense.fits", "apdb.yaml"])
def test_the_text_of_every_configured_file_is_in_the_id(files: dict[str, Path], changed: str) -> None:
    before = identity(files)
    files[changed].write_text("changed")
    after = identity(files)
    assert after != before
    assert after.split("-config-")[0] == before.split("-config-")[0]


def test_the_order_of_configurations_means_nothing(files: dict[str, Path]) -> None:
    both = [config(str(files["Ap.yaml"])), config(str(files["Pre.yaml"]))]
    assert gather_facts(both, "", read_local) == gather_facts(both[::-1], "", read_local)


def test_where_the_apdb_is_matters_as_well_as_what_it_says(files: dict[str, Path]) -> None:
    files["Ap.yaml"].write_text(files["apdb.yaml"].read_text())
    one, other = (gather_facts([], str(files[name]), read_local).apdb for name in ("Ap.yaml", "apdb.yaml"))
    assert one["content"] == other["content"]
    assert one["uri"] != other["uri"]


def test_pipelines_of_one_name_share_a_run_only_if_they_are_equal(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = tmp_path / "a" / "Ap.yaml", tmp_path / "b" / "Ap.yaml"
    for file in (one, other):
        file.parent.mkdir()
        file.write_text("tasks: {}")
    alone = gather_facts([config(str(one))], "", read_local)
    assert gather_facts([config(str(one)), config(str(other), source="PRE")], "", read_local) == alone
    assert "have the same base name and text, and share a run" in caplog.text
    for different in (str(other), f"{one}#isr"):
        other.write_text("tasks: {isr: lsst.ip.isr.IsrTaskLSST}")
        with pytest.raises(InvalidPipelinesError, match=r"^MAIN and PRE: ") as caught:
            gather_facts([config(str(one)), config(different, source="PRE")], "", read_local)
        assert f"{str(one)!r} and {different!r}" in str(caught.value)


@pytest.mark.parametrize("path", ["absent.yaml", "file:///absent.yaml", "a\0b"])
def test_an_unreadable_file_is_named(path: str) -> None:
    with pytest.raises(UnreadableDeploymentError, match=re.escape(path)):
        gather_facts([config(path)], "", read_local)


def test_a_uri_and_a_path_name_the_same_file(tmp_path: Path) -> None:
    file = tmp_path / "a b.yaml"
    file.write_bytes(b"text")
    assert read_local(str(file)) == read_local(file.as_uri()) == b"text"


def test_packages_have_versions_and_normal_names() -> None:
    packages = installed_packages()
    assert packages["pytest"] == pytest.__version__
    assert not [name for name in packages if name != name.lower() or "_" in name]


def test_own_code_is_all_that_a_worker_runs_and_nothing_compiled() -> None:
    code = own_code()
    assert {"domain/runs.py", "adapters/files/deployment.py", "cameras/simulated.yaml"} <= code.keys()
    assert {path.split("/")[0] for path in code} >= {"domain", "prompt_pipelines", "cameras"}
    assert not [path for path in code if "__pycache__" in path or path.startswith("simulator/")]
