"""Make a new site, or leave nothing."""

import contextlib
import datetime
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import click
from astropy.table import Table
from attrs import frozen

from domain.cameras.camera import Camera
from domain.errors import PromptProcessingError
from entrypoints.containers.observatory import load_columns
from entrypoints.containers.site import copy_camera
from entrypoints.observatory.catalogues import COLUMNS_HELP, reading
from entrypoints.saying import say
from entrypoints.settings.pipelines import PIPELINES
from entrypoints.settings.site import SiteFolder, SitePipelines, SiteSettings
from entrypoints.site.environment import INITIALIZE, enter, site_variables
from entrypoints.site.settings_file import settings_text
from workbench.catalogues.stored_catalogues import add_catalogue, read_catalogue
from workbench.night.apdb import make_apdb
from workbench.site_repository import make_site_repository

__all__ = ["NewSite", "SiteError", "command", "make_site"]

_LINES: Final = 5
"""Of what an initializer that failed wrote last."""


class SiteError(PromptProcessingError):
    """A site cannot be made."""


@click.command(name="init")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--camera", "camera_file", required=True, help="Camera file, or a shipped one's name.")
@click.option(
    "--reference-catalogue",
    "catalogue",
    multiple=True,
    metavar="FILE",
    type=click.Path(exists=True, path_type=Path),
    help="Stars by which images are calibrated, with --columns. May be repeated.",
)
@click.option("--columns", metavar="FILE|NAME", help=COLUMNS_HELP)
@click.option(
    "--pipelines",
    type=click.Choice(list(PIPELINES)),
    default="ap-pipe",
    show_default=True,
    help="How far: to alerts where there are templates, or to the sources of single images.",
)
def command(
    *, folder: Path, camera_file: str, catalogue: tuple[Path, ...], columns: str | None, pipelines: str
) -> None:
    """Make a site in DIR, a new folder.

    Its settings are DIR/site.yaml, its camera DIR/camera.yaml; frames go to
    DIR/incoming. If anything fails nothing is left behind.
    """
    if bool(catalogue) != (columns is not None):
        raise click.UsageError("--reference-catalogue and --columns: give both, or neither")
    stars = None if columns is None else _read_stars(catalogue, columns)
    new = NewSite(
        folder=SiteFolder(folder.absolute()), camera=camera_file, pipelines=pipelines, catalogue=stars
    )
    camera = make_site(new, click.echo)
    say(f"{folder} is a site for {camera.instrument}; its settings are in {folder / 'site.yaml'}")
    say(f"start it with: prompt-processing site run {folder}")
    say(f"and put frames into {folder / 'incoming'}")


def _read_stars(files: tuple[Path, ...], columns: str) -> tuple[str, Table]:
    rules = load_columns(columns)
    with reading() as told:
        stars, _ = read_catalogue(files, rules, told)
    return re.sub(r"[^A-Za-z0-9_-]", "-", Path(columns).stem), stars


@frozen(kw_only=True)
class NewSite:
    """What a new site is to be."""

    folder: SiteFolder
    camera: str
    """File, or the name of a shipped one."""
    pipelines: str
    """Name of a pair of configurations."""
    catalogue: tuple[str, Table] | None = None
    """Name and stars of the reference catalogue."""


def make_site(new: NewSite, say: Callable[[str], None]) -> Camera:
    """Make a site; returns its camera.

    Parameters
    ----------
    new
        What it is to be.
    say
        Is told what is being done.

    Raises
    ------
    PromptProcessingError
        Raised if the folder is not empty, or anything cannot be made. What was
        made until then is removed.
    """
    folder = new.folder
    with _new_folder(folder.path):
        camera = copy_camera(new.camera, folder.camera)
        for each in folder.folders:
            each.mkdir()
        say("making the central repository")
        make_site_repository(folder.central, camera)
        make_apdb(folder.apdb)
        if new.catalogue is not None:
            name, stars = new.catalogue
            say(f"adding {len(stars):,} stars")
            add_catalogue(str(folder.central), name, stars, datetime.datetime.now(datetime.UTC))
        say("initializing the deployment")
        settings = SiteSettings(pipelines=SitePipelines.named(new.pipelines))
        enter(site_variables(folder, settings, camera))
        _initialize()
        # At last: without this file the folder is no site.
        folder.settings.write_text(settings_text(new.pipelines), encoding="utf-8")
    return camera


def _initialize() -> None:
    """Write what workers rely on, in a process of its own: this one may have what it takes open."""
    done = subprocess.run(INITIALIZE, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)  # noqa: S603 - this project's own command
    if done.returncode:
        said = " / ".join(done.stderr.splitlines()[-_LINES:])
        raise SiteError(f"the deployment cannot be initialized (exit code {done.returncode}): {said}")


@contextlib.contextmanager
def _new_folder(path: Path) -> Iterator[None]:
    """Make a folder, or take an empty one; if anything fails, it is as it was."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise SiteError(f"{path}: exists and is not an empty folder")
    was_there = path.exists()
    before = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        path.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        _remove(path, was_there=was_there)
        raise SiteError(f"{path}: {error}") from error
    except BaseException:
        _remove(path, was_there=was_there)
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


def _remove(path: Path, *, was_there: bool) -> None:
    shutil.rmtree(path, ignore_errors=True)
    if was_there:
        path.mkdir(exist_ok=True)
