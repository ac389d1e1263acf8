"""The folder that the commands of a site are given."""

from collections.abc import Callable
from pathlib import Path

import click

from entrypoints.containers.site import read_site
from entrypoints.running import loaded_or_exit
from entrypoints.settings.site import SiteFolder, SiteSettings

__all__ = ["open_site", "site_argument"]


def site_argument[F: Callable[..., None]](function: F) -> F:
    """Add the argument DIR to a command, as `folder`."""
    kind = click.Path(exists=True, file_okay=False, path_type=Path)
    return click.argument("folder", metavar="DIR", type=kind)(function)


def open_site(folder: Path) -> tuple[SiteFolder, SiteSettings]:
    """Read a site's settings; with faults, list them all and exit with code 2.

    Raises
    ------
    click.ClickException
        Raised if the folder is no site.
    """
    site = SiteFolder(folder.resolve())
    if not site.settings.exists():
        raise click.ClickException(
            f"{folder} is no site: it has no {site.settings.name}; `prompt-processing site init` makes one"
        )
    found: list[SiteSettings] = []
    loaded_or_exit(lambda: found.append(read_site(site)))
    return site, found[0]
