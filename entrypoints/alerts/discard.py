"""Remove alerts that shall not be sent."""

import click
from attrs import evolve

from entrypoints.alerts.deciding import Wanted, change_packets, end_with, wanted_options

__all__ = ["command"]


@click.command(name="discard")
@wanted_options
@click.option("--why", required=True, help="The reason, which is logged.")
def command(*, wanted: Wanted, why: str) -> None:
    """Remove alerts that are held; the APDB keeps their sources.

    CENTRAL_REPO names the repository in whose datastore the outbox is. Exit code 1 if nothing is like that.
    """
    end_with(change_packets(wanted, lambda packet: evolve(packet, alerts=())), f"discarded: {why}")
