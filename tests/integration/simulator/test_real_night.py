"""A folder of real raws, played by the simulated summit."""

from pathlib import Path

import numpy as np
import pytest
from lsst.daf.butler import Butler

from adapters.files.cameras import load_camera
from domain.times import TaiSeconds
from workbench.night_repository import make_repository
from workbench.replay import recorded_night

NIGHT = Path(__file__).parents[4] / "shared" / "data" / "lowell-2019-03-26"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not NIGHT.is_dir(), reason="the real night is not there (../shared/data)"),
]


def test_twelve_exposures_become_visits_with_calibrations(tmp_path: Path) -> None:
    camera = load_camera("lowell")
    plan, _ = recorded_night(NIGHT, camera)
    assert len(plan.visits) == 12
    assert {visit.detectors for visit in plan.visits} == {(0, 1)}
    assert all(visit.ra == pytest.approx(124.62, abs=0.01) for visit in plan.visits)
    now = TaiSeconds(2e9)
    raws = [raw for visit in plan.visits for raw in plan.raws.take(visit, 0, now, now)]
    assert len({raw.key for raw in raws}) == 24
    assert raws[0].body == (NIGHT / "light" / "20190326.0133_d0.fits.fz").read_bytes()

    make_repository(tmp_path / "repo", plan)
    with Butler.from_config(str(tmp_path / "repo")) as butler:
        refs = butler.query_datasets(
            "flat", collections=f"{camera.instrument}/calib/masters", find_first=False
        )
        flats = [butler.get(ref).array for ref in refs]
    assert sorted(flat.shape for flat in flats) == [(270, 1365), (400, 1365)]
    assert all(np.nanmedian(flat) == pytest.approx(1.0, abs=0.01) for flat in flats)
