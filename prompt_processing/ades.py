"""What moves, for the Minor Planet Center."""

from pathlib import Path

import click

from prompt_processing.errors import ResultsError
from prompt_processing.results import open_results
from workbench.night.ades import Observatory

__all__ = ["command"]

_UNKNOWN = Observatory()


@click.command(name="ades")
@click.argument("folder", metavar="RESULTS", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--station", default=_UNKNOWN.station, show_default=True, help="Code of the observatory.")
@click.option(
    "--observer", default=_UNKNOWN.observer, show_default=True, help="Who observed, as `A. Observer`."
)
@click.option("--design", default=_UNKNOWN.design, show_default=True, help="Of the telescope: Reflector, ...")
@click.option(
    "--aperture", default=_UNKNOWN.aperture, show_default=True, help="Metres; 9999 if it is not known."
)
@click.option("--catalogue", default=_UNKNOWN.catalogue, show_default=True, help="Of positions: Gaia3, ...")
@click.option("--night", type=int, metavar="YYYYMMDD", help="Those of one night; else all.")
@click.option(
    "--table",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File for them as a table (ECSV) as well; that nothing moves is no error then.",
)
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="File; else it is printed."
)
def command(
    *,
    folder: Path,
    station: str,
    observer: str,
    design: str,
    aperture: float,
    catalogue: str,
    night: int | None,
    table: Path | None,
    output: Path | None,
) -> None:
    """Write the tracklets of RESULTS, which `demo` or `replay` has written or is a site's folder, as ADES.

    It is the Minor Planet Center's format (PSV, version 2022), and can be sent
    once station, observer, telescope and catalogue are given.
    """
    observatory = Observatory(
        station=station, observer=observer, design=design, aperture=aperture, catalogue=catalogue
    )
    with open_results(folder) as results:
        tracklets = results.tracklets if night is None else results.tracklets_of(night)
        if table is not None:
            tracklets.write(table, overwrite=True)
        if not len(tracklets) and table is None:
            raise ResultsError(f"{folder}: nothing in it moves, so there is nothing to write")
        text = results.ades(observatory, night) if len(tracklets) else ""
    if not text:
        if output is not None:
            output.unlink(missing_ok=True)
        click.echo("nothing moves")
    elif output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")
        click.echo(f"{len(tracklets)} tracklets in {output}")
