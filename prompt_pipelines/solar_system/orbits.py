"""Files of orbits: the Minor Planet Center's MPCORB, or Parquet with the columns of its ``mpc_orbits``."""

import datetime
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from attrs import fields, frozen

from prompt_pipelines.arrays import Floats
from prompt_pipelines.errors import PromptPipelinesError

__all__ = ["Orbits", "OrbitsError", "load_orbits"]

_MJD_OF_DAY_0 = 678_576
_LAST_COLUMN = 107
_DASHES = b"-----"
_FIELDS: Mapping[str, tuple[int, int]] = {
    "magnitude": (8, 13), "slope": (14, 19), "mean_anomaly": (26, 35), "perihelion": (37, 46),
    "node": (48, 57), "inclination": (59, 68), "eccentricity": (70, 79), "axis": (92, 103),
}  # fmt: skip
"""Characters of a line, from 0 (https://minorplanetcenter.net/iau/info/MPOrbitFormat.html)."""
_RUNOFF = (1.0, 4.4, 19.6, 86.5, 382.0, 1692.0, 7488.0, 33121.0, 146502.0)
"""Arcseconds in ten years, at most, for each uncertainty parameter (.../iau/info/UValue.html)."""
_USUAL_RUNOFF = 19.6
_SLOPE = 0.15
_REQUIRED = ("e", "i", "node", "argperi", "epoch_mjd")


class OrbitsError(PromptPipelinesError):
    """A file of orbits cannot be read."""


@frozen(kw_only=True, eq=False)
class Orbits:
    """Orbits about the Sun, osculating at their epoch, by the ecliptic of J2000: columns of equal length."""

    designation: np.ndarray[Any, Any]
    """Packed."""
    epoch: Floats
    """MJD, TT."""
    axis: Floats
    """au."""
    eccentricity: Floats
    inclination: Floats
    """Degrees, as the angles below."""
    node: Floats
    perihelion: Floats
    """Its argument."""
    mean_anomaly: Floats
    magnitude: Floats
    """Absolute, H; NaN if it is not known."""
    slope: Floats
    """G."""
    runoff: Floats
    """Arcseconds that a prediction may be off after ten years."""

    def __len__(self) -> int:
        return len(self.designation)

    def take(self, which: np.ndarray[Any, Any]) -> "Orbits":
        """Take some of them, by index or mask."""
        return Orbits(**{one.name: getattr(self, one.name)[which] for one in fields(Orbits)})


def load_orbits(path: str) -> Orbits:
    """Read a file of orbits, once for each process while it stays as it is.

    Orbits that are not ellipses are left out.

    Raises
    ------
    OrbitsError
        Raised if it cannot be read.
    """
    try:
        changed = Path(path).stat().st_mtime_ns
    except OSError as error:
        raise OrbitsError(f"the orbits {path} cannot be read: {error.strerror}") from error
    return _load(path, changed)


@functools.lru_cache(maxsize=1)
def _load(path: str, _changed: int) -> Orbits:
    try:
        content = Path(path).read_bytes()
        orbits = _parquet(path) if content.startswith(b"PAR1") else _mpcorb(content)
    except (OSError, ValueError, KeyError, LookupError) as error:
        raise OrbitsError(f"the orbits {path} cannot be read: {error}") from error
    usable = (orbits.eccentricity < 1.0) & (orbits.axis > 0.0) & np.isfinite(orbits.mean_anomaly)
    if not usable.any():
        raise OrbitsError(f"the orbits {path} have no orbit that is an ellipse")
    return orbits.take(usable)


def _mpcorb(content: bytes) -> Orbits:
    lines = content.splitlines()
    header = next((number for number, line in enumerate(lines) if line.startswith(_DASHES)), -1)
    lines = [line for line in lines[header + 1 :] if line.strip()]
    if not lines:
        raise ValueError("has no orbits")
    rows = np.array(lines, dtype=f"S{_LAST_COLUMN}").view("S1").reshape(len(lines), _LAST_COLUMN)

    def cut(begin: int, end: int) -> np.ndarray[Any, Any]:
        piece = np.ascontiguousarray(rows[:, begin:end]).view(f"S{end - begin}").ravel()
        return np.char.strip(piece)

    columns = {name: _numbers(cut(*where), lines) for name, where in _FIELDS.items()}
    columns["slope"] = np.where(np.isnan(columns["slope"]), _SLOPE, columns["slope"])
    epochs, which = np.unique(cut(20, 25), return_inverse=True)
    return Orbits(
        designation=cut(0, 7).astype(str),
        epoch=np.array([_unpacked(one.decode("ascii", "replace")) for one in epochs])[which],
        runoff=np.array([_runoff_of(one) for one in cut(105, 106).astype(str)]),
        **columns,
    )


def _numbers(texts: np.ndarray[Any, Any], lines: Sequence[bytes]) -> Floats:
    filled = np.where(texts == b"", b"nan", texts)
    try:
        return filled.astype(float)
    except ValueError:
        for text, line in zip(filled, lines, strict=True):
            try:
                float(text)
            except ValueError:
                shown = [one.decode("ascii", "replace") for one in (line[:20], text)]
                raise ValueError(f"{shown[0]}...: {shown[1]} is no number") from None
        raise


def _unpacked(date: str) -> float:
    """Read a packed date such as K194R, 2019-04-27, as an MJD."""
    try:
        year = 100 * int(date[0], 36) + int(date[1:3])
        return float(datetime.date(year, int(date[3], 36), int(date[4], 36)).toordinal() - _MJD_OF_DAY_0)
    except (ValueError, IndexError):
        raise ValueError(f"{date!r} is no packed epoch") from None


def _runoff_of(uncertainty: str) -> float:
    return _RUNOFF[min(int(uncertainty), len(_RUNOFF) - 1)] if uncertainty.isdecimal() else _USUAL_RUNOFF


def _parquet(path: str) -> Orbits:
    import pyarrow.parquet as pq  # noqa: PLC0415 - MPCORB needs it not

    table = pq.read_table(path).to_pandas()
    names = ("packed_primary_provisional_designation", "designation")
    name = next((one for one in names if one in table), None)
    missing = [one for one in _REQUIRED if one not in table] + ([] if name else [names[1]])
    if missing:
        raise ValueError(f"has no column {', '.join(missing)}")

    def column(name: str, default: float = np.nan) -> Floats:
        values = table[name].to_numpy(float) if name in table else np.full(len(table), np.nan)
        return np.where(np.isnan(values), default, values)

    eccentricity, epoch = column("e"), column("epoch_mjd")
    axis = np.where(np.isnan(column("a")), column("q") / (1.0 - eccentricity), column("a"))
    motion = np.degrees(0.01720209895) * np.abs(axis) ** -1.5
    anomaly = np.where(
        np.isnan(column("mean_anomaly")), motion * (epoch - column("peri_time")), column("mean_anomaly")
    )
    uncertain = (str(int(one)) if np.isfinite(one) else "" for one in column("u_param"))
    return Orbits(
        designation=table[name].astype(str).str.strip().to_numpy(str),
        epoch=epoch, axis=axis, eccentricity=eccentricity, inclination=column("i"), node=column("node"),
        perihelion=column("argperi"), mean_anomaly=anomaly, magnitude=column("h"),
        slope=column("g", _SLOPE), runoff=np.array([_runoff_of(one) for one in uncertain]),
    )  # fmt: skip
