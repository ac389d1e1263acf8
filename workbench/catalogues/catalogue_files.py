"""Reading columns of star catalogues: CSV, ECSV, FITS, Parquet, and folders of these (HATS among them)."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from astropy.io import fits
from astropy.table import Column, MaskedColumn, Table
from attrs import frozen

from domain.sky.catalogue_columns import CatalogueError
from raw_files.gzipped import unpacked

__all__ = ["Chunk", "ReadColumn", "catalogue_files", "read_chunks"]

_ROWS = 200_000
_NULLS = ("", "null", "NULL", "nan", "NaN", "NA", "N/A", '""')
_COLLECTION = "collection.properties"
_PRIMARY = "hats_primary_table_url"
_SAMPLES = "data_thumbnail"


@frozen(eq=False)
class ReadColumn:
    """Values of a column."""

    values: np.ma.MaskedArray
    unit: str | None
    """As the file has it."""


type Chunk = Mapping[str, ReadColumn]
"""Some rows of a file, by column."""


def catalogue_files(path: Path) -> Sequence[Path]:
    """List the files of a catalogue: a file itself, or all below a folder.

    Of a HATS collection those of the catalogue itself, without the margins, which repeat it.

    Raises
    ------
    CatalogueError
        Raised if there is none that can be read.
    """
    if path.is_file():
        _reader(path)
        return [path]
    if not path.is_dir():
        raise CatalogueError(f"{path}: does not exist")
    if (path / _COLLECTION).is_file():
        path = _primary(path / _COLLECTION)
    files = [
        file
        for file in sorted(path.rglob("*"))
        if file.is_file()
        and not any(part.startswith(("_", ".")) for part in file.relative_to(path).parts)
        and not file.name.startswith(_SAMPLES)
    ]
    # HATS keeps CSV files of its own beside the partitions.
    parquet = [file for file in files if _is_parquet(file)]
    found = parquet or [file for file in files if _find_reader(file) is not None]
    if not found:
        raise CatalogueError(f"{path}: holds no CSV, ECSV, FITS or Parquet files")
    return found


def read_chunks(file: Path, columns: Sequence[str]) -> Iterator[Chunk]:
    """Read some columns, so many rows at a time.

    Raises
    ------
    CatalogueError
        Raised if the file cannot be read or lacks a column; the text names both.
    """
    try:
        yield from _reader(file)(file, columns)
    except CatalogueError:
        raise
    # Each library has errors of its own for a damaged file.
    except Exception as error:
        raise CatalogueError(f"{file}: cannot be read: {' '.join(str(error).split())}") from error


def _primary(properties: Path) -> Path:
    for line in properties.read_text().splitlines():
        name, _, value = line.partition("=")
        if name.strip() == _PRIMARY:
            return properties.parent / value.strip()
    raise CatalogueError(f"{properties}: {_PRIMARY} is missing")


def _reader(file: Path) -> Callable[[Path, Sequence[str]], Iterator[Chunk]]:
    reader = _find_reader(file)
    if reader is None:
        raise CatalogueError(f"{file}: is none of CSV, ECSV, FITS and Parquet, by its name")
    return reader


def _find_reader(file: Path) -> Callable[[Path, Sequence[str]], Iterator[Chunk]] | None:
    name = file.name.lower().removesuffix(".gz")
    if name.endswith(".ecsv") or (name.endswith(".csv") and _begins_as_ecsv(file)):
        return _read_ecsv
    if name.endswith(".csv"):
        return _read_csv
    if name.endswith((".fits", ".fit", ".fts")):
        return _read_fits
    return _read_parquet if _is_parquet(file) else None


def _is_parquet(file: Path) -> bool:
    return file.suffix.lower() in {".parquet", ".parq", ".pq"}


def _begins_as_ecsv(file: Path) -> bool:
    with pa.input_stream(str(file)) as stream:
        return bool(stream.read(len(b"# %ECSV")) == b"# %ECSV")


def _check(file: Path, there: Sequence[str], columns: Sequence[str]) -> None:
    missing = [name for name in columns if name not in there]
    if missing:
        raise CatalogueError(
            f"{file}: has no column {', '.join(missing)}; it has {', '.join(there[:40])}"
            f"{' and others' if len(there) > 40 else ''}"
        )


def _read_csv(file: Path, columns: Sequence[str]) -> Iterator[Chunk]:
    convert = pa.csv.ConvertOptions(null_values=list(_NULLS), strings_can_be_null=True)
    with pa.csv.open_csv(file, convert_options=convert) as reader:
        _check(file, reader.schema.names, columns)
    convert = pa.csv.ConvertOptions(
        null_values=list(_NULLS), strings_can_be_null=True, include_columns=list(columns)
    )
    with pa.csv.open_csv(file, convert_options=convert) as reader:
        for batch in reader:
            yield _from_arrow(batch)


def _read_parquet(file: Path, columns: Sequence[str]) -> Iterator[Chunk]:
    with pa.parquet.ParquetFile(file) as parquet:
        _check(file, parquet.schema_arrow.names, columns)
        for batch in parquet.iter_batches(batch_size=_ROWS, columns=list(columns)):
            yield _from_arrow(batch)


def _from_arrow(batch: pa.RecordBatch) -> Chunk:
    found = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        empty = np.asarray(column.is_null())
        filled = column.fill_null(0) if column.null_count and not pa.types.is_null(column.type) else column
        values = (
            np.zeros(len(column)) if pa.types.is_null(column.type) else filled.to_numpy(zero_copy_only=False)
        )
        found[name] = ReadColumn(np.ma.MaskedArray(values, mask=empty), None)
    return found


def _read_ecsv(file: Path, columns: Sequence[str]) -> Iterator[Chunk]:
    with file.open("rb") as stream:
        unpacked(stream)  # astropy, which takes no open file, would go on without end
    table = Table.read(file, format="ascii.ecsv", fill_values=[(text, "0") for text in _NULLS])
    _check(file, table.colnames, columns)
    yield from _from_table(table[list(columns)])


def _read_fits(file: Path, columns: Sequence[str]) -> Iterator[Chunk]:
    # Of a stream, because astropy leaves a file open that it cannot read.
    with file.open("rb") as stream, fits.open(unpacked(stream)) as hdus, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about units that are no standard; those that count are read later
        tables = [hdu for hdu in hdus if isinstance(hdu, fits.BinTableHDU | fits.TableHDU)]
        if not tables:
            raise CatalogueError(f"{file}: holds no table")
        table = Table.read(tables[0])
    _check(file, table.colnames, columns)
    yield from _from_table(table[list(columns)])


def _from_table(table: Table) -> Iterator[Chunk]:
    for start in range(0, len(table), _ROWS):
        yield {name: _from_column(table[name][start : start + _ROWS]) for name in table.colnames}


def _from_column(column: Column) -> ReadColumn:
    mask = column.mask if isinstance(column, MaskedColumn) else False
    unit = None if column.unit is None else str(column.unit)
    return ReadColumn(np.ma.MaskedArray(np.asarray(column), mask=mask), unit)
