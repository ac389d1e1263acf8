"""Put back what a site has not processed."""

import datetime
from pathlib import Path

import click

from domain.times import day_obs_of
from entrypoints.commands.reconcile import as_json_option, night_option, reconcile, requeue_option
from entrypoints.containers.site import load_camera, make_reconciler
from entrypoints.containers.status import StatusContainer
from entrypoints.settings.environment import read_settings
from entrypoints.settings.status import StatusSettings
from entrypoints.site.environment import site_variables
from entrypoints.site.folder import open_site, site_argument

__all__ = ["command"]


@click.command(name="reconcile")
@site_argument
@night_option
@requeue_option
@as_json_option
def command(*, folder: Path, night: datetime.datetime | None, requeue: bool, as_json: bool) -> None:
    """List the images of a night that the site in DIR has not processed, and why.

    With --requeue what may be processed again is put back, the dead letters among
    it: the site does it at once if it runs, else when it runs again.
    """
    site, settings = open_site(folder)
    camera = load_camera(site.camera)
    status = StatusContainer(settings=read_settings(StatusSettings, site_variables(site, settings, camera)))
    reconciler, neighbours = make_reconciler(site, settings, camera, status)
    tonight = day_obs_of(status.clock().utc(), camera.header.day_begins)
    reconcile(reconciler, neighbours, night.date() if night else tonight, requeue=requeue, as_json=as_json)
