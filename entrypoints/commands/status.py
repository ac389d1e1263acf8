"""The night at a glance."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import click
from rich.console import Console

from application.night_status import NightStatus, night_status
from domain.errors import PromptProcessingError
from domain.work.attempts import AttemptRecord
from domain.work.outcomes import RULES, Outcome, describe
from entrypoints.commands.tables import console, ranges, table
from entrypoints.containers.status import StatusContainer
from entrypoints.help import service_help
from entrypoints.running import opened, settings_or_exit
from entrypoints.settings.status import StatusSettings

__all__ = ["command", "night_record", "show_night"]

_SUMMARY = (
    "Look at the night that goes on: how many visit-detectors ended how, which are being worked on,"
    " and which were not completed, and why. Ends with 1 if Redis or the ledger cannot be reached."
)


@click.command(name="status", help=service_help(_SUMMARY, StatusSettings))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for machines.")
def command(*, as_json: bool) -> None:
    """Print the status."""
    settings = settings_or_exit(StatusSettings)
    try:
        status = asyncio.run(_look(settings))
    except PromptProcessingError as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps(night_record(status), indent=2))
    else:
        show_night(status, console())


async def _look(settings: StatusSettings) -> NightStatus:
    container = StatusContainer(settings=settings)
    container.check_dependencies()
    async with opened(container.queue(), container.histories()):
        return await night_status(
            settings.instrument,
            settings.stream,
            ledger=container.ledger(),
            queue=container.queue(),
            clock=container.clock(),
        )


def show_night(status: NightStatus, screen: Console) -> None:
    """Print how a night stands."""
    depth = status.depth
    screen.print(f"{status.instrument}, night of {status.night}")
    screen.print(
        f"queue: {depth.waiting} waiting, {depth.leased} leased, {depth.dead} dead letters of all nights"
    )
    counts = sorted(status.outcomes.items(), key=lambda pair: -pair[1])
    screen.print(table("Ended", ("outcome", "visit-detectors"), counts))
    if status.running:
        rows = _running(status)
        screen.print(table("Under way", ("visit", "detector", "attempt", "worker", "seconds"), rows))
    for title, records in (
        ("To be tried again", status.to_follow),
        ("Not completed", status.not_completed),
    ):
        if records:
            screen.print(table(title, ("visit", "detectors", "outcome"), _together(records)))
    if status.unreadable:
        letters = [(entry, describe(outcome)) for entry, outcome in sorted(status.unreadable.items())]
        screen.print(table("Unreadable deliveries", ("entry", "reason"), letters))


def _running(status: NightStatus) -> Iterator[Sequence[object]]:
    for record in status.running:
        identity = record.attempt.identity
        age = f"{status.age(record):.0f}"
        yield identity.group, identity.detector, record.attempt.number, record.worker, age


def _together(records: Iterable[AttemptRecord]) -> list[tuple[str, str, str]]:
    """Join the detectors of a visit that ended alike."""
    detectors: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for record in records:
        identity = record.attempt.identity
        detectors[identity.group, _reason(record.outcome)].append(identity.detector)
    return [(group, ranges(numbers), reason) for (group, reason), numbers in detectors.items()]


def _reason(outcome: Outcome | None) -> str:
    return "" if outcome is None else describe(outcome)


def night_record(status: NightStatus) -> dict[str, Any]:
    """Write how a night stands, for machines."""
    depth = status.depth
    return {
        "instrument": status.instrument,
        "night": status.night.isoformat(),
        "queue": {"waiting": depth.waiting, "leased": depth.leased, "dead": depth.dead},
        "outcomes": dict(status.outcomes),
        "running": [
            _named(record) | {"worker": record.worker, "seconds": round(status.age(record), 1)}
            for record in status.running
        ],
        "to_follow": [_named(record) | _ended(record) for record in status.to_follow],
        "not_completed": [_named(record) | _ended(record) for record in status.not_completed],
        "unreadable": {entry: describe(outcome) for entry, outcome in status.unreadable.items()},
    }


def _named(record: AttemptRecord) -> dict[str, Any]:
    identity = record.attempt.identity
    return {"group": identity.group, "detector": identity.detector, "attempt": record.attempt.number}


def _ended(record: AttemptRecord) -> dict[str, Any]:
    name = "" if record.outcome is None else RULES[type(record.outcome)].name
    return {"outcome": name, "reason": _reason(record.outcome)}
