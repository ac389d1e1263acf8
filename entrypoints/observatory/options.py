"""Options that `demo` and `replay` have in common, and the pipelines that both run."""

import datetime
from collections.abc import Callable
from pathlib import Path

import click

from entrypoints.settings.pipelines import AP_PIPE, PIPELINES, SINGLE_FRAME

__all__ = ["AP_PIPE", "PIPELINES", "SINGLE_FRAME", "night_options", "results_folder"]


def night_options[F: Callable[..., None]](*, speed: float, pipelines: str = "ap-pipe") -> Callable[[F], F]:
    """Add the options to a command.

    Parameters
    ----------
    speed
        Default of ``--speed``.
    pipelines
        Default of ``--pipelines``.
    """

    def decorate(function: F) -> F:
        for option in (
            click.option(
                "--results",
                type=click.Path(path_type=Path),
                help="Folder for a Butler repository with the outputs; must not exist."
                "  [default: results/INSTRUMENT-TIME]",
            ),
            click.option(
                "--pipelines",
                type=click.Choice(list(PIPELINES)),
                default=pipelines,
                show_default=True,
                help="How far: to alerts, or to the sources of single images.",
            ),
            click.option(
                "--workers",
                type=click.IntRange(min=1),
                default=2,
                show_default=True,
                help="How many workers.",
            ),
            click.option(
                "--speed",
                type=click.FloatRange(min=0.1),
                default=speed,
                show_default=True,
                help="How much faster than real time the observatory lives.",
            ),
            click.option(
                "--console/--no-console",
                "with_console",
                default=True,
                show_default=True,
                help="Serve the console while the night goes on; CONSOLE_PORT says where.",
            ),
            click.option(
                "--quiet",
                "-q",
                is_flag=True,
                help="Show what does not complete and the summary, no progress.",
            ),
        ):
            function = option(function)
        return function

    return decorate


def results_folder(given: Path | None, instrument: str) -> Path:
    """Choose the folder for the results.

    Raises
    ------
    click.ClickException
        Raised if it exists and is not empty.
    """
    now = datetime.datetime.now(datetime.UTC)
    folder = given or Path("results") / f"{instrument}-{now:%Y%m%dT%H%M%S}"
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise click.ClickException(f"--results {folder}: exists and is not an empty folder")
    # The Butler takes a relative name as one below the folder that it exports to.
    return folder.absolute()
