"""List what waits in the outbox of alerts."""

import json

import click

from entrypoints.alerts.deciding import packets_or_exit
from entrypoints.commands.tables import console, table

__all__ = ["command"]


@click.command(name="held")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for machines.")
def command(*, as_json: bool) -> None:
    """List what waits in the outbox: what is held and why, and what the courier is to deal with.

    CENTRAL_REPO names the repository in whose datastore the outbox is. Exit code 1 if it cannot be read.
    """
    packets, unknown = packets_or_exit()
    records = [
        {
            "uri": packet.name,
            "instrument": packet.owner.identity.instrument,
            "group": packet.owner.identity.group,
            "visit": packet.visit,
            "detector": packet.detector,
            "attempt": packet.owner.number,
            "alerts": len(packet.alerts),
            "held": packet.held,
        }
        for packet in packets
    ]
    if as_json:
        left = [{"uri": one.name, "unreadable": one.reason} for one in unknown]
        click.echo(json.dumps([*records, *left], indent=2))
        return
    rows = [
        (
            one["group"],
            one["visit"],
            one["detector"],
            one["alerts"],
            one["held"] or "for the courier",
            one["uri"],
        )
        for one in records
    ]
    rows += [("", "", "", "", one.reason, one.name) for one in unknown]
    screen = console()
    columns = ("group", "visit", "detector", "alerts", "held", "file")
    screen.print(
        table("Alerts in the outbox", columns, rows) if rows else "there are no alerts in the outbox"
    )
