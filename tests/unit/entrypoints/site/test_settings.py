"""What `site.yaml` may say, and what is said of one that is wrong."""

import shutil
import subprocess
from pathlib import Path

import pytest

from entrypoints.containers.site import UnreadableFileError, read_site
from entrypoints.settings.pipelines import PIPELINES
from entrypoints.settings.site import SiteFolder, SitePipelines, SiteSettings
from entrypoints.site.settings_file import settings_text
from entrypoints.site.unit import unit_text


def settings_of(folder: Path, text: str) -> SiteSettings:
    site = SiteFolder(folder)
    site.settings.write_text(text)
    return read_site(site)


@pytest.mark.parametrize("pipelines", PIPELINES)
def test_the_file_of_a_new_site_says_what_counts_without_it(tmp_path: Path, pipelines: str) -> None:
    named = SiteSettings(pipelines=SitePipelines.named(pipelines))
    assert settings_of(tmp_path, settings_text(pipelines)) == named


def test_the_file_of_a_new_site_names_every_setting() -> None:
    keys = {line.partition(":")[0] for line in settings_text("ap-pipe").splitlines() if line[0:1].isalpha()}
    assert keys == {attribute.name for attribute in SiteSettings.__attrs_attrs__}


def test_all_faults_are_told_at_once_each_by_its_key(tmp_path: Path) -> None:
    text = "workers: many\nquiet_s: -1\npipelines: all\nincoming: []\nlog_level: LOUD\nwatched: []\n"
    with pytest.raises(UnreadableFileError) as caught:
        settings_of(tmp_path, text)
    said = str(caught.value)
    assert said.startswith(f"{tmp_path}/site.yaml: ")
    for fault in (
        "workers: 'many' is not a whole number",
        "pipelines: 'all' is none of",
        "unknown keys watched",
    ):
        assert fault in said


def test_values_out_of_range_are_refused_by_their_key(tmp_path: Path) -> None:
    for text, fault in (
        ("quiet_s: -1\n", "quiet_s: -1 is negative"),
        ("incoming: []\n", "incoming: names no folder"),
        ("log_level: LOUD\n", "log_level: 'LOUD' is none of"),
    ):
        with pytest.raises(UnreadableFileError, match=fault):
            settings_of(tmp_path, text)


def test_pipelines_of_ones_own_are_lists_of_nodes(tmp_path: Path) -> None:
    text = "pipelines:\n  preprocessing: [{pipelines: []}]\n  main: [{pipelines: [/home/me/Mine.yaml]}]\n"
    assert settings_of(tmp_path, text).pipelines == SitePipelines(
        preprocessing=[{"pipelines": []}], main=[{"pipelines": ["/home/me/Mine.yaml"]}]
    )


def test_watched_folders_are_beside_the_file_unless_they_are_elsewhere(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "incoming: [incoming, /data/camera]\n")
    assert SiteFolder(tmp_path).watched(settings) == (tmp_path / "incoming", Path("/data/camera"))


@pytest.mark.parametrize("folders", ["[incoming, incoming/tonight]", "[.]", "[raws]", "[run/x]", "[a, ./a]"])
def test_folders_that_are_one_in_the_other_are_refused(tmp_path: Path, folders: str) -> None:
    with pytest.raises(UnreadableFileError, match=r"site.yaml: incoming: .* are one in the other"):
        settings_of(tmp_path, f"incoming: {folders}\n")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
@pytest.mark.parametrize("name", ["site", 'my "100%" $ite'])
def test_systemd_accepts_the_unit(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    unit = tmp_path / "site.service"
    unit.write_text(unit_text(SiteFolder(folder), SiteSettings()))
    verify = ["systemd-analyze", "verify", str(unit)]
    done = subprocess.run(verify, capture_output=True, text=True, check=False)  # noqa: S603 - the system's
    assert (done.returncode, done.stderr) == (0, "")
