"""Templates that last from night to night: built, added, listed, retired."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from domain.runs import all_sky
from entrypoints.commands.tables import console, table
from entrypoints.long_work import work
from entrypoints.saying import say
from workbench.coadds.adding import Added, add_templates
from workbench.coadds.building import Built, Wanted, build_templates
from workbench.coadds.choosing import Quality
from workbench.coadds.repository import TemplateRepository, nights_of
from workbench.coadds.survey_images import FluxScale
from workbench.coadds.versions import Key, Version
from workbench.pace import Pace

__all__ = ["command"]

_COLUMNS = ("patch", "filter", "frames", "nights", "seeing", "depth", "coverage")
_SHOWN = 5
"""Frames of each reason that are named."""
_STOPPED = "stopped; the templates are those that were there"
_instrument = click.option("--instrument", help="The camera.  [default: the repository's only one]")
_skymap = click.option("--skymap", help="Name of the skymap.  [default: INSTRUMENT_sky]")
_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for machines.")


@click.group(name="templates")
def command() -> None:
    """Keep the templates that images are compared with: from earlier nights, or from other surveys."""


@command.command(name="build")
@click.argument("repository")
@_instrument
@_skymap
@click.option("--nights", help="FROM..UNTIL, days of observation, both included; either may be left out.")
@click.option("--filter", "filters", multiple=True, help="This filter's or band's alone.")
@click.option("--without-newest", is_flag=True, help="Leave out the newest night.")
@click.option(
    "--most", type=click.IntRange(min=3), default=24, show_default=True, help="Frames for a place on the sky."
)
@click.option("--rebuild", is_flag=True, help="Also what would be no better than it is.")
@_json
def build(
    *,
    repository: str,
    instrument: str | None,
    skymap: str | None,
    nights: str | None,
    filters: Sequence[str],
    without_newest: bool,
    most: int,
    rebuild: bool,
    as_json: bool,
) -> None:
    """Build templates from the images of earlier nights in REPOSITORY.

    Each patch of the sky gets one for each filter, of its best frames, spread over the nights. One
    that is there is built anew only if it becomes better. All that are built together are a
    version, which visits of later nights are compared with. After Ctrl-C nothing is changed,
    and the exit code is 130.
    """
    pace, between = Pace(), nights_of(nights)

    def make() -> Built:
        with _opened(repository, writeable=True) as templates:
            name = templates.instrument(instrument)
            wanted = Wanted(
                instrument=name,
                skymap=skymap or all_sky(name),
                filters=tuple(filters),
                nights=between,
                without_newest=without_newest,
                most=most,
                rebuild=rebuild,
            )
            return build_templates(templates.butler, wanted, pace)

    built = work("looking for images", make, pace, stopped=_STOPPED)
    if as_json:
        say(json.dumps(_built(built), indent=2))
        return
    screen = console()
    rows = [(*_row(key, quality), reason) for key, quality, reason in built.built]
    screen.print(table(built.run or "nothing new", (*_COLUMNS, "why"), rows))
    for reason, names in _grouped(built):
        screen.print(f"{len(names)} left ({_some(names)}): {reason}")


@command.command(name="add")
@click.argument("repository")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--filter", "physical_filter", required=True, help="Filter of the camera, or band.")
@click.option("--unit", help="Of the pixels, such as nJy or nanomaggy.  [default: the header's]")
@click.option("--zero-point", type=float, help="AB magnitude of one unit.  [default: the header's]")
@_instrument
@_skymap
@_json
def add(
    *,
    repository: str,
    files: Sequence[Path],
    physical_filter: str,
    unit: str | None,
    zero_point: float | None,
    instrument: str | None,
    skymap: str | None,
    as_json: bool,
) -> None:
    """Add FITS images with a WCS, such as cutouts of a survey, to the templates of REPOSITORY.

    Of each file the first image that has a WCS is taken; where files overlap, the first
    counts. Their background is taken out, and they are resampled onto the patches. They come
    before all templates that there are, until better ones are built. The exit code is 0 if
    anything was added.
    """
    pace = Pace()

    def make() -> Added:
        with _opened(repository, writeable=True) as templates:
            name = templates.instrument(instrument)
            return add_templates(
                templates.butler,
                name,
                files,
                physical_filter=physical_filter,
                skymap=skymap or all_sky(name),
                scale=FluxScale(unit=unit, zero_point=zero_point),
                pace=pace,
            )

    added = work("reading files", make, pace, stopped=_STOPPED)
    if as_json:
        say(json.dumps(_added(added), indent=2))
        return
    screen = console()
    screen.print(table(added.run, _COLUMNS, [_row(key, quality) for key, quality in added.templates]))
    for reason in added.failed.values():
        screen.print(f"left: {reason}")


@command.command(name="list")
@click.argument("repository")
@_instrument
@_json
def list_(*, repository: str, instrument: str | None, as_json: bool) -> None:
    """List the templates of REPOSITORY: workers take the first of a patch and filter."""
    with _opened(repository) as templates:
        every = templates.versions(instrument)
    if as_json:
        say(json.dumps([record for one in every for record in _records(one)], indent=2))
        return
    rows = [
        (one.name, *_row(each.key, each.quality), "retired" if one.retired else each.source)
        for one in every
        for each in one.templates
    ]
    console().print(table(repository, ("version", *_COLUMNS, "made of"), rows))


@command.command(name="retire")
@click.argument("repository")
@click.argument("version")
@_instrument
@click.option("--delete", is_flag=True, help="Delete its images too.")
def retire(*, repository: str, version: str, instrument: str | None, delete: bool) -> None:
    """Use the templates of VERSION no longer; those of earlier versions take their place."""
    with _opened(repository, writeable=True) as templates:
        retired = templates.retire(version, instrument, delete=delete)
    done = "deleted" if delete else "retired"
    say(f"{done}: {retired.run}, {len(retired.templates)} templates")


@contextmanager
def _opened(repository: str, *, writeable: bool = False) -> Iterator[TemplateRepository]:
    with TemplateRepository(repository, writeable=writeable) as templates:
        yield templates


def _row(key: Key, quality: Quality) -> tuple[object, ...]:
    return (
        key.patch,
        key.band,
        quality.frames,
        _nights(quality),
        "" if quality.seeing is None else f"{quality.seeing:.2f} arcsec",
        "" if quality.depth is None else f"{quality.depth:.2f} mag",
        f"{100 * quality.coverage:.0f} %",
    )


def _nights(quality: Quality) -> str:
    nights = quality.nights
    return (
        ""
        if not nights
        else str(nights[0])
        if len(nights) == 1
        else f"{len(nights)}, {nights[0]} to {nights[-1]}"
    )


def _grouped(built: Built) -> list[tuple[str, list[str]]]:
    patches: dict[str, list[str]] = {}
    for key, reason in built.left:
        patches.setdefault(reason, []).append(f"patch {key.patch} in {key.band}")
    frames = {reason: [f"frame {name}" for name in names] for reason, names in built.frames.left.items()}
    return [*patches.items(), *frames.items()]


def _some(names: Sequence[str]) -> str:
    return ", ".join([*names[:_SHOWN], *(["..."] if len(names) > _SHOWN else [])])


def _record(key: Key, quality: Quality) -> dict[str, Any]:
    return {**key.data_id, **quality.as_dict()}


def _records(version: Version) -> list[dict[str, Any]]:
    return [
        {
            "version": version.name,
            "retired": version.retired,
            **_record(one.key, one.quality),
            "source": one.source,
        }
        for one in version.templates
    ]


def _added(added: Added) -> dict[str, Any]:
    return {
        "run": added.run,
        "added": [_record(key, quality) for key, quality in added.templates],
        "failed": [{"file": str(path), "reason": reason} for path, reason in added.failed.items()],
    }


def _built(built: Built) -> dict[str, Any]:
    return {
        "run": built.run,
        "built": [{**_record(key, quality), "reason": reason} for key, quality, reason in built.built],
        "left": [{**key.data_id, "reason": reason} for key, reason in built.left],
        "frames_left": [
            {"frame": name, "reason": reason} for reason, names in built.frames.left.items() for name in names
        ],
    }
