"""Let alerts go that are held."""

import click
from attrs import evolve

from entrypoints.alerts.deciding import Wanted, change_packets, end_with, wanted_options

__all__ = ["command"]


@click.command(name="release")
@wanted_options
def command(*, wanted: Wanted) -> None:
    """Let alerts go that are held: the courier sends what of them is stored.

    CENTRAL_REPO names the repository in whose datastore the outbox is. Exit code 1 if nothing is like that.
    """
    end_with(change_packets(wanted, lambda packet: evolve(packet, held="")), "released")
