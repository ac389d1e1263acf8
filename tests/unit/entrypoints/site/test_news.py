"""A night that was taken into a site is summed up by what is new in it."""

import contextlib
import sqlite3
from pathlib import Path

import pandas as pd
import pytest
from attrs import evolve

from domain.raws.exposure import Exposure
from domain.times import TaiSeconds
from entrypoints.settings.site import SiteFolder
from entrypoints.site.nights.summary import show_news
from workbench.night.apdb import make_apdb
from workbench.night.kept_night import DATABASE

_BEGIN = TaiSeconds(1_773_456_000.0)
_MJD = _BEGIN / 86_400.0 + 40_587

_EXPOSURE = Exposure(
    instrument="SimCam", detector=0, exposure=1, obs_id="1", group="g", snap=0, day_obs=20260313, seqnum=1,
    physical_filter="r", exposure_time=30.0, begin=_BEGIN, end=TaiSeconds(_BEGIN + 30.0), ra=None, dec=None,
    sky_angle=None,
)  # fmt: skip


def _fill(folder: Path, days: tuple[float, ...]) -> None:
    """Let one object after the other be seen, so many days after the exposure's middle."""
    make_apdb(folder)
    with contextlib.closing(sqlite3.connect(folder / DATABASE)) as database:
        columns = [row[1] for row in database.execute("PRAGMA table_info(DiaSource)") if row[3]]
        rows = [
            dict.fromkeys(columns, 0.0)
            | {
                "diaSourceId": number,
                "diaObjectId": number,
                "visit": number,
                "midpointMjdTai": _MJD + 2e-4 + day,
            }
            | {"ra": 150.0 + number, "dec": 2.0, "snr": 40.0, "psfFlux": 3631.0, "psfFluxErr": 90.0}
            | {"templateFlux": 0.0}
            for number, day in enumerate(days, 1)
        ]
        pd.DataFrame(rows).to_sql("DiaSource", database, if_exists="append", index=False)


def test_what_is_new_is_that_of_the_night_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site = SiteFolder(tmp_path)
    site.apdb.mkdir()
    _fill(site.apdb, (-3.0, 0.0, 5.0))
    show_news(site, [_EXPOSURE, evolve(_EXPOSURE, detector=1)])
    said = capsys.readouterr().out
    assert "what is new, the first 1 of 1:" in said
    assert "1. new: ra 152.00000 dec +2.00000, S/N 40; nothing in the template, now 22.5 mag" in said


def test_a_database_that_is_away_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show_news(SiteFolder(tmp_path), [_EXPOSURE])
    assert "what is new cannot be told" in capsys.readouterr().out
