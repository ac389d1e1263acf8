"""A mover's published orbit leads to where the mover is seen."""

from pathlib import Path

import numpy as np
import pytest

from domain.times import TaiSeconds
from prompt_pipelines.solar_system.prediction import View, predict, sky_of
from simulator.world.solar_system.movers import make_movers
from simulator.world.solar_system.orbits import brightest_near, mpcorb_line
from simulator.world.stars import Patch

MOVERS = make_movers(
    np.random.default_rng(3),
    Patch(ra=149.9, dec=2.2, radius=0.1),
    ("r",),
    count=12,
    first=1,
    epoch=TaiSeconds(1_795_000_000.0),
)


@pytest.mark.parametrize("index", range(4))
@pytest.mark.parametrize("hours", [0.0, 0.5])
def test_a_mover_is_predicted_where_it_is_and_as_bright(tmp_path: Path, index: int, hours: float) -> None:
    file = tmp_path / "orbits"
    file.write_text(mpcorb_line(MOVERS, index, "K26S01M", "r"))
    instant = TaiSeconds(MOVERS.epoch + hours * 3600)
    mjd = 40587.0 + instant / 86400
    ra, dec = (float(one[index]) for one in MOVERS.sky(instant))
    found = predict(str(file), View(ra=ra, dec=dec, radius=0.1, begin=mjd, end=mjd + 1e-4))
    assert list(found["ObjID"]) == ["K26S01M"]
    there = sky_of(found, mjd)
    assert 3600 * np.hypot((there[0][0] - ra) * np.cos(np.radians(dec)), there[1][0] - dec) < 0.2
    magnitude = 31.4 - 2.5 * np.log10(MOVERS.brightness["r"][index])
    assert found["trailedSourceMagTrue"][0] == pytest.approx(magnitude, abs=0.02)


def test_the_brightest_is_chosen_among_those_in_the_field() -> None:
    flux = MOVERS.brightness["r"]
    ra, dec = MOVERS.sky(MOVERS.epoch)
    assert brightest_near(MOVERS, (149.9, 2.2), 1.0, "r") == np.argmax(flux)
    assert brightest_near(MOVERS, (float(ra[5]), float(dec[5])), 1e-6, "r") == 5
    # None is there: the closest is 7.
    assert brightest_near(MOVERS, (float(ra[7]) + 1e-5, float(dec[7])), 1e-9, "r") == 7
