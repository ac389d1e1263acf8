"""Which dead letters are meant, and where they are."""

import functools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from attrs import frozen

from application.dead_letters import Selection
from domain.times import UtcSeconds
from entrypoints.containers.dead_letters import Wired, fan_out_desk, queue_desk, writer_desk
from entrypoints.containers.site import load_camera
from entrypoints.running import settings_or_exit
from entrypoints.settings.butler_writer import ButlerWriterSettings
from entrypoints.settings.environment import read_settings
from entrypoints.settings.fan_out import FanOutSettings
from entrypoints.settings.status import StatusSettings
from entrypoints.site.environment import site_variables
from entrypoints.site.folder import open_site

__all__ = ["Place", "chosen", "place_options", "selection_options"]


@frozen
class Place:
    """Where the letters are."""

    of: str
    site: Path | None

    def wired(self) -> Wired:
        """Read the settings of its process, or exit with code 2, and wire what reaches it."""
        if self.site is not None:
            folder, settings = open_site(self.site)
            variables = site_variables(folder, settings, load_camera(folder.camera))
            return queue_desk(read_settings(StatusSettings, variables))
        match self.of:
            case "fan-out":
                return fan_out_desk(settings_or_exit(FanOutSettings))
            case "writer":
                return writer_desk(settings_or_exit(ButlerWriterSettings))
            case _:
                return queue_desk(settings_or_exit(StatusSettings))


def place_options[F: Callable[..., None]](function: F) -> F:
    """Add --of and --site to a command, as `place`."""

    @click.option(
        "--of",
        type=click.Choice(["queue", "fan-out", "writer"]),
        default="queue",
        show_default=True,
        help="Whose dead letters.",
    )
    @click.option(
        "--site",
        metavar="DIR",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="A site, whose queue is meant; no environment variable is needed then.",
    )
    @functools.wraps(function)
    def with_place(*, of: str, site: Path | None, **others: Any) -> None:  # noqa: ANN401 - click's
        if site is not None and of != "queue":
            raise click.UsageError(f"a site has no {of}")
        function(place=Place(of, site), **others)

    return with_place  # type: ignore[return-value]  # the decorators of click hide that it is a command


def selection_options[F: Callable[..., None]](function: F) -> F:
    """Add the ways to choose letters to a command, as `selection`."""

    @click.argument("ids", nargs=-1)
    @click.option("--group", help="Those of a group.")
    @click.option("--visit", type=int, help="Those whose datasets are of a visit, by its number.")
    @click.option("--detector", type=int, help="Those of a detector.")
    @click.option("--reason", help="Those with this text in their reason.")
    @click.option("--older-than", type=float, metavar="HOURS", help="Dead-lettered before that.")
    @click.option("--newer-than", type=float, metavar="HOURS", help="Dead-lettered since then.")
    @functools.wraps(function)
    def with_selection(
        *,
        ids: tuple[str, ...],
        older_than: float | None,
        newer_than: float | None,
        group: str | None,
        visit: int | None,
        detector: int | None,
        reason: str | None,
        **others: Any,  # noqa: ANN401 - click's
    ) -> None:
        selection = Selection(
            ids=frozenset(ids),
            group=group,
            visit=visit,
            detector=detector,
            reason=reason,
            since=_ago(newer_than),
            before=_ago(older_than),
        )
        function(selection=selection, **others)

    return with_selection  # type: ignore[return-value]  # the decorators of click hide that it is a command


def chosen(selection: Selection, *, everything: bool) -> None:
    """Insist that somebody said which letters are meant.

    Raises
    ------
    click.UsageError
        Raised if neither the selection nor --all says so, or both do.
    """
    if selection.is_all and not everything:
        raise click.UsageError("say which: IDs, --group, --visit, --detector, --reason, an age, or --all")
    if everything and not selection.is_all:
        raise click.UsageError("--all: something else chooses already")


def _ago(hours: float | None) -> UtcSeconds | None:
    return None if hours is None else UtcSeconds(time.time() - hours * 3600.0)
