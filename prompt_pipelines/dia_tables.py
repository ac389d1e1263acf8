"""Rows of the alert production database: sources, forced sources and objects.

Columns and units are those of the database's schema
(https://sdm-schemas.lsst.io): degrees, pixels, nJy, TAI as MJD.
"""

from typing import Any

import numpy as np
import pandas as pd
from astropy.table import Table
from attrs import frozen

from prompt_pipelines.apdb import BANDS, History
from prompt_pipelines.arrays import Floats
from prompt_pipelines.dia_shapes import DIPOLE_COLUMNS, TRAIL_COLUMNS
from prompt_pipelines.object_statistics import flux_statistics, forced_flux_statistics, position_statistics

__all__ = ["VisitFacts", "forced_source_rows", "object_rows", "source_rows"]

_BBOX_SIZE = 30
"""Pixels on a side of a source's cutout."""


@frozen(kw_only=True)
class VisitFacts:
    """What the rows of one visit and detector share."""

    visit: int
    detector: int
    band: str
    """One of `prompt_pipelines.apdb.BANDS`."""
    exposure_time: float
    """Seconds."""
    midpoint: float
    """TAI, MJD."""
    processed: float
    """TAI, MJD."""


def source_rows(
    sources: Table, object_ids: np.ndarray, science: tuple[Floats, Floats], scale: float, facts: VisitFacts
) -> pd.DataFrame:
    """Make the rows of DiaSource.

    Parameters
    ----------
    sources
        ``dia_sources`` that were accepted.
    object_ids
        The object of each.
    science
        Flux and its error in the science image, nJy.
    scale
        Size of a pixel, arcsec.
    facts
        Of the visit.
    """
    position_err = np.asarray(sources["position_err"], dtype=float)
    sky_err = position_err * scale / 3600.0
    psf_flux = np.asarray(sources["psf_flux"], dtype=float)
    columns: dict[str, Any] = {
        "diaSourceId": np.asarray(sources["id"]),
        "diaObjectId": object_ids,
        "visit": facts.visit,
        "detector": facts.detector,
        "band": facts.band,
        "midpointMjdTai": facts.midpoint,
        "exposureTime": facts.exposure_time,
        "timeProcessedMjdTai": facts.processed,
        "ra": np.asarray(sources["ra"], dtype=float),
        "dec": np.asarray(sources["dec"], dtype=float),
        "raErr": sky_err,
        "decErr": sky_err,
        "x": np.asarray(sources["x"], dtype=float),
        "y": np.asarray(sources["y"], dtype=float),
        "xErr": position_err,
        "yErr": position_err,
        "snr": np.asarray(sources["snr"], dtype=float),
        "isNegative": np.asarray(sources["is_negative"]),
        "psfFlux": psf_flux,
        "psfFluxErr": np.asarray(sources["psf_flux_err"], dtype=float),
        "psfChi2": np.asarray(sources["psf_chi2"], dtype=float),
        "psfNdata": np.asarray(sources["psf_n_pixels"]),
        "reliability": np.asarray(sources["reliability"], dtype=float),
        "reliabilityVersion": np.asarray(sources["reliability_version"]).astype(object),
        "scienceFlux": science[0],
        "scienceFluxErr": science[1],
        "templateFlux": science[0] - psf_flux,
        **_shapes(sources),
        "bboxSize": _BBOX_SIZE,
    }
    for ours, theirs in (
        ("bad", "bad"),
        ("saturated", "saturated"),
        ("cosmic_ray", "cr"),
        ("no_data", "nodata"),
        ("edge", "edge"),
        ("streak", "streak"),
    ):
        columns[f"pixelFlags_{theirs}"] = np.asarray(sources[f"flag_{ours}"])
    return pd.DataFrame(columns, index=range(len(sources)))


def _shapes(sources: Table) -> dict[str, Any]:
    """Make the columns of trails and dipoles."""
    columns = {
        _camel(kind, name): np.asarray(sources[f"{kind}_{name}"], dtype=float)
        for kind, names in (("trail", TRAIL_COLUMNS), ("dipole", DIPOLE_COLUMNS))
        for name in names
    }
    tried = np.asarray(sources["dipole_n_pixels"]) > 0
    return columns | {
        "trailNdata": np.asarray(sources["trail_n_pixels"]),
        "trail_flag_edge": np.asarray(sources["flag_trail_edge"]),
        "dipoleNdata": np.asarray(sources["dipole_n_pixels"]),
        "dipoleFitAttempted": tried,
        "isDipole": np.asarray(sources["is_dipole"]),
    }


def _camel(kind: str, name: str) -> str:
    return kind + "".join(part.capitalize() for part in name.split("_"))


def forced_source_rows(
    ids: np.ndarray,
    objects: pd.DataFrame,
    difference: tuple[Floats, Floats],
    science: tuple[Floats, Floats],
    facts: VisitFacts,
) -> pd.DataFrame:
    """Make the rows of DiaForcedSource, one for each object.

    Parameters
    ----------
    ids
        Of the rows.
    objects
        With ``diaObjectId``, ``ra``, ``dec``.
    difference, science
        Fluxes and errors at the objects' positions, nJy.
    facts
        Of the visit.
    """
    return pd.DataFrame(
        {
            "diaForcedSourceId": ids,
            "diaObjectId": objects["diaObjectId"].to_numpy(),
            "ra": objects["ra"].to_numpy(),
            "dec": objects["dec"].to_numpy(),
            "visit": facts.visit,
            "detector": facts.detector,
            "psfFlux": difference[0],
            "psfFluxErr": difference[1],
            "scienceFlux": science[0],
            "scienceFluxErr": science[1],
            "band": facts.band,
            "midpointMjdTai": facts.midpoint,
            "timeProcessedMjdTai": facts.processed,
        },
        index=range(len(objects)),
    )


def object_rows(history: History, sources: pd.DataFrame, forced: pd.DataFrame) -> pd.DataFrame:
    """Make new versions of the DiaObjects that this visit has touched.

    Parameters
    ----------
    history
        Before this visit.
    sources
        This visit's, with ``diaObjectId``.
    forced
        This visit's.

    Returns
    -------
    objects
        One row for each object in `sources`. Their position is the mean of
        their sources', weighted by the errors.
    """
    ids = pd.unique(sources["diaObjectId"])
    everything = _joined(history.sources, sources, ids)
    all_forced = _joined(history.forced_sources, forced, ids)
    numbers, objects = pd.factorize(everything["diaObjectId"])
    columns: dict[str, np.ndarray] = {"diaObjectId": objects.to_numpy(dtype=np.int64)}
    columns |= position_statistics(everything, numbers, len(objects))
    columns |= flux_statistics(everything, numbers, len(objects))
    if len(all_forced):
        forced_numbers = objects.get_indexer(all_forced["diaObjectId"])
        columns |= forced_flux_statistics(all_forced, forced_numbers, len(objects))
    missing = np.full(len(objects), np.nan)
    return pd.DataFrame({name: columns.get(name, missing) for name in _object_columns()})


def _object_columns() -> list[str]:
    names = ["diaObjectId", "validityStartMjdTai", "ra", "dec", "raErr", "decErr", "nDiaSources"]
    names += ["firstDiaSourceMjdTai", "lastDiaSourceMjdTai"]
    for band in BANDS:
        names += [
            f"{band}_psfFlux{end}" for end in ("Ndata", "Mean", "MeanErr", "Sigma", "Min", "Max", "ErrMean")
        ]
        names += [f"{band}_{kind}Mean{end}" for kind in ("fpFlux", "scienceFlux") for end in ("", "Err")]
    return names


def _joined(before: pd.DataFrame, now: pd.DataFrame, ids: np.ndarray) -> pd.DataFrame:
    parts = [part[part["diaObjectId"].isin(ids)] for part in (before, now) if len(part)]
    parts = [part for part in parts if len(part)]
    if not parts:
        return now
    columns = [column for column in now.columns if all(column in part.columns for part in parts)]
    return pd.concat([part[columns] for part in parts], ignore_index=True)
