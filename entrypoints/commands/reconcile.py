"""Find the images of a night that nobody processed, and put their work back."""

import asyncio
import datetime
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import click
from attrs import frozen
from rich.console import Console

from application.reconcile import Finding, Reconciler, Reconciliation
from domain.times import day_obs_of
from domain.work.reconciliation import Unprocessed
from entrypoints.commands.tables import console, ranges, table
from entrypoints.containers.reconcile import ReconcileContainer
from entrypoints.help import service_help
from entrypoints.running import Neighbour, loaded_or_exit, opened, settings_or_exit
from entrypoints.saying import say
from entrypoints.settings.reconcile import ReconcileSettings

__all__ = ["as_json_option", "command", "night_option", "reconcile", "requeue_option"]

_SUMMARY = (
    "Compare the image bucket, the ledger and the queue: list the images of a night that nobody"
    " processed, and why. With --requeue, put back what may be. Ends with 0 even if something is"
    " missing, with 1 if a neighbour cannot be reached."
)


@frozen(kw_only=True)
class _Done:
    """What came of it."""

    reconciliation: Reconciliation
    requeued: tuple[tuple[Finding, str], ...] = ()
    """Each finding, and why it was not put back; blank if it was. Empty if nobody asked."""


night_option = click.option(
    "--night", type=click.DateTime(["%Y-%m-%d"]), help="day_obs of the images; by default the present one."
)
requeue_option = click.option("--requeue", is_flag=True, help="Put back the work that may be done (again).")
as_json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for machines.")


@click.command(name="reconcile", help=service_help(_SUMMARY, ReconcileSettings))
@night_option
@requeue_option
@click.option("--instrument", help="By default RUBIN_INSTRUMENT.")
@as_json_option
def command(*, night: datetime.datetime | None, requeue: bool, instrument: str | None, as_json: bool) -> None:
    """Print what was found and what was done."""
    settings = settings_or_exit(ReconcileSettings)
    name = instrument or settings.instrument
    if name is None:
        raise click.UsageError("--instrument or RUBIN_INSTRUMENT must name the instrument")
    container = ReconcileContainer(settings=settings, instrument=name)
    container.check_dependencies()
    loaded_or_exit(container.camera, container.stream)
    neighbours = [container.store(), container.histories(), container.queue(), container.publisher()]
    day = night.date() if night else day_obs_of(container.clock().utc())
    reconcile(container.reconciler(), neighbours, day, requeue=requeue, as_json=as_json)


def reconcile(
    reconciler: Reconciler,
    neighbours: Sequence[Neighbour],
    night: datetime.date,
    *,
    requeue: bool,
    as_json: bool,
) -> None:
    """Compare, put back if that is wanted, and print what came of it.

    Parameters
    ----------
    reconciler, neighbours
        The use case, and what must be open for it.
    night
        day_obs of the images.
    requeue
        Put back what may be done.
    as_json
        For machines.
    """
    done = asyncio.run(_reconcile(reconciler, neighbours, night, requeue=requeue))
    if as_json:
        say(json.dumps(_record(done), indent=2))
    else:
        _show(done, console(), requeue=requeue)


async def _reconcile(
    reconciler: Reconciler, neighbours: Sequence[Neighbour], night: datetime.date, *, requeue: bool
) -> _Done:
    async with opened(*neighbours):
        found = await reconciler.compare(night)
        if not requeue:
            return _Done(reconciliation=found)
        return _Done(
            reconciliation=found,
            requeued=tuple([(finding, await reconciler.requeue(finding)) for finding in found.findings]),
        )


def _show(done: _Done, screen: Console, *, requeue: bool) -> None:
    found = done.reconciliation
    unprocessed = sum(len(finding.images) for finding in found.findings)
    screen.print(
        f"{found.instrument}, night of {found.night}: {found.images} images, {unprocessed} not processed"
    )
    for uri in found.nameless:
        screen.print(f"its sidecar is missing or unreadable: {uri}", soft_wrap=True)
    if requeue:
        title, last, outcomes = "Not processed", "put back", done.requeued
    else:
        title, last = "Not processed (--requeue puts back what may be)", "may be put back"
        outcomes = tuple((finding, finding.why_not_requeued) for finding in found.findings)
    if outcomes:
        columns = ("visit", "detectors", "exposures", "why", last)
        screen.print(table(title, columns, _together(outcomes)))


def _together(outcomes: Iterable[tuple[Finding, str]]) -> list[Sequence[object]]:
    """Join the detectors of a visit of which the same is to be said."""
    detectors: defaultdict[tuple[str, str, str, str], list[int]] = defaultdict(list)
    for finding, reason in outcomes:
        exposures = " ".join(str(one.image.raw.exposure) for one in finding.images)
        reasons = "; ".join(dict.fromkeys(_reason(one) for one in finding.images))
        outcome = f"no: {reason}" if reason else "yes"
        key = (finding.identity.group, exposures, reasons, outcome)
        detectors[key].append(finding.identity.detector)
    return [
        (group, ranges(numbers), exposures, why, outcome)
        for (group, exposures, why, outcome), numbers in detectors.items()
    ]


def _reason(image: Unprocessed) -> str:
    # An outcome's own words begin with its name.
    if not image.detail or image.detail.startswith(image.why.value):
        return image.detail or image.why.value
    return f"{image.why.value}: {image.detail}"


def _record(done: _Done) -> dict[str, Any]:
    found = done.reconciliation
    outcomes = {finding.identity: reason for finding, reason in done.requeued}
    return {
        "instrument": found.instrument,
        "night": found.night.isoformat(),
        "images": found.images,
        "nameless": list(found.nameless),
        "unprocessed": [
            {
                "group": finding.identity.group,
                "detector": finding.identity.detector,
                "images": [
                    {
                        "exposure": one.image.raw.exposure,
                        "snap": one.image.raw.snap,
                        "uri": one.image.raw.uri,
                        "why": one.why.value,
                        "detail": one.detail,
                    }
                    for one in finding.images
                ],
                "hindrance": outcomes.get(finding.identity, finding.why_not_requeued),
                "requeued": outcomes.get(finding.identity) == "",
            }
            for finding in found.findings
        ],
    }
