"""Files of orbits, and what is said of those that are none."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from prompt_pipelines.solar_system.orbits import OrbitsError, load_orbits
from tests.unit.prompt_pipelines.solar_system.test_predictions import BODIES, mpcorb_line

LINE = mpcorb_line("05945", BODIES["05945"])


def test_both_kinds_of_files_tell_the_same(tmp_path: Path) -> None:
    text, parquet = tmp_path / "MPCORB.DAT", tmp_path / "orbits.parquet"
    text.write_text(f"{LINE}\n")
    m, peri, node, incl, e, a = BODIES["05945"]
    days = (m / 0.9856076686) * a**1.5
    columns = {
        "designation": ["5945"], "q": [a * (1 - e)], "e": [e], "i": [incl], "node": [node], "argperi": [peri],
        "peri_time": [58600.0 - days], "epoch_mjd": [58600.0], "h": [12.3], "a": [None], "u_param": [0],
    }  # fmt: skip
    pq.write_table(pa.table(columns), parquet)
    first, second = load_orbits(str(text)), load_orbits(str(parquet))
    assert list(first.designation) == ["05945"]
    assert list(second.designation) == ["5945"]
    for name in (
        "epoch",
        "axis",
        "eccentricity",
        "inclination",
        "node",
        "perihelion",
        "magnitude",
        "slope",
        "runoff",
    ):
        np.testing.assert_allclose(getattr(first, name), getattr(second, name), rtol=1e-12)
    np.testing.assert_allclose(first.mean_anomaly, second.mean_anomaly, atol=1e-5)


def test_what_is_not_an_ellipse_is_left_out_and_blanks_are_not_known(tmp_path: Path) -> None:
    file = tmp_path / "orbits.txt"
    hyperbola = mpcorb_line("K17U01I", (36.4, 241.8, 24.6, 122.7, 1.2, 1.27))
    file.write_text(f"{LINE[:8]}{'':11}{LINE[19:]}\n{hyperbola}\n")
    orbits = load_orbits(str(file))
    assert list(orbits.designation) == ["05945"]
    assert np.isnan(orbits.magnitude[0])
    assert orbits.slope[0] == 0.15


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "has no orbits"),
        (LINE.replace("K194R", "?????"), "'\\?\\?\\?\\?\\?' is no packed epoch"),
        (LINE.replace("310.20000", "310,20000"), "05945 .*: 310,20000 is no number"),
        ("PAR1", "cannot be read"),
        (mpcorb_line("K17U01I", (36.4, 241.8, 24.6, 122.7, 1.2, 1.27)), "no orbit that is an ellipse"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_in_one_line(tmp_path: Path, content: str, reason: str) -> None:
    file = tmp_path / "orbits.dat"
    file.write_text(content)
    with pytest.raises(OrbitsError, match=reason) as told:
        load_orbits(str(file))
    assert str(file) in str(told.value)
    assert "\n" not in str(told.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(OrbitsError, match=r"nowhere\.dat cannot be read: No such file"):
        load_orbits(str(tmp_path / "nowhere.dat"))
