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
        "scienceFlux": science[0],
        "scienceFluxErr": science[1],
        "templateFlux": science[0] - psf_flux,
        "trailNdata": 0,
        "dipoleNdata": 0,
        "isDipole": False,
        "bboxSize": _BBOX_SIZE,
    }
    for ours, theirs in (
        ("bad", "bad"),
        ("saturated", "saturated"),
        ("cosmic_ray", "cr"),
        ("no_data", "nodata"),
        ("edge", "edge"),
    ):
        columns[f"pixelFlags_{theirs}"] = np.asarray(sources[f"flag_{ours}"])
    return pd.DataFrame(columns, index=range(len(sources)))


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
    forced_of = dict(iter(all_forced.groupby("diaObjectId")))
    rows = [
        _object_row(int(object_id), group, forced_of.get(object_id))
        for object_id, group in everything.groupby("diaObjectId", sort=False)
    ]
    # Also without a row a table needs its columns.
    table = pd.DataFrame(rows, columns=_object_columns(), dtype=float)
    whole = ["diaObjectId", "nDiaSources", *(f"{band}_psfFluxNdata" for band in BANDS)]
    for column in whole:
        table[column] = pd.array([row[column] for row in rows], dtype="int64")
    return table


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


def _object_row(object_id: int, sources: pd.DataFrame, forced: pd.DataFrame | None) -> dict[str, Any]:
    error = np.maximum(sources["raErr"].to_numpy(dtype=float), 1e-9)
    weight = 1.0 / error**2
    ra, dec = sources["ra"].to_numpy(dtype=float), sources["dec"].to_numpy(dtype=float)
    # Differences from the first, so that a mean across 0h is right.
    east = (ra - ra[0] + 180.0) % 360.0 - 180.0
    time = sources["midpointMjdTai"]
    row: dict[str, Any] = {
        "diaObjectId": object_id,
        "validityStartMjdTai": float(time.max()),
        "ra": float((ra[0] + np.average(east, weights=weight)) % 360.0),
        "dec": float(np.average(dec, weights=weight)),
        "raErr": float(weight.sum() ** -0.5),
        "decErr": float(weight.sum() ** -0.5),
        "nDiaSources": len(sources),
        "firstDiaSourceMjdTai": float(time.min()),
        "lastDiaSourceMjdTai": float(time.max()),
    }
    for band in BANDS:
        row |= _flux_statistics(band, sources[sources["band"] == band])
        if forced is not None:
            row |= _forced_statistics(band, forced[forced["band"] == band])
    return row


def _flux_statistics(band: str, sources: pd.DataFrame) -> dict[str, Any]:
    flux = sources["psfFlux"].to_numpy(dtype=float)
    error = sources["psfFluxErr"].to_numpy(dtype=float)
    good = np.isfinite(flux) & np.isfinite(error) & (error > 0)
    flux, error = flux[good], error[good]
    row: dict[str, Any] = {f"{band}_psfFluxNdata": len(flux)}
    if not len(flux):
        return row
    weight = error**-2.0
    row |= {
        f"{band}_psfFluxMean": float(np.average(flux, weights=weight)),
        f"{band}_psfFluxMeanErr": float(weight.sum() ** -0.5),
        f"{band}_psfFluxMin": float(flux.min()),
        f"{band}_psfFluxMax": float(flux.max()),
        f"{band}_psfFluxErrMean": float(error.mean()),
    }
    if len(flux) > 1:
        row[f"{band}_psfFluxSigma"] = float(flux.std(ddof=1))
    return row


def _forced_statistics(band: str, forced: pd.DataFrame) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for column, name in (("psfFlux", "fpFlux"), ("scienceFlux", "scienceFlux")):
        flux = forced[column].to_numpy(dtype=float)
        error = forced[f"{column}Err"].to_numpy(dtype=float)
        good = np.isfinite(flux) & np.isfinite(error) & (error > 0)
        if good.any():
            weight = error[good] ** -2.0
            row[f"{band}_{name}Mean"] = float(np.average(flux[good], weights=weight))
            row[f"{band}_{name}MeanErr"] = float(weight.sum() ** -0.5)
    return row
