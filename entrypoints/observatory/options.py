"""Options that `demo` and `replay` have in common, and the pipelines that both run."""

import datetime
from collections.abc import Callable, Mapping
from pathlib import Path

import click

__all__ = ["AP_PIPE", "PIPELINES", "SINGLE_FRAME", "night_options", "results_folder"]

_PIPELINES = "${PROMPT_PROCESSING_DIR}/prompt_pipelines/pipelines"

SINGLE_FRAME: Mapping[str, object] = {
    "PREPROCESSING_PIPELINES_CONFIG": [{"pipelines": []}],
    "MAIN_PIPELINES_CONFIG": [{"pipelines": [f"{_PIPELINES}/SingleFrame.yaml", f"{_PIPELINES}/Isr.yaml"]}],
}
"""Instrument signature removal and source detection; the first alone if the second cannot be."""

AP_PIPE: Mapping[str, object] = {
    "PREPROCESSING_PIPELINES_CONFIG": [{"pipelines": [f"{_PIPELINES}/Preprocessing.yaml"]}],
    "MAIN_PIPELINES_CONFIG": [
        {"pipelines": [f"{_PIPELINES}/{name}.yaml" for name in ("ApPipe", "SingleFrame", "Isr")]}
    ],
}
"""From raws to alerts; the single frame, or its signature removal, where there is no template."""

PIPELINES: Mapping[str, Mapping[str, object]] = {"ap-pipe": AP_PIPE, "single-frame": SINGLE_FRAME}
"""By the names of the option."""


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
