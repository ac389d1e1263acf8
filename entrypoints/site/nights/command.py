"""Take a folder of old frames into a site."""

from pathlib import Path

import click

from domain.errors import PromptProcessingError
from domain.upkeep import JobKind
from entrypoints.containers.site import frame_files, load_camera, site_of_old_frames
from entrypoints.logs import configure_logs
from entrypoints.long_work import INTERRUPTED
from entrypoints.running import CANNOT_START, loaded_or_exit, settings_or_exit
from entrypoints.saying import say
from entrypoints.settings.site import SiteFolder, SiteSettings
from entrypoints.settings.worker import ChildSettings, WorkerSettings
from entrypoints.site import lock
from entrypoints.site.environment import enter, site_variables
from entrypoints.site.folder import open_site, site_argument
from entrypoints.site.log_file import LogFile
from entrypoints.site.nights.beside import take_in_beside
from entrypoints.site.nights.calibrations import make_masters
from entrypoints.site.nights.summary import summed_up
from entrypoints.site.nights.taking_in import PastFiles
from entrypoints.site.run import serve_site

__all__ = ["command", "import_night"]


class NoNightError(PromptProcessingError):
    """A folder cannot be taken into a site."""


@click.command(name="import")
@site_argument
@click.argument("night", metavar="NIGHT", type=click.Path(exists=True, file_okay=False, path_type=Path))
def command(*, folder: Path, night: Path) -> None:
    """Process the frames below NIGHT as if they had appeared in a watched folder of the site in DIR.

    Masters are made of its biases, darks and flats first, where the site has
    none of that night. If nobody runs the site, this does until its queue is
    empty; else the one that runs it processes the frames. What is not whole, or
    no frame, is left out and named. The same command again goes on where it
    was stopped. The exit code is 0 if anything was completed, 130 after Ctrl-C.
    """
    raise SystemExit(import_night(folder, night))


def import_night(folder: Path, night: Path) -> int:
    """Take a night into a site; returns the exit code."""
    site, settings = open_site(folder)
    taken = _night(site, settings, night)
    camera = load_camera(site.camera)
    # Before this process logs into the site's file: what is said of frames is for people.
    make_masters(site, camera, taken.folder, replace=JobKind.CALIBRATIONS in settings.upkeep)
    enter(site_variables(site, settings, camera))
    worker = settings_or_exit(WorkerSettings, ChildSettings)
    container = site_of_old_frames(site, settings, worker)
    loaded_or_exit(container.preprocessing, container.main)
    log = LogFile(site.logs)
    log.open()
    configure_logs(worker.logs.levels, "import")
    try:
        with lock.running(site):
            container.trim_heap()
            serve_site(container, log, taken.feed)
    except lock.SiteIsRunningError as busy:
        take_in_beside(container, taken, str(busy))
    is_any_completed = summed_up(site, taken)
    if not taken.is_finished:
        say("stopped: the same command goes on with it")
        return INTERRUPTED
    return 0 if is_any_completed else CANNOT_START


def _night(site: SiteFolder, settings: SiteSettings, folder: Path) -> PastFiles:
    place = folder.resolve()
    for other in (*site.watched(settings), site.raws.resolve(), site.central.resolve()):
        if place.is_relative_to(other) or other.is_relative_to(place):
            raise NoNightError(f"{folder}: it is in {other}, or that in it: its frames come by themselves")
    unread: list[OSError] = []
    try:
        files = frame_files(place, unread.append)
    except OSError as error:
        raise NoNightError(f"{folder}: {error.strerror}") from error
    for fault in unread:
        say(f"{fault.filename} is not looked into: {fault.strerror}", err=True)
    if not files:
        raise NoNightError(f"{folder}: it holds no file whose name is one of a FITS file")
    return PastFiles(folder=place, files=files)
