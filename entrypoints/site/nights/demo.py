"""A site for newcomers: two short simulated nights, and what the second one finds."""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import numpy as np

from domain.errors import PromptProcessingError
from domain.times import TaiSeconds
from entrypoints.containers.observatory import load_camera
from entrypoints.containers.results import dia_sources
from entrypoints.saying import say
from entrypoints.settings.site import SiteFolder
from simulator.summit.short_nights import Field, ShortNights
from workbench.night.apdb import source_table
from workbench.night.kept_night import DATABASE
from workbench.night_repository import add_reference
from workbench.repository import open_existing

__all__ = ["site_demo"]

_CAMERA: Final = "simulated"
_DETECTOR: Final = 4
_FIELD: Final = Field(name="field", ra=149.9, dec=2.2, physical_filter="r_sim")
_BEGIN: Final = TaiSeconds(1_773_456_164.0)
_VISITS: Final = (4, 3)
_NEAR: Final = 1.0  # Arcseconds.


class DemoError(PromptProcessingError):
    """A step of the demo has failed."""


def site_demo(folder: Path | None, seed: int) -> int:
    """Make a site and take two nights into it; returns the exit code.

    Parameters
    ----------
    folder
        For the site and its frames, new or empty; None is a temporary one, which stays.
    seed
        Of everything random in the sky.

    Raises
    ------
    PromptProcessingError
        Raised if the folder is not empty, or a step fails.
    """
    root = _empty(folder)
    site = root / "site"
    nights = ShortNights(
        camera=load_camera(_CAMERA), fields=(_FIELD,), begin=_BEGIN, seed=seed, detectors=(_DETECTOR,)
    )
    say(f"Everything is in {root}.\n")
    say("1. A site is a folder: repository, database, queue, settings. It takes one command.")
    _run("site", "init", str(site), "--camera", _CAMERA)
    _add_stars(site, nights)
    say("   Its reference catalogue is the stars of the simulated sky.\n")
    _take_night(
        root, nights, 0, "2. The first night. There is nothing to compare it with: images end in sources."
    )
    say("3. Templates are made of its images, for the nights to come.")
    _run("templates", "build", str(site / "central"))
    _take_night(root, nights, 1, "4. The second night. A new star shines in it, all night alike.")
    found = _sightings(site)
    ra, dec = _FIELD.supernova
    say(f"5. The new star is at {ra:.5f} {dec:+.5f}. It was found on {found} of {_VISITS[1]} visits.")
    say("   Images of the same night as templates would show nothing of it.\n")
    say("Where to look:")
    for line in (
        f"prompt-processing results {site}    what was found, object by object",
        f"prompt-processing templates list {site / 'central'}",
        f"prompt-processing site status {site}",
        f"{site / 'alerts'}    an alert for each sighting",
        f"{site / 'site.yaml'}    the settings, with comments",
        f"prompt-processing site run {site}    goes on: put frames into {site / 'incoming'}",
    ):
        say(f"   {line}")
    return 0 if found == _VISITS[1] else 1


def _empty(folder: Path | None) -> Path:
    if folder is None:
        return Path(tempfile.mkdtemp(prefix="prompt-processing-site-"))
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DemoError(f"--site {folder}: exists and is not an empty folder")
    folder.mkdir(parents=True, exist_ok=True)
    return folder.absolute()


def _take_night(root: Path, nights: ShortNights, night: int, said: str) -> None:
    say(said)
    folder = root / f"night{night + 1}"
    files = nights.write(folder, night, _VISITS[night])
    say(f"   {len(files)} frames are simulated, in {folder}.")
    _run("site", "import", str(root / "site"), str(folder))


def _run(*arguments: str) -> None:
    """Run a command as a person would, and show it."""
    say(f"   $ prompt-processing {' '.join(arguments)}")
    command = [sys.executable, "-P", "-m", "entrypoints", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own
        for line in process.stdout or ():
            say(f"     {line.rstrip()}" if line.strip() else "", nl=bool(line.strip()))
    if process.returncode:
        raise DemoError(f"`{' '.join(arguments[:2])}` ended with exit code {process.returncode}: see above")
    say()


def _add_stars(site: Path, nights: ShortNights) -> None:
    with open_existing(str(site / "central"), writeable=True) as butler:
        add_reference(butler, nights.camera.instrument, nights.sky(_FIELD, 0).stars)


def _sightings(site: Path) -> int:
    """Count the visits on which the new star was found."""
    sources = source_table(dia_sources(SiteFolder(site).apdb / DATABASE))
    ra, dec = _FIELD.supernova
    east = (np.asarray(sources["ra"]) - ra) * np.cos(np.deg2rad(dec))
    near = np.hypot(east, np.asarray(sources["dec"]) - dec) * 3600.0 < _NEAR
    return len(set(sources["visit"][near]))
