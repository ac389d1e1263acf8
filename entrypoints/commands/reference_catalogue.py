"""Reference catalogues for people: put stars of any catalogue into a repository."""

import datetime
import re
from pathlib import Path

import click

from entrypoints.containers.observatory import load_columns
from entrypoints.long_work import work
from entrypoints.observatory.catalogues import COLUMNS_HELP, reading
from entrypoints.saying import say
from workbench.catalogues.catalogue_stars import LeftOut
from workbench.catalogues.stored_catalogues import add_catalogue, read_catalogue
from workbench.coadds.own_stars import Surveyed, add_own_stars
from workbench.coadds.repository import TemplateRepository
from workbench.pace import Pace

__all__ = ["command"]


@click.group(name="reference-catalogue")
def command() -> None:
    """Manage the stars by which images are calibrated."""


_HELP = """\
Add the stars of FILES to a repository.

FILES are CSV, ECSV (gzipped or not), FITS tables, Parquet, or folders of
these; a HATS catalogue is a folder of Parquet. Positions are ICRS; proper
motions are kept, and applied to the time of each exposure. What a catalogue
of the same name has already is kept, and nothing is overwritten: new stars
come into a run of their own, before all others in the chain "refcats".

A file of columns of one's own:

\b
  id: source_id                    # whole numbers; if absent, made of the position
  ra: RA                           # a column, or {column: RA, unit: hourangle}
  dec: DEC
  epoch: {value: 2015.5}           # or {column: EPOCH, format: mjd}; format: jyear, mjd
  pm_ra: PMRA                      # times cos(dec); in mas/yr unless a unit is said
  pm_dec: PMDEC
  missing: [-999]                  # numbers that mean that there is none
  fluxes:
    g: {magnitude: GMAG, error: GERR}    # AB
    r: {flux: RFLUX, unit: uJy}          # nJy unless a unit is said
    i: {magnitude: IVEGA, terms: [0.37]} # added to the magnitude

Units in FITS and ECSV files count where the YAML file says none. `terms` may
be powers of a `colour`, two columns of magnitudes (see the shipped gaia).
"""


@command.command(name="add", help=_HELP)
@click.argument(
    "files", nargs=-1, required=True, metavar="FILES...", type=click.Path(exists=True, path_type=Path)
)
@click.option(
    "--into", "repository", required=True, metavar="REPO", help="Butler repository that gets the stars."
)
@click.option("--columns", required=True, metavar="FILE|NAME", help=COLUMNS_HELP)
@click.option(
    "--name",
    help="Of the catalogue, so that parts of it can be added one after the other."
    "  [default: the name of --columns]",
)
def add(*, files: tuple[Path, ...], repository: str, columns: str, name: str | None) -> None:
    """Add the stars of FILES to a repository."""
    name = name or re.sub(r"\.ya?ml$", "", Path(columns).name)
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        raise click.BadParameter(f"{name!r} is more than letters, digits, _ and -", param_hint="--name")
    rules = load_columns(columns)
    with reading() as told:
        stars, left_out = read_catalogue(files, rules, told)
    _tell(left_out)
    added = add_catalogue(repository, name, stars, datetime.datetime.now(datetime.UTC))
    merged = f", {added.merged} of them beside stars that were there" if added.merged else ""
    say(f"{added.stars:,} stars in {added.shards} shards are in {added.run}, first in refcats{merged}")


@command.command(name="from-images")
@click.argument("repository", metavar="REPO")
@click.option("--instrument", help="The camera.  [default: the repository's only one]")
def from_images(*, repository: str, instrument: str | None) -> None:
    """Add the stars that the images in REPO show where the catalogue has none of their band.

    For a camera of whose sky nobody has a catalogue: the deepest image of a field says where
    stars are, as its header has it, and one of its electrons counts as one nanojansky; the others
    follow it. A catalogue that is added later takes the place of these stars where it has any.
    """
    pace = Pace()

    def survey() -> Surveyed:
        with TemplateRepository(repository) as opened:
            return add_own_stars(repository, opened.butler, opened.instrument(instrument), pace)

    found = work("looking for images", survey, pace)
    for name, reason in found.left.items():
        say(f"{name} has no part in it: {reason}", err=True)
    say(f"{found.new:,} new stars are in {found.added.run}, first in refcats")


def _tell(left_out: LeftOut) -> None:
    for count, what in ((left_out.without_position, "position"), (left_out.without_flux, "usable flux")):
        if count:
            say(f"{count:,} rows without a {what} are left out", err=True)
