"""Rows of DiaObject: the same numbers as object by object, at the cost of a few columns."""

import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompt_pipelines.apdb import BANDS, History
from prompt_pipelines.dia_tables import object_rows

STATISTICS = ("Ndata", "Mean", "MeanErr", "Sigma", "Min", "Max", "ErrMean")
FORCED = {"fpFlux": "psfFlux", "scienceFlux": "scienceFlux"}


def _sightings(rng: np.random.Generator, ids: np.ndarray, flaws: float = 0.0) -> pd.DataFrame:
    """Make rows with all columns that objects are reckoned from, some of them without a usable number."""
    count = len(ids)
    rows = pd.DataFrame(
        {
            "diaObjectId": ids.astype(np.int64),
            "ra": (0.0003 * rng.standard_normal(count)) % 360.0,
            "dec": 0.0003 * rng.standard_normal(count),
            "raErr": rng.uniform(0.0, 3e-5, count),
            "midpointMjdTai": 61113.0 + rng.uniform(0.0, 1.0, count),
            "band": rng.choice([*BANDS, "VR"], count) if count else np.zeros(0, dtype=object),
        }
    )
    for name in ("psfFlux", "scienceFlux"):
        flux, error = rng.normal(1e4, 300.0, count), rng.uniform(50.0, 150.0, count)
        flux[rng.random(count) < flaws] = np.nan
        error[rng.random(count) < flaws] = rng.choice([np.nan, np.inf, 0.0, -1.0])
        rows[name], rows[f"{name}Err"] = flux, error
    return rows


@st.composite
def _visits(draw: st.DrawFn) -> tuple[History, pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    flaws = draw(st.sampled_from([0.0, 0.3, 1.0]))
    known = 10**17 + rng.permutation(draw(st.integers(0, 12)))
    sizes = [draw(st.integers(0, most)) for most in (300, 300, 12)]
    before, before_forced, now = (
        _sightings(rng, rng.choice(known, size) if len(known) else known, flaws) for size in sizes
    )
    new = 10**18 + rng.permutation(draw(st.integers(0, 3)))
    sources = pd.concat([now, _sightings(rng, new, flaws)], ignore_index=True)
    # A source close to the edge starts an object that no forced photometry is made of.
    forced = _sightings(rng, np.unique(np.append(known, new[1:])), flaws)
    return History(pd.DataFrame({"diaObjectId": known}), before, before_forced), sources, forced


@given(_visits())
def test_objects_are_what_their_sources_say_one_by_one(
    visit: tuple[History, pd.DataFrame, pd.DataFrame],
) -> None:
    pd.testing.assert_frame_equal(object_rows(*visit), _one_by_one(*visit), check_exact=True)


@pytest.mark.parametrize("objects", [0, 1])
def test_a_first_visit_needs_no_history(objects: int) -> None:
    rng = np.random.default_rng(1)
    nothing = pd.DataFrame({"diaObjectId": []})
    sources = _sightings(rng, np.arange(objects))
    visit = History(nothing, nothing, nothing), sources, sources
    rows = object_rows(*visit)
    assert len(rows) == objects
    pd.testing.assert_frame_equal(rows, _one_by_one(*visit), check_exact=True)


def test_objects_cost_no_steps_of_their_own() -> None:
    assert _steps(objects=2000) < 1.5 * _steps(objects=20)


def _steps(objects: int) -> int:
    """Count the calls of functions in Python that objects with two sightings each take."""
    rng = np.random.default_rng(1)
    ids = np.arange(objects)
    before, now = _sightings(rng, ids), _sightings(rng, ids)
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        object_rows(History(pd.DataFrame({"diaObjectId": ids}), before, before), now, now)
    finally:
        sys.setprofile(None)
    return calls


def _one_by_one(history: History, sources: pd.DataFrame, forced: pd.DataFrame) -> pd.DataFrame:
    """Reckon the objects in the straightforward way."""
    everything = pd.concat([part for part in (history.sources, sources) if len(part)] or [sources])
    all_forced = pd.concat([part for part in (history.forced_sources, forced) if len(part)] or [forced])
    rows = []
    for object_id in everything["diaObjectId"].unique():
        if object_id in set(sources["diaObjectId"]):
            mine = all_forced[all_forced["diaObjectId"] == object_id]
            row = _position(everything[everything["diaObjectId"] == object_id])
            row |= _psf_fluxes(everything[everything["diaObjectId"] == object_id])
            rows.append({"diaObjectId": object_id} | row | _forced_fluxes(mine))
    whole = ["diaObjectId", "nDiaSources", *(f"{band}_psfFluxNdata" for band in BANDS)]
    types = {name: "int64" if name in whole else "float64" for name in _names()}
    return pd.DataFrame(rows, columns=_names()).astype(types)


def _names() -> list[str]:
    names = ["diaObjectId", "validityStartMjdTai", "ra", "dec", "raErr", "decErr", "nDiaSources"]
    names += ["firstDiaSourceMjdTai", "lastDiaSourceMjdTai"]
    for band in BANDS:
        names += [f"{band}_psfFlux{end}" for end in STATISTICS]
        names += [f"{band}_{name}Mean{end}" for name in FORCED for end in ("", "Err")]
    return names


def _position(sources: pd.DataFrame) -> dict[str, Any]:
    weight = 1.0 / np.maximum(sources["raErr"].to_numpy(), 1e-9) ** 2
    start = sources["ra"].iloc[0]
    east = (sources["ra"].to_numpy() - start + 180.0) % 360.0 - 180.0
    time = sources["midpointMjdTai"]
    return {
        "validityStartMjdTai": time.max(),
        "ra": (start + np.average(east, weights=weight)) % 360.0,
        "dec": np.average(sources["dec"].to_numpy(), weights=weight),
        "raErr": 1.0 / np.sqrt(weight.sum()),
        "decErr": 1.0 / np.sqrt(weight.sum()),
        "nDiaSources": len(sources),
        "firstDiaSourceMjdTai": time.min(),
        "lastDiaSourceMjdTai": time.max(),
    }


def _psf_fluxes(sources: pd.DataFrame) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for band in BANDS:
        flux, error = _good(sources[sources["band"] == band], "psfFlux")
        row[f"{band}_psfFluxNdata"] = len(flux)
        if not len(flux):
            continue
        row[f"{band}_psfFluxMean"] = np.average(flux, weights=error**-2.0)
        row[f"{band}_psfFluxMeanErr"] = 1.0 / np.sqrt((error**-2.0).sum())
        row[f"{band}_psfFluxSigma"] = flux.std(ddof=1) if len(flux) > 1 else np.nan
        row[f"{band}_psfFluxMin"], row[f"{band}_psfFluxMax"] = flux.min(), flux.max()
        row[f"{band}_psfFluxErrMean"] = error.mean()
    return row


def _forced_fluxes(forced: pd.DataFrame) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for band in BANDS:
        for name, column in FORCED.items():
            flux, error = _good(forced[forced["band"] == band], column)
            if len(flux):
                row[f"{band}_{name}Mean"] = np.average(flux, weights=error**-2.0)
                row[f"{band}_{name}MeanErr"] = 1.0 / np.sqrt((error**-2.0).sum())
    return row


def _good(table: pd.DataFrame, column: str) -> tuple[np.ndarray, np.ndarray]:
    flux, error = table[column].to_numpy(), table[f"{column}Err"].to_numpy()
    good = np.isfinite(flux) & np.isfinite(error) & (error > 0)
    return flux[good], error[good]
