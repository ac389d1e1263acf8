"""Nights of the past, taken into a site one after the other."""

import importlib.resources
from pathlib import Path

import numpy as np
import pytest
import yaml
from astropy.io import fits
from click.testing import CliRunner
from lsst.daf.butler import Butler

import prompt_processing
from adapters.files.cameras import load_camera
from benchmarks.services.site_process import Site, wait_until
from domain.cameras.camera import Camera
from domain.times import TaiSeconds
from entrypoints.cli import main
from entrypoints.settings.site import SiteFolder
from entrypoints.site import lock
from entrypoints.site.nights.calibrations import make_masters
from simulator.summit.short_nights import Field, ShortNights
from tests.integration.site.here import call, invoke
from tests.unit.simulator.recorded import write_night
from workbench.masters.calibration_repository import CalibrationRepository
from workbench.night_repository import add_reference
from workbench.site_repository import make_site_repository

pytestmark = pytest.mark.slow

FIELDS = (
    Field(name="one", ra=149.9, dec=2.2, physical_filter="r_sim"),
    Field(name="two", ra=210.0, dec=-30.0, physical_filter="i_sim"),
)


def small_camera(folder: Path) -> Camera:
    """Write the simulated camera with its middle detector alone."""
    shipped = yaml.safe_load((importlib.resources.files("cameras") / "simulated.yaml").read_text())
    shipped["detectors"] = shipped["detectors"][4:5]
    file = folder / "camera.yaml"
    file.write_text(yaml.safe_dump(shipped))
    return load_camera(str(file))


def supernovae(folder: Path, sight: float = 0.5) -> dict[str, dict[int, int]]:
    """Find, for each field, the DiaObject at its supernova on each visit."""
    found: dict[str, dict[int, int]] = {}
    with prompt_processing.open(folder) as results:
        sources = results.dia_sources
    for field in FIELDS:
        ra, dec = field.supernova
        east = (np.asarray(sources["ra"]) - ra) * np.cos(np.deg2rad(dec))
        near = np.hypot(east, np.asarray(sources["dec"]) - dec) * 3600.0 < sight
        found[field.name] = {int(one["visit"]): int(one["object"]) for one in sources[near]}
    return found


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_supernova_that_shines_all_night_is_found_by_the_templates_of_the_night_before(
    tmp_path: Path,
) -> None:
    camera, folder = small_camera(tmp_path), tmp_path / "site"
    site = Site(folder)
    nights = ShortNights(camera=camera, fields=FIELDS, begin=TaiSeconds(1_773_456_164.0))
    paths = [
        nights.write(tmp_path / f"night{night}", night, visits) for night, visits in enumerate((3, 2, 1))
    ]
    call("init", site.folder, "--camera", str(tmp_path / "camera.yaml"))
    site.change_settings(workers=1)
    with Butler.from_config(str(folder / "central"), writeable=True) as butler:
        for field in FIELDS:
            add_reference(butler, camera.instrument, nights.sky(field, 0).stars)
    torn = tmp_path / "night0" / "torn.fits"
    torn.write_bytes(paths[0][0].read_bytes()[:100_000])
    said = site.call("import", str(tmp_path / "night0"))
    assert "files: 6 taken, 1 unfinished" in said
    assert "images: 6 completed (SingleFrame)" in said
    assert str(torn) in said
    built = CliRunner().invoke(main, ["templates", "build", str(folder / "central")])
    assert built.exit_code == 0, built.output
    said = site.call("import", str(tmp_path / "night1"))
    assert "images: 4 completed (ApPipe)" in said
    second = supernovae(folder)
    for objects in second.values():
        assert len(objects) == 2
        assert len(set(objects.values())) == 1
    with site.running():
        wait_until(lambda: lock.find_holder(SiteFolder(folder)) is not None)
        said = site.call("import", str(tmp_path / "night2"))
        assert "is run already by process" in said
        assert "images: 2 completed (ApPipe)" in said
    for name, objects in supernovae(folder).items():
        assert len(objects) == 3
        assert set(objects.values()) == set(second[name].values())


def test_masters_are_made_of_a_night_for_which_the_site_has_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    camera = small_camera(tmp_path)
    site, night = SiteFolder(tmp_path / "site"), tmp_path / "night"
    night.mkdir()
    write_night(night, camera, lights=1, biases=4, flats=4)
    make_site_repository(site.central, camera)
    make_masters(site, camera, night, replace=True)
    with CalibrationRepository(str(site.central)) as calibrations:
        masters = calibrations.masters()
    made = {one.dataset_type: one.valid for one in masters}
    assert set(made) >= {"bias", "flat"}
    ((begin, end),) = made["bias"]
    assert begin is not None
    assert begin.startswith("2026-03-13T11:59:")  # Noon, TAI.
    assert end is None
    capsys.readouterr()
    make_masters(site, camera, night, replace=True)
    assert "the site has masters for that time" in capsys.readouterr().out
    with CalibrationRepository(str(site.central)) as calibrations:
        assert calibrations.masters() == masters
    later = tmp_path / "later"
    later.mkdir()
    for path in night.glob("bias*.fits"):
        with fits.open(path) as file:
            header = file[0].header
            for card in ("DATE-BEG", "DATE-END"):
                header[card] = (
                    header[card].replace("2026-03-14", "2026-03-15").replace("2026-03-13", "2026-03-14")
                )
            header["DAYOBS"], header["OBSID"] = 20260314, header["OBSID"].replace("20260313", "20260314")
            file.writeto(later / path.name)
    make_masters(site, camera, later, replace=False)
    with CalibrationRepository(str(site.central)) as calibrations:
        assert calibrations.masters() == masters
    make_masters(site, camera, later, replace=True)
    with CalibrationRepository(str(site.central)) as calibrations:
        used = [(*one.valid[0], one.detector) for one in calibrations.masters() if one.dataset_type == "bias"]
    (first, until, _), (since, end, _) = sorted(used, key=str)
    assert (first, until, end) == (begin, since, None)


@pytest.mark.parametrize(
    ("inside", "said"),
    [("site/incoming/night", "its frames come by themselves"), ("empty", "it holds no file")],
)
def test_a_folder_that_is_no_old_night_is_refused_in_one_line(tmp_path: Path, inside: str, said: str) -> None:
    folder = tmp_path / "site"
    (folder / "incoming").mkdir(parents=True)
    (folder / "site.yaml").write_text("{}")
    (tmp_path / inside).mkdir(exist_ok=True)
    done = invoke("import", folder, str(tmp_path / inside))
    assert done.exit_code == 1
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_demo_of_a_site_takes_a_folder_that_is_empty(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused = CliRunner().invoke(main, ["demo", "--site", str(tmp_path)])
    assert refused.exit_code == 1
    assert refused.output.strip() == f"Error: --site {tmp_path}: exists and is not an empty folder"


def test_a_replay_into_a_site_takes_no_other_options(tmp_path: Path) -> None:
    refused = CliRunner().invoke(
        main, ["replay", str(tmp_path), "--site", str(tmp_path), "--camera", "simulated", "--speed", "2"]
    )
    assert refused.exit_code == 2
    assert "--camera, --speed: the settings of the --site count" in refused.output
