"""A night as one HTML file."""

import asyncio
import contextlib
import datetime
from pathlib import Path

import click

from entrypoints.containers.console import kept_night, night_report
from entrypoints.saying import say
from workbench.night.kept_night import NIGHT

__all__ = ["command"]


@click.command(name="night-report")
@click.argument("folder", metavar="RESULTS", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--night", type=click.DateTime(["%Y-%m-%d"]), help="day_obs of the night; by default the last one."
)
@click.option(
    "-o",
    "--output",
    metavar="FILE.html",
    type=click.Path(dir_okay=False, path_type=Path),
    help=f"By default RESULTS/{NIGHT}/report.html; if that cannot be written, report-DATE.html here.",
)
def command(*, folder: Path, night: datetime.datetime | None, output: Path | None) -> None:
    """Write a night as one HTML file, and print its path.

    RESULTS is what `demo` or `replay` has kept, or a site. The file has the console's pages without a
    server: outcomes, what is not as it should be and why, visits, focal planes, objects with cutouts and
    light curves, trends. It asks for nothing else, so it can be sent or kept; it has at most 10 MB, and
    says what was left out.
    """
    date, text = asyncio.run(_made(folder, night.date() if night else None))
    say(str(_written(text, _places(folder, date) if output is None else [output])))


async def _made(folder: Path, night: datetime.date | None) -> tuple[datetime.date, str]:
    async with kept_night(folder, night) as watched:
        return watched.night.board.view().summary.night, await night_report(watched.night)


def _places(folder: Path, night: datetime.date) -> list[Path]:
    return [folder / NIGHT / "report.html", Path(f"report-{night}.html")]


def _written(text: str, places: list[Path]) -> Path:
    """Write to the first place where that is possible."""
    refused = ""
    for path in places:
        part = path.with_name(f"{path.name}.part")
        try:
            part.write_text(text, encoding="utf-8")
            part.replace(path)
        except OSError as error:
            refused = f"{path} cannot be written: {error.strerror}"
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
        else:
            return path
    raise click.ClickException(refused)
