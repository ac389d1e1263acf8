"""The replay: a folder of real raw frames, observed again on one machine."""

import importlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import click
from astropy.table import Table
from click.core import ParameterSource

from entrypoints.commands.drafts import draft_from, tell_open_questions
from entrypoints.commands.tables import console as console_of_tables
from entrypoints.containers.observatory import load_camera, load_columns, load_corrections
from entrypoints.long_work import work
from entrypoints.observatory.box import BoxSetup
from entrypoints.observatory.catalogues import COLUMNS_HELP, reading
from entrypoints.observatory.findings import Examination
from entrypoints.observatory.night import STOPPED, Observation, observe
from entrypoints.observatory.options import PIPELINES, night_options, results_folder
from entrypoints.saying import say
from entrypoints.screen import Screen
from simulator.summit.night import NightPlan
from workbench.camera_draft.writing import write_draft
from workbench.catalogues.given_catalogue import is_repository, night_catalogue, placed_by_catalogue
from workbench.night.orbits import why_no_bodies
from workbench.pace import Pace
from workbench.replay import recorded_night
from workbench.templates.night_templates import add_night_templates

__all__ = ["command"]


@click.command(name="replay")
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--camera",
    "camera_file",
    help="Camera file, or a shipped one's name.  [default: drafted from the frames]",
)
@click.option(
    "--reference-catalogue",
    "catalogues",
    multiple=True,
    metavar="REPO|FILE",
    help="Stars by which images are calibrated: of a repository to which `reference-catalogue add` put some,"
    " or of a catalogue's files, with --columns. May be repeated.  [default: made from the night]",
)
@click.option("--columns", metavar="FILE|NAME", help=COLUMNS_HELP)
@click.option(
    "--corrections",
    "corrections_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="YAML file of the camera's defects, linearity and crosstalk.",
)
@click.option(
    "--orbits",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Orbits of known bodies, which are named where they are seen: MPCORB.DAT, or Parquet.",
)
@click.option(
    "--site",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Add the night to this site, as `site import` does; the site's settings count, no other option.",
)
@night_options(speed=60.0)
@click.pass_context
def command(
    context: click.Context,
    *,
    folder: Path,
    camera_file: str | None,
    catalogues: tuple[str, ...],
    columns: str | None,
    corrections_file: Path | None,
    orbits: Path | None,
    site: Path | None,
    speed: float,
    workers: int,
    pipelines: str,
    results: Path | None,
    quiet: bool,
    with_console: bool,
) -> None:
    """Observe the raw frames below DIR again, on this machine.

    Biases, darks, flats and science exposures are told apart by the camera
    file's rules. Calibrations are made from the first three, as far as there
    are any, and templates from the science exposures, each half of the night
    for the other; then every science exposure is played as a visit, in the
    order of time. Frames of no use are left out and named; the exit code is 0
    if any visit was completed.

    Templates of the same night show what moves or changes within it. What shines
    all night alike, as a supernova does, is in them too and is not found: for
    that, add nights to a site.
    """
    if site is not None:
        _refuse_others(context)
        # By name: sites are built on these commands.
        nights = importlib.import_module("entrypoints.site.nights.command")
        raise SystemExit(nights.import_night(site, folder))
    if columns is None and not all(map(is_repository, catalogues)):
        raise click.UsageError(
            "--reference-catalogue: for files, --columns must say what their columns are called"
        )
    if orbits is not None and (reason := why_no_bodies(orbits)):
        raise click.UsageError(f"--orbits: {reason}")
    if camera_file is None:
        target, camera_file = _drafted(folder, results)
    else:
        target = results_folder(results, load_camera(camera_file).instrument)
    camera = load_camera(camera_file)
    corrections = None if corrections_file is None else load_corrections(corrections_file, camera)
    console, pace = Screen(), Pace()
    read = partial(recorded_night, folder, camera, corrections, pace)
    plan, night = work(None if quiet else "reading headers", read, pace, console=console, stopped=STOPPED)
    catalogue = _catalogue(plan, catalogues, columns)
    if catalogue is not None:
        plan = placed_by_catalogue(plan, catalogue)
    setup = BoxSetup(
        plan=plan,
        camera_file=camera_file,
        pipelines=PIPELINES[pipelines],
        reference=None,
        furnish=(lambda root, plan: add_night_templates(root, plan, night, catalogue))
        if pipelines == "ap-pipe"
        else None,
        workers=workers,
        console=with_console,
        pace=pace,
        variables={} if orbits is None else {"worker": {"MP_ORBITS": str(orbits.absolute())}},
    )
    asked = Observation(
        setup=setup,
        speed=speed,
        results=target,
        examination=Examination(),
        may_lose_visits=True,
        quiet=quiet,
        notes=night.missing,
    )
    raise SystemExit(observe(asked, console))


def _refuse_others(context: click.Context) -> None:
    """Refuse options that say what the site's own settings say."""
    given = [
        parameter.opts[0]
        for parameter in context.command.params
        if parameter.name not in {None, "folder", "site"}
        and context.get_parameter_source(str(parameter.name)) is ParameterSource.COMMANDLINE
    ]
    if given:
        raise click.UsageError(f"{', '.join(given)}: the settings of the --site count")


def _drafted(folder: Path, results: Path | None) -> tuple[Path, str]:
    """Write a camera file beside the results; returns the results' folder, and the file."""
    shown = console_of_tables()
    draft, files = draft_from(folder, None, shown, stopped=STOPPED)
    target = results_folder(results, draft.instrument)
    file = target.with_name(f"{target.name}.camera.yaml")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(write_draft(draft), encoding="utf-8")
    shown.print(f"no --camera was given: {file} is drafted from {files} files, and used")
    tell_open_questions(draft, file, shown)
    return target, str(file)


def _catalogue(plan: NightPlan, places: Sequence[str], columns: str | None) -> Table | None:
    if not places:
        return None
    named = None if columns is None else load_columns(columns)
    with reading() as told:
        stars = work(None, partial(night_catalogue, plan, places, named, told), Pace(), stopped=STOPPED)
    say(f"{len(stars):,} stars of the reference catalogue around where the night looks")
    return stars
