"""All that is known of one visit-detector."""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from attrs import asdict
from rich.console import Console

from application.console.explain import Explanation, explain
from domain.times import InvalidInstantError, UtcSeconds, utc_from_tai, utc_isoformat
from domain.visit import CoordinateSystem, Identity
from domain.work.about import AboutVisit
from domain.work.outcomes import RULES, describe, snaps_of
from domain.work.quality import MEASURES
from entrypoints.commands.tables import console, table
from entrypoints.containers.outcomes import opened_records
from entrypoints.containers.results import opened_archives, places_in
from entrypoints.containers.status import StatusContainer
from entrypoints.help import service_help
from entrypoints.running import opened, settings_or_exit
from entrypoints.saying import say
from entrypoints.settings.status import StatusSettings

__all__ = ["command", "explanation_record"]

_SUMMARY = (
    "Explain what became of GROUP on DETECTOR, and by what: how it stands, what is left to do, what was"
    " announced and chosen, each attempt, the minute against its budget, each exposure, and what was logged."
    " Without --results it asks the ledger that the environment names."
)


@click.command(name="explain", help=service_help(_SUMMARY, StatusSettings))
@click.argument("group")
@click.argument("detector", type=click.IntRange(min=0))
@click.option(
    "--results",
    "folder",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A site, or what `demo` or `replay` has kept; no environment variable is needed then.",
)
@click.option("--lines", "most_lines", default=40, show_default=True, help="How many log lines, the last.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for machines.")
def command(*, group: str, detector: int, folder: Path | None, most_lines: int, as_json: bool) -> None:
    """Print the explanation; ends with 1 if nothing is known."""
    if folder is None:
        found = asyncio.run(_look_live(group, detector, most_lines))
    else:
        found = asyncio.run(_look_into(folder, group, detector, most_lines))
    if as_json:
        say(json.dumps(explanation_record(found), indent=2))
    else:
        _show(found, console())
    if not found.records:
        raise SystemExit(1)


async def _look_into(folder: Path, group: str, detector: int, most_lines: int) -> Explanation:
    clock = StatusContainer.clock()
    async with opened_records(folder) as records:
        repository, apdb = places_in(folder)
        async with opened_archives(
            repository=repository, apdb=apdb, instrument=records.instrument
        ) as archives:
            return await explain(
                Identity(records.instrument, group, detector),
                ledger=records.ledger,
                clock=clock,
                logs=records.logs,
                images=archives.images,
                sources=archives.sources,
                most_lines=most_lines,
            )


async def _look_live(group: str, detector: int, most_lines: int) -> Explanation:
    settings = settings_or_exit(StatusSettings)
    container = StatusContainer(settings=settings)
    container.check_dependencies()
    identity = Identity(settings.instrument, group, detector)
    async with opened(container.histories()):
        return await explain(
            identity,
            ledger=container.ledger(),
            clock=container.clock(),
            logs=container.logs(),
            most_lines=most_lines,
        )


def _show(found: Explanation, screen: Console) -> None:
    screen.print(str(found.identity))
    screen.print(found.verdict, soft_wrap=True)
    if found.to_do:
        screen.print(f"to do: {found.to_do}", soft_wrap=True)
    if found.about is not None:
        screen.print(_announced(found.about), soft_wrap=True)
        screen.print(_chosen(found.about), soft_wrap=True)
    columns = ("attempt", "worker", "begun", "ended", "outcome")
    screen.print(table("Attempts", columns, _attempts(found)))
    if snaps := list(_snaps(found)):
        screen.print(table("Exposures", ("exposure", "result", "found", "by", "reason"), snaps))
    if found.budget:
        rows = [(row.part, f"{row.allowed:g}", f"{row.spent:.1f}", _over(row.over)) for row in found.budget]
        screen.print(table("The minute", ("part", "allowed s", "spent s", ""), rows))
    if measures := _measures(found):
        screen.print(table("Quality", ("measure", "value"), measures))
    if found.images:
        kept = [(image.visit, image.kind.value) for image in found.images]
        screen.print(table("Images", ("exposure", "kind"), kept))
    if found.sources:
        objects = len({source.object_id for source in found.sources} - {0})
        screen.print(f"found: {len(found.sources)} DiaSources, of {objects} objects")
    if found.lines:
        lines = [(_time(line.at)[11:23], line.level, line.process, line.text) for line in found.lines]
        screen.print(table("Logged", ("UTC", "level", "process", "message"), lines))
    screen.print(f"logs: {found.logs}", soft_wrap=True)
    for fault in found.faults:
        screen.print(f"not looked at: {fault}", soft_wrap=True)


def _announced(about: AboutVisit) -> str:
    snaps = {0: "an unknown number of snaps", 1: "1 snap"}.get(about.nimages, f"{about.nimages} snaps")
    frame = about.coordinate_system
    first, second = ("ra", "dec") if frame is CoordinateSystem.ICRS else ("longitude", "latitude")
    where = "no position"
    if frame is not CoordinateSystem.NONE:
        where = f"{frame.name} {first} {about.position[0]:.5f} {second} {about.position[1]:+.5f}"
    parts = [about.filters or "any filter", where, snaps, f"survey {about.survey!r}"]
    try:
        parts += [f"sent {_time(utc_from_tai(about.sent))}"] if about.sent is not None else []
    except InvalidInstantError:
        parts.append("sent at no instant")
    return f"announced: {', '.join(parts)}"


def _chosen(about: AboutVisit) -> str:
    if not about.rule:
        return "chosen: nothing"
    main = ", ".join(about.pipelines) or "no pipeline"
    before = ", ".join(about.preprocessing) or "no pipeline"
    return f"chosen: {main}, by {about.rule}; before the images: {before}"


def _attempts(found: Explanation) -> Iterator[Sequence[object]]:
    for record in found.records:
        outcome = f"under way: {record.stage}" if record.outcome is None else describe(record.outcome)
        ended = "" if record.ended is None else _time(record.ended)
        yield record.attempt.number, record.worker, _time(record.begun), ended, outcome


def _snaps(found: Explanation) -> Iterator[Sequence[object]]:
    last = found.records[-1] if found.records else None
    if last is None or last.outcome is None:
        return
    sightings = {raw.exposure: raw for raw in last.raws}
    for snap in snaps_of(last.outcome):
        raw = sightings.get(snap.exposure)
        when, way = ("", "") if raw is None else (_time(raw.at), raw.way)
        yield snap.exposure or "not seen", snap.result, when, way, snap.reason


def _measures(found: Explanation) -> Sequence[tuple[str, str]]:
    quality = found.records[-1].quality if found.records else None
    known = {} if quality is None else quality.known
    return [(MEASURES[name], f"{value:g}") for name, value in known.items()]


def _over(seconds: float) -> str:
    return f"{seconds:.1f} over" if seconds > 0 else ""


def _time(instant: UtcSeconds) -> str:
    return utc_isoformat(instant)


def explanation_record(found: Explanation) -> dict[str, Any]:
    """Write an explanation for machines."""
    about = None
    if found.about is not None:
        frame = found.about.coordinate_system.name
        about = asdict(found.about) | {"coordinate_system": frame}
    return {
        "instrument": found.identity.instrument,
        "group": found.identity.group,
        "detector": found.identity.detector,
        "verdict": found.verdict,
        "to_do": found.to_do,
        "about": about,
        "attempts": [
            {
                "attempt": record.attempt.number,
                "worker": record.worker,
                "begun": record.begun,
                "ended": record.ended,
                "final": record.final,
                "stage": record.stage,
                "seconds": dict(record.seconds),
                "since_shutter": record.seconds_to_alerts,
                "quality": None if record.quality is None else dict(record.quality.known),
                "held": record.held,
                "raws": list(map(asdict, record.raws)),
                "outcome": None if record.outcome is None else RULES[type(record.outcome)].name,
                "reason": "" if record.outcome is None else describe(record.outcome),
                "exposures": [] if record.outcome is None else list(map(asdict, snaps_of(record.outcome))),
            }
            for record in found.records
        ],
        "budget": list(map(asdict, found.budget)),
        "images": [{"exposure": image.visit, "kind": image.kind.value} for image in found.images],
        "sources": [_with_nulls(asdict(source)) for source in found.sources],
        "lines": list(map(asdict, found.lines)),
        "logs": found.logs,
        "faults": list(found.faults),
    }


def _with_nulls(values: Mapping[str, Any]) -> dict[str, Any]:
    """Put null where there is no number: JSON has no NaN."""
    return {name: None if value != value else value for name, value in values.items()}  # noqa: PLR0124 - NaN
