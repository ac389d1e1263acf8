"""Stop a site."""

from pathlib import Path

import click

from entrypoints.saying import say
from entrypoints.site import lock
from entrypoints.site.folder import open_site, site_argument

__all__ = ["STOPPED", "command"]

STOPPED = "stopped; what was not finished is done when the site runs again"

_RESERVE = 30.0
"""Seconds for what follows the grace of images and of what they made."""


@click.command(name="stop")
@site_argument
@click.option("--now", "at_once", is_flag=True, help="Leave no time to the images under way.")
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    help="Seconds to wait for its end.  [default: as long as its grace allows]",
)
def command(*, folder: Path, at_once: bool, wait: float | None) -> None:
    """Stop the process that runs the site in DIR, and wait for its end.

    The images under way may end within the grace of site.yaml. The exit code is
    0 also if nothing runs the site.
    """
    site, settings = open_site(folder)
    holder = lock.find_holder(site)
    if holder is None:
        say(f"no process runs {folder}")
        return
    patience = 2 * settings.grace_s + _RESERVE if wait is None else wait
    if not lock.stop(site, holder, patience, at_once=at_once):
        raise click.ClickException(
            f"{holder} has not ended in {patience:g} s; `site stop --now` leaves it no time"
        )
    say(STOPPED)
