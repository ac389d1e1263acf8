"""Tracklets as the Minor Planet Center wants them: the rules of its submit.xsd, version 2022."""

import re
from collections.abc import Mapping
from typing import Final

import pytest
from attrs import evolve

from domain.movers.tracklet import Residual, Tracklet
from tests.contract_suites.source_archive import a_source
from workbench.night.ades import Observatory, ades_text
from workbench.night.tracklets import sighting_table, tracklet_table

_DECIMAL: Final = r"(0|[1-9][0-9]*)(\.[0-9]*)?"
_ORDER: Final[Mapping[str, str]] = {
    "trkSub": r"[-A-Za-z0-9_]{1,8}",
    "mode": r"[A-Za-z0-9_]{1,3}",
    "stn": r"[A-Za-z0-9_]{3,4}",
    "obsTime": r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?Z",
    "ra": r"([1-3][0-9]{2}|[1-9]?[0-9])?(\.[0-9]{0,9})?",
    "dec": r"[+\-]?([1-9]?[0-9])?(\.[0-9]{0,9})?",
    "rmsRA": rf"(?=.{{1,7}}$){_DECIMAL}",
    "rmsDec": rf"(?=.{{1,7}}$){_DECIMAL}",
    "astCat": r"[.A-Za-z0-9_]{1,8}",
    "mag": rf"(?=.{{1,7}}$)[+\-]?{_DECIMAL}",
    "rmsMag": rf"(?=.{{1,6}}$){_DECIMAL}",
    "band": r"[A-Za-z0-9_]{1,3}",
    "logSNR": rf"(?=.{{1,5}}$)[+\-]?{_DECIMAL}",
}
"""Elements of `optical` in the order of the schema, each with the pattern of its type."""
_MAY_BE_BLANK: Final = {"rmsRA", "rmsDec", "rmsMag", "logSNR"}

_SEEN: Final = tuple(
    a_source(
        i, mjd=61000.25 + i / 100, ra=359.9999 - i / 1000, dec=-0.05, ra_err=1e-5, dec_err=2e-5, band="r"
    )
    for i in range(1, 4)
)
_TRACKLET: Final = Tracklet(
    sightings=_SEEN,
    residuals=(Residual(east=0.3, north=0.4), Residual(east=0.0, north=0.0), Residual(east=-0.3, north=0.0)),
    mjd=61000.27, ra=359.9979, dec=-0.05, rate=0.25, position_angle=270.0, chi_squared=1.1, by_chance=1e-6,
)  # fmt: skip
_FAINT: Final = evolve(_SEEN[0], snr=float("nan"), ra_err=float("nan"), band="", flux=1e-3, flux_err=1e3)


def _rows(text: str) -> list[dict[str, str]]:
    lines = [line for line in text.splitlines() if not line.startswith(("#", "!"))]
    names, *rows = ([cell.strip() for cell in line.split("|")] for line in lines)
    return [dict(zip(names, row, strict=True)) for row in rows]


@pytest.mark.parametrize("tracklet", [_TRACKLET, evolve(_TRACKLET, sightings=(_FAINT, *_SEEN[1:]))])
def test_every_cell_is_as_the_schema_has_it(tracklet: Tracklet) -> None:
    rows = _rows(ades_text([tracklet] * 40, Observatory()))
    assert len(rows) == 120
    assert len({row["trkSub"] for row in rows}) == 40
    for row in rows:
        assert list(row) == list(_ORDER)
        for name, cell in row.items():
            assert re.fullmatch(_ORDER[name], cell) or (name in _MAY_BE_BLANK and not cell), (name, cell)


def test_the_header_names_who_reports() -> None:
    text = ades_text([_TRACKLET], Observatory(station="688", observer="B. Skiff", aperture=1.1))
    head = text.split("trkSub")[0].splitlines()
    assert head[:3] == ["# version=2022", "# observatory", "! mpcCode 688"]
    assert {"# submitter", "# measurers", "# telescope", "! name B. Skiff", "! aperture 1.1"} <= set(head)


def test_times_are_utc_and_errors_no_less_than_the_residuals() -> None:
    first = _rows(ades_text([_TRACKLET], Observatory(station="688")))[0]
    assert (first["obsTime"], first["stn"], first["band"]) == ("2025-11-21T06:13:47.000Z", "688", "r")
    assert float(first["rmsRA"]) == pytest.approx(_TRACKLET.rms / 2**0.5, abs=1e-4)
    assert float(first["mag"]) == pytest.approx(24.01)
    # Both are of the flux; the detection's signal to noise is another.
    assert float(first["rmsMag"]) * 10 ** float(first["logSNR"]) == pytest.approx(1.0857, rel=0.02)


def test_tables_have_a_row_for_each() -> None:
    (row,) = tracklet_table([_TRACKLET])
    assert (row["tracklet"], row["sightings"], row["rate"]) == (1, 3, 0.25)
    assert list(sighting_table(_TRACKLET)["residual_east"]) == [0.3, 0.0, -0.3]
    assert len(tracklet_table([])) == 0


def test_known_bodies_have_their_designation_and_others_a_name_of_ours() -> None:
    numbered, provisional = (
        evolve(_TRACKLET, sightings=tuple(evolve(one, body_id=body) for one in _SEEN))
        for body in (int.from_bytes(b"05945"), int.from_bytes(b"K19A12B"))
    )
    rows = _rows(ades_text([numbered, provisional, _TRACKLET], Observatory()))[::3]
    assert list(rows[0]) == ["permID", "provID", *_ORDER]
    names = [(row["permID"], row["provID"], bool(row["trkSub"])) for row in rows]
    assert names == [("5945", "", False), ("", "2019 AB12", False), ("", "", True)]
