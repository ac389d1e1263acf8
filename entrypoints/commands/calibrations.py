"""Master calibrations: made from frames, certified for a time, listed and withdrawn."""

import datetime
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click

from domain.cameras.camera import CALIBRATIONS
from entrypoints.commands.tables import console, table
from entrypoints.containers.observatory import load_camera, load_corrections
from entrypoints.long_work import work
from entrypoints.saying import say
from workbench.masters.building import Built, build_masters
from workbench.masters.calibration_repository import CalibrationRepository
from workbench.masters.stored_masters import StoredMaster
from workbench.pace import Pace

__all__ = ["command"]

_COLUMNS = ("master", "frames", "level", "noise", "outliers", "unusable", "checks")
_INSTANT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"])
_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for machines.")
_begin = click.option("--from", "begin", type=_INSTANT, help="UTC.  [default: always before]")
_end = click.option("--until", "end", type=_INSTANT, help="UTC, excluded.  [default: for ever]")
_types = click.option(
    "--type", "types", type=click.Choice(CALIBRATIONS), multiple=True, help="These alone.  [default: all]"
)
_detectors = click.option("--detector", "detectors", type=int, multiple=True, help="These alone.")


@click.group(name="calibrations")
def command() -> None:
    """Make master calibrations from frames, and say when they are to be used."""


@command.command(name="build")
@click.argument("frames", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--camera", "camera_file", required=True, help="Camera file, or a shipped one's name.")
@click.option("--into", "repository", required=True, help="Butler repository; it is made if there is none.")
@click.option(
    "--corrections",
    "corrections_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="YAML file of defects, linearity and crosstalk.",
)
@click.option("--name", help="Last part of the collection's name.  [default: the time]")
@click.option(
    "--pictures",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for a PNG of each master.  [default: calibrations/NAME]",
)
@_json
def build(
    *,
    frames: Sequence[Path],
    camera_file: str,
    repository: str,
    corrections_file: Path | None,
    name: str | None,
    pictures: Path | None,
    as_json: bool,
) -> None:
    """Make masters of the bias, dark and flat frames among FRAMES (files, or folders with all in them).

    They are stored as a run that is not used until it is certified, with
    figures of each and what is wrong with it. Frames of no use, and processed
    copies of raws, are left out and named; the exit code is 0 if any master was
    made, 130 after Ctrl-C.
    """
    camera, pace = load_camera(camera_file), Pace()
    corrections = {} if corrections_file is None else load_corrections(corrections_file, camera)
    name = name or f"{datetime.datetime.now(datetime.UTC):%Y%m%dT%H%M%SZ}"
    made = partial(
        build_masters,
        frames,
        camera,
        corrections,
        repository,
        run=f"{camera.instrument}/calib/{name}",
        pictures=pictures or Path("calibrations") / name,
        pace=pace,
    )
    built = work("reading headers", made, pace)
    if as_json:
        say(json.dumps(_built(built), indent=2))
        return
    rows = [(master.name, *_figures(quality.as_dict())) for master, quality in built.masters]
    screen = console()
    screen.print(table(built.run, _COLUMNS, rows))
    for one in built.lacking:
        screen.print(f"not made: {one.reason}")
    screen.print(f"pictures are in {built.pictures}")
    screen.print(f"to use them: prompt-processing calibrations certify {repository} {name} --from DATE")


@command.command(name="list")
@click.argument("repository")
@click.option("--instrument", help="This one's alone.")
@_json
def list_(*, repository: str, instrument: str | None, as_json: bool) -> None:
    """List the masters of REPOSITORY, how good they are, and when they are used."""
    with CalibrationRepository(repository) as calibrations:
        masters = calibrations.masters(instrument)
    if as_json:
        say(json.dumps([_record(one) for one in masters], indent=2))
        return
    rows = [(one.run, one.name, *_figures(one.quality), _validity(one)) for one in masters]
    console().print(table(repository, ("run", *_COLUMNS, "used"), rows))


@command.command(name="certify")
@click.argument("repository")
@click.argument("run")
@_begin
@_end
@_types
@_detectors
@click.option("--force", is_flag=True, help="Those too that have failed their checks.")
@click.option("--replace", is_flag=True, help="Take other masters out of that time.")
@click.option(
    "--until-next", is_flag=True, help="Each until the next of its kind, as far as one is used from later on."
)
def certify(
    *,
    repository: str,
    run: str,
    begin: datetime.datetime | None,
    end: datetime.datetime | None,
    types: Sequence[str],
    detectors: Sequence[int],
    force: bool,
    replace: bool,
    until_next: bool,
) -> None:
    """Use the masters of RUN (its name, or the last part of it) for exposures of a time.

    A master that has failed its checks is left out and named, unless --force
    is given. The exit code is 0 if any was certified.
    """
    with CalibrationRepository(repository, writeable=True) as calibrations:
        chosen = calibrations.of_run(run, types, detectors)
        certified = calibrations.certify(
            chosen, begin, end, force=force, replace=replace, until_next=until_next
        )
    for one in chosen:
        if one not in certified:
            say(f"not certified: {one.name}: {', '.join(one.failures)}")
    each = ", each until the next of its kind" if until_next else ""
    say(f"certified {_span(begin, end)}{each}: {_names(certified)}")


@command.command(name="withdraw")
@click.argument("repository")
@click.argument("run")
@_begin
@_end
@_types
@_detectors
def withdraw(
    *,
    repository: str,
    run: str,
    begin: datetime.datetime | None,
    end: datetime.datetime | None,
    types: Sequence[str],
    detectors: Sequence[int],
) -> None:
    """Use the masters of RUN no longer, or not for exposures of a time; they are kept in the repository."""
    with CalibrationRepository(repository, writeable=True) as calibrations:
        withdrawn = calibrations.withdraw(calibrations.of_run(run, types, detectors), begin, end)
    say(f"withdrawn {_span(begin, end)}: {_names(withdrawn) or 'nothing, none was certified'}")


def _figures(quality: Mapping[str, Any] | None) -> tuple[str, ...]:
    if quality is None:
        return ("", "", "", "", "", "not measured")
    return (
        str(quality["frames"]),
        f"{quality['level']:.5g} {quality['unit']}",
        f"{quality['noise']:.3g}",
        str(quality["outliers"]),
        str(quality["unusable"]),
        "; ".join(quality["failures"]) or "passed",
    )


def _validity(master: StoredMaster) -> str:
    spans = [
        " ".join([*([f"from {begin}"] if begin else []), *([f"until {end}"] if end else [])])
        for begin, end in master.valid
    ]
    return "; ".join(span or "always" for span in spans) or "no"


def _span(begin: datetime.datetime | None, end: datetime.datetime | None) -> str:
    return f"from {begin or 'ever'} until {end or 'for ever'}"


def _names(masters: Iterable[StoredMaster]) -> str:
    return ", ".join(one.name for one in masters)


def _built(built: Built) -> dict[str, Any]:
    return {
        "run": built.run,
        "pictures": str(built.pictures),
        "masters": [
            {"type": master.dataset_type, **master.data_id, **quality.as_dict()}
            for master, quality in built.masters
        ],
        "not_made": [
            {"detector": one.detector, "physical_filter": one.physical_filter, "reason": one.reason}
            for one in built.lacking
        ],
    }


def _record(master: StoredMaster) -> dict[str, Any]:
    return {
        "run": master.run,
        "type": master.dataset_type,
        "detector": master.detector,
        "physical_filter": master.physical_filter,
        "quality": master.quality,
        "used": [{"from": begin, "until": end} for begin, end in master.valid],
    }
