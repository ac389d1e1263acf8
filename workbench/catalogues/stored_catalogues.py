"""Reference catalogues in repositories: read from files, added, and read again."""

import datetime
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from astropy.table import Table, vstack
from attrs import define, field, frozen
from lsst.daf.butler import (  # type: ignore[attr-defined]  # CollectionType is public, not marked as such
    Butler,
    CollectionType,
    DatasetRef,
    DatasetType,
)
from lsst.daf.butler.registry import ConflictingDefinitionError

from domain.runs import input_collections
from domain.sky.catalogue_columns import CatalogueColumns, CatalogueError
from workbench.catalogues.catalogue_files import catalogue_files, read_chunks
from workbench.catalogues.catalogue_stars import LeftOut, stars_of
from workbench.catalogues.reference_catalogue import shards_of
from workbench.repository import HTM_LEVEL, REFERENCE_CATALOGUE

__all__ = ["Added", "Told", "add_catalogue", "read_catalogue", "stored_stars"]

_HTM = f"htm{HTM_LEVEL}"
_CHAIN = input_collections("").reference_catalogues

type Told = Callable[[str, int, int, int], None]
"""Is told a file's name, its number, how many there are, and rows read of it so far."""


@frozen(kw_only=True)
class Added:
    """What came into a repository."""

    run: str
    stars: int
    shards: int
    merged: int
    """Shards that were there: their stars are kept, beside the new ones."""


@define
class _Gathered:
    """Stars of all files."""

    parts: list[Table] = field(factory=list)
    left_out: LeftOut = field(factory=LeftOut)


def read_catalogue(paths: Sequence[Path], columns: CatalogueColumns, told: Told) -> tuple[Table, LeftOut]:
    """Read the stars of files and folders.

    Raises
    ------
    CatalogueError
        Raised if one cannot be read, or holds no stars; the text names file and column.
    """
    files = [file for path in paths for file in catalogue_files(path)]
    gathered = _Gathered()
    for number, file in enumerate(files, start=1):
        rows = 0
        for chunk in read_chunks(file, columns.columns):
            gathered.parts.append(stars_of(file, chunk, columns, gathered.left_out))
            rows += len(next(iter(chunk.values())).values)
            told(file.name, number, len(files), rows)
    parts = [part for part in gathered.parts if len(part)]
    if not parts:
        left = gathered.left_out
        raise CatalogueError(
            f"{', '.join(map(str, paths))}: no star with a position and a flux "
            f"({left.without_position} rows without a position, {left.without_flux} without a flux)"
        )
    return _without_repeats(vstack(parts, metadata_conflicts="silent")), gathered.left_out


def add_catalogue(root: str, name: str, stars: Table, now: datetime.datetime) -> Added:
    """Put stars into a repository, before all that are there.

    What a catalogue of the same name has in the same triangles is kept, but for stars with
    the ids of new ones. Nothing is overwritten: each time there is a new run.

    Parameters
    ----------
    root
        The repository.
    name
        Of the catalogue.
    stars
        As `read_catalogue` gives them.
    now
        Tells the run from earlier ones.

    Raises
    ------
    CatalogueError
        Raised if the repository cannot be opened or defines the dataset type otherwise.
    """
    family, merged, shards = f"{_CHAIN}/{name}", 0, list(shards_of(stars))
    run = f"{family}/{now:%Y%m%dT%H%M%S%fZ}"
    with _opened(root, writeable=True) as butler:
        _register(butler, root)
        earlier = _family(butler, family)
        with butler.transaction():
            butler.collections.register(run, CollectionType.RUN)
            for shard in shards:
                known = _stored(butler, earlier, shard.htm7)
                merged += known is not None
                table = shard.stars if known is None else _merged(shard.stars, known)
                butler.put(table, REFERENCE_CATALOGUE, {_HTM: shard.htm7}, run=run)
        _put_first(butler, run)
    return Added(run=run, stars=len(stars), shards=len(shards), merged=merged)


def stored_stars(root: str, triangles: Collection[int] | None = None) -> Table:
    """Read the stars of a repository's reference catalogue.

    Parameters
    ----------
    root
        The repository.
    triangles
        Whose stars, by their numbers; None: all.

    Raises
    ------
    CatalogueError
        Raised if there is no repository, or no star.
    """
    with _opened(root) as butler:
        refs = [ref for ref in _refs(butler) if triangles is None or int(ref.dataId[_HTM]) in triangles]
        tables = [table for table in map(butler.get, refs) if len(table)]
    if not tables:
        raise CatalogueError(
            f"{root}: has no reference catalogue in {_CHAIN}, or none of this part of the sky"
        )
    return vstack(tables, metadata_conflicts="silent")


def _refs(butler: Butler) -> Sequence[DatasetRef]:
    """List the shards that are found first in the chain."""
    if not butler.collections.query(_CHAIN) or not butler.registry.queryDatasetTypes(REFERENCE_CATALOGUE):
        return []
    return butler.query_datasets(
        REFERENCE_CATALOGUE, collections=_CHAIN, find_first=True, limit=None, explain=False
    )


@contextmanager
def _opened(root: str, *, writeable: bool = False) -> Iterator[Butler]:
    try:
        butler = Butler.from_config(root, writeable=writeable)
    # What is not there, no repository or not to be written to has many errors, of several packages.
    except Exception as error:
        raise CatalogueError(
            f"{root}: is no repository that can be opened: {' '.join(str(error).split())}"
        ) from error
    with butler:
        yield butler


def _register(butler: Butler, root: str) -> None:
    """Register the dataset type, if it is not there; refuse one of another kind."""
    wanted = DatasetType(REFERENCE_CATALOGUE, (_HTM,), "ArrowAstropy", universe=butler.dimensions)
    try:
        butler.registry.registerDatasetType(wanted)
    except ConflictingDefinitionError as error:
        raise CatalogueError(
            f"{root}: its dataset type {REFERENCE_CATALOGUE} is not one of tables by {_HTM}: {error}"
        ) from error


def _family(butler: Butler, family: str) -> Sequence[str]:
    """List earlier runs of a catalogue, the latest first."""
    return sorted(butler.collections.query(f"{family}/*", collection_types=CollectionType.RUN), reverse=True)


def _stored(butler: Butler, runs: Sequence[str], htm7: int) -> Table | None:
    ref = butler.find_dataset(REFERENCE_CATALOGUE, {_HTM: htm7}, collections=runs) if runs else None
    return None if ref is None else butler.get(ref)


def _merged(new: Table, known: Table) -> Table:
    others = known[~np.isin(np.asarray(known["id"]), np.asarray(new["id"]))]
    return vstack([new, others], metadata_conflicts="silent")


def _without_repeats(stars: Table) -> Table:
    """Keep the first star of each id."""
    first = np.unique(np.asarray(stars["id"]), return_index=True)[1]
    return stars[np.sort(first)]


def _put_first(butler: Butler, run: str) -> None:
    butler.collections.register(_CHAIN, CollectionType.CHAINED)
    butler.collections.prepend_chain(_CHAIN, run)
