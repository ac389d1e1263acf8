"""The night at a glance."""

import asyncio
import contextlib
import datetime
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click
from attrs import frozen
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from application.console.nights import last_night
from application.night_status import InstrumentStatus, night_status
from domain.results.night_view import how_prompt
from domain.work.attempts import AttemptRecord
from domain.work.outcomes import RULES, Outcome, describe
from entrypoints.commands.tables import console, ranges, table
from entrypoints.containers.outcomes import opened_records
from entrypoints.containers.status import StatusContainer
from entrypoints.help import service_help
from entrypoints.running import opened, settings_or_exit
from entrypoints.saying import say
from entrypoints.settings.status import StatusSettings

__all__ = ["command", "night_record", "show_night"]

_SUMMARY = (
    "Look at a night: how many visit-detectors ended how, which are being worked on,"
    " and which were not completed, and why. Without --results it asks the queue and the ledger that the"
    " environment names, and ends with 1 if they cannot be reached."
)
_PAUSE = 2.0  # Seconds between two looks.


@click.command(name="status", help=service_help(_SUMMARY, StatusSettings))
@click.option(
    "--night", type=click.DateTime(["%Y-%m-%d"]), help="day_obs of the night; by default the present one."
)
@click.option("--visit", metavar="GROUP", help="Show each detector of the visits whose group begins so.")
@click.option(
    "--results",
    "folder",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A site, or what `demo` or `replay` has kept, by default its last night; no environment"
    " variable is needed then.",
)
@click.option("--watch", is_flag=True, help="Look again every 2 s, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for machines.")
def command(
    *,
    night: datetime.datetime | None,
    visit: str | None,
    folder: Path | None,
    watch: bool,
    as_json: bool,
) -> None:
    """Print the status."""
    day = night.date() if night else None
    settings = settings_or_exit(StatusSettings) if folder is None else None
    asyncio.run(_look(_Asked(settings, folder, day, visit, watch, as_json)))


@frozen
class _Asked:
    settings: StatusSettings | None
    folder: Path | None
    night: datetime.date | None
    visit: str | None
    watch: bool
    as_json: bool


async def _look(asked: _Asked) -> None:
    async with contextlib.AsyncExitStack() as stack:
        if asked.folder is not None:
            look = await _kept(asked, asked.folder, stack)
        else:
            look = await _live(asked, stack)
        if not asked.watch:
            return _tell(await look(), asked)
        screen = console()
        with Live(console=screen, auto_refresh=False, vertical_overflow="ellipsis") as live:
            while True:
                live.update(Group(*_rendered(await look(), asked.visit)), refresh=True)
                await asyncio.sleep(_PAUSE)


type _Look = Callable[[], Awaitable[InstrumentStatus]]


async def _live(asked: _Asked, stack: contextlib.AsyncExitStack) -> _Look:
    settings = asked.settings
    container = StatusContainer(settings=settings)
    container.check_dependencies()
    await stack.enter_async_context(opened(container.queue(), container.histories()))
    return lambda: night_status(
        container.settings().instrument,
        container.settings().stream,
        ledger=container.ledger(),
        queue=container.queue() if asked.night is None else None,
        clock=container.clock(),
        night=asked.night,
    )


async def _kept(asked: _Asked, folder: Path, stack: contextlib.AsyncExitStack) -> _Look:
    records = await stack.enter_async_context(opened_records(folder))
    night = asked.night or await last_night(records.ledger, records.instrument)
    return lambda: night_status(
        records.instrument, "", ledger=records.ledger, queue=None, clock=StatusContainer.clock(), night=night
    )


def _tell(status: InstrumentStatus, asked: _Asked) -> None:
    if asked.as_json:
        say(json.dumps(night_record(status, asked.visit), indent=2))
        return
    screen = console()
    for part in _rendered(status, asked.visit):
        screen.print(part)


def show_night(status: InstrumentStatus, screen: Console) -> None:
    """Print how a night stands."""
    for part in _rendered(status, None):
        screen.print(part)


def _rendered(status: InstrumentStatus, visit: str | None) -> Iterator[RenderableType]:
    yield Text(f"{status.instrument}, night of {status.night}")
    depth = status.depth
    if depth is not None:
        yield Text(
            f"queue: {depth.waiting} waiting, {depth.leased} leased, {depth.delayed} postponed,"
            f" {depth.dead} dead letters of all nights"
        )
    if visit is not None:
        columns = ("visit", "detector", "attempt", "worker", "state", "s after shutter", "s since begun")
        yield table("Detectors", columns, _detectors(status, visit))
        return
    counts = sorted(status.outcomes.items(), key=lambda pair: -pair[1])
    yield table("Ended", ("outcome", "visit-detectors"), counts)
    if told := how_prompt(status.outcomes, status.promptness):
        yield Text(told)
    if status.running:
        headings = ("visit", "stage", "detectors", "attempt", "longest s")
        yield table("Under way", headings, _running(status))
    for title, records in (
        ("To be tried again", status.to_follow),
        ("Not completed", status.not_completed),
    ):
        if records:
            yield table(title, ("visit", "detectors", "outcome"), _together(records))
    if status.held:
        yield table(
            "Held: alerts wait for `alerts release` or `discard`",
            ("visit", "detectors", "reason"),
            _together(status.held, lambda record: record.held),
        )
    if status.unreadable:
        letters = [(entry, describe(outcome)) for entry, outcome in sorted(status.unreadable.items())]
        yield table("Unreadable deliveries", ("entry", "reason"), letters)


def _detectors(status: InstrumentStatus, visit: str) -> Iterator[Sequence[object]]:
    for record in _of_visit(status, visit):
        identity = record.attempt.identity
        state = f"under way: {record.stage}" if record.outcome is None else describe(record.outcome)
        shutter = "" if record.seconds_to_alerts is None else f"{record.seconds_to_alerts:.1f}"
        lasted = status.age(record) if record.ended is None else record.ended - record.begun
        number, worker = record.attempt.number, record.worker
        yield identity.group, identity.detector, number, worker, state, shutter, f"{lasted:.0f}"


def _of_visit(status: InstrumentStatus, visit: str) -> list[AttemptRecord]:
    return [record for record in status.records if record.attempt.identity.group.startswith(visit)]


def _running(status: InstrumentStatus) -> Iterator[Sequence[object]]:
    """Join the detectors of a visit that are at the same stage; those under way longest come first."""
    stages: defaultdict[tuple[str, str], list[AttemptRecord]] = defaultdict(list)
    for record in status.running:
        stages[record.attempt.identity.group, record.stage].append(record)
    for (group, stage), records in stages.items():
        numbers = ranges(record.attempt.identity.detector for record in records)
        longest = max(status.age(record) for record in records)
        again = max(record.attempt.number for record in records)
        yield group, stage, numbers, again, f"{longest:.0f}"


def _together(
    records: Iterable[AttemptRecord],
    reason_of: Callable[[AttemptRecord], str] = lambda record: _reason(record.outcome),
) -> list[tuple[str, str, str]]:
    """Join the detectors of a visit that ended alike."""
    detectors: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for record in records:
        identity = record.attempt.identity
        detectors[identity.group, reason_of(record)].append(identity.detector)
    return [(group, ranges(numbers), reason) for (group, reason), numbers in detectors.items()]


def _reason(outcome: Outcome | None) -> str:
    return "" if outcome is None else describe(outcome)


def night_record(status: InstrumentStatus, visit: str | None = None) -> dict[str, Any]:
    """Write how a night stands, for machines; with each detector of a visit, if one is asked for."""
    depth = status.depth
    record = {
        "instrument": status.instrument,
        "night": status.night.isoformat(),
        "queue": depth
        and {
            "waiting": depth.waiting,
            "leased": depth.leased,
            "delayed": depth.delayed,
            "dead": depth.dead,
        },
        "outcomes": dict(status.outcomes),
        "promptness": dict(status.promptness),
        "running": [
            _named(record)
            | {"worker": record.worker, "stage": record.stage, "seconds": round(status.age(record), 1)}
            for record in status.running
        ],
        "to_follow": [_named(record) | _ended(record) for record in status.to_follow],
        "not_completed": [_named(record) | _ended(record) for record in status.not_completed],
        "held": [_named(record) | {"reason": record.held} for record in status.held],
        "unreadable": {entry: describe(outcome) for entry, outcome in status.unreadable.items()},
    }
    if visit is not None:
        record["detectors"] = [
            _named(one)
            | _ended(one)
            | {"stage": one.stage, "since_shutter": one.seconds_to_alerts, "stages": dict(one.seconds)}
            for one in _of_visit(status, visit)
        ]
    return record


def _named(record: AttemptRecord) -> dict[str, Any]:
    identity = record.attempt.identity
    return {"group": identity.group, "detector": identity.detector, "attempt": record.attempt.number}


def _ended(record: AttemptRecord) -> dict[str, Any]:
    name = "" if record.outcome is None else RULES[type(record.outcome)].name
    return {"outcome": name, "reason": _reason(record.outcome)}
