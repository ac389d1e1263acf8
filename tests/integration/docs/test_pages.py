"""The pages make a site in which every link leads somewhere; so do the README's, and the example runs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CAMERA = ROOT / "cameras" / "simulated.yaml"

pytestmark = pytest.mark.slow


def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    built = subprocess.run(  # noqa: S603 - nothing of it comes from outside
        [
            *(sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going", "--quiet"),
            *("--builder", "html", "--doctree-dir", tmp_path / "doctrees", ROOT / "docs", tmp_path / "site"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    pages = {page.relative_to(ROOT / "docs").with_suffix(".html") for page in (ROOT / "docs").rglob("*.md")}
    assert {page for page in pages if not (tmp_path / "site" / page).exists()} == set()


def test_the_links_of_the_readme_lead_somewhere() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / "README.md").read_text())
    assert len(links) > 5
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_repository_and_apdb_are_set_up_as_the_example_says(tmp_path: Path) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "adapting.md").read_text(), re.DOTALL)
    (tmp_path / "my.yaml").write_text(CAMERA.read_text())
    made = subprocess.run(  # noqa: S603 - nothing of it comes from outside
        [sys.executable, "-c", example],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr.decode()
    assert (tmp_path / "central" / "butler.yaml").exists()
    assert (tmp_path / "apdb.yaml").exists()
