"""Where bodies are predicted, against an integration that shares neither code nor ephemeris."""

import erfa
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from prompt_pipelines.arrays import Floats
from prompt_pipelines.camera import ObservatoryDict
from prompt_pipelines.solar_system.prediction import View, covers, predict, seen_from, sky_of

GM = 2.9591220828411956e-4
LIGHT = 173.1446326846693
SHARES = {1: 6023600.0, 2: 408523.719, 4: 3098703.59, 5: 1047.348644, 6: 3497.9018, 7: 22902.98, 8: 19412.26}
"""The Sun's mass over a planet's (IAU 2009)."""
EARTH_AND_MOON = 328900.5596
EPOCH = 58600.0  # K194R: 2019-04-27
OBSERVATORY: ObservatoryDict = {"longitude_deg": -111.5355, "latitude_deg": 35.09675, "height_m": 2206.0}
BODIES = {
    # M, peri, node, incl, e, a
    "05945": (83.1, 310.2, 121.3, 9.1, 0.17, 2.61),
    "00433": (240.6, 178.7, 304.3, 10.83, 0.223, 1.458),
    "99942": (15.0, 126.4, 204.4, 3.33, 0.191, 0.922),
    "K19A00B": (100.0, 20.0, 30.0, 25.0, 0.45, 3.1),
}


def mpcorb_line(designation: str, elements: tuple[float, ...], epoch: str = "K194R") -> str:
    m, peri, node, incl, e, a = elements
    motion = 0.9856076686 / a**1.5
    return (
        f"{designation:<7} 12.30  0.15 {epoch} {m:9.5f}  {peri:9.5f}  {node:9.5f}  {incl:9.5f}"
        f"  {e:9.7f} {motion:11.8f} {a:11.7f}  0 MPO468000  1000  20 1980-2019 0.60 M-v 38h MPC        0000"
    )


def _planet(number: int, mjd: float) -> Floats:
    return np.asarray(erfa.plan94(2400000.5, mjd, number)["p"])


def _pull(mjd: float, state: Floats) -> Floats:
    place = state[:3]
    pull = -GM * place / np.linalg.norm(place) ** 3
    others = {**{number: (share, _planet(number, mjd)) for number, share in SHARES.items()}}
    others[3] = EARTH_AND_MOON, np.asarray(erfa.epv00(2400000.5, mjd)[0]["p"])
    for share, there in others.values():
        between = there - place
        pull = pull + GM / share * (
            between / np.linalg.norm(between) ** 3 - there / np.linalg.norm(there) ** 3
        )
    return np.concatenate([state[3:], pull])


def _seen(elements: tuple[float, ...], mjd_tai: float) -> tuple[float, float]:
    """Integrate by Dormand and Prince's method of order 8, with the planets of ERFA."""
    m, peri, node, incl = np.radians(elements[:4])
    e, a = elements[4:]
    anomaly = m
    for _ in range(100):
        anomaly = m + e * np.sin(anomaly)
    motion = np.sqrt(GM / a**3) / (1 - e * np.cos(anomaly))
    minor = a * np.sqrt(1 - e * e)
    flat = np.array([a * (np.cos(anomaly) - e), minor * np.sin(anomaly), 0.0])
    speed = motion * np.array([-a * np.sin(anomaly), minor * np.cos(anomaly), 0.0])
    turn = erfa.rz(-peri, np.eye(3))
    turn = erfa.rz(-node, erfa.rx(-incl, turn))
    turn = erfa.rx(-np.radians(84381.448 / 3600), turn)
    state = np.concatenate([turn @ flat, turn @ speed])
    tt = mjd_tai + 32.184 / 86400
    path = solve_ivp(_pull, (EPOCH, tt), state, "DOP853", rtol=1e-12, atol=1e-14, dense_output=True)
    earth = np.asarray(erfa.epv00(2400000.5, tt)[0]["p"])
    utc = erfa.taiutc(2400000.5, mjd_tai)
    turned = erfa.pnm06a(2400000.5, tt).T @ erfa.rz(
        -erfa.gst06a(*utc, 2400000.5, tt), np.eye(3)
    ) @ erfa.gd2gc(1, np.radians(-111.5355), np.radians(35.09675), 2206.0)  # fmt: skip
    observer = earth + turned / 149_597_870_700.0
    ago = 0.0
    for _ in range(5):
        seen = path.sol(tt - ago)[:3] - observer
        ago = np.linalg.norm(seen) / LIGHT
    x, y, z = seen
    return float(np.degrees(np.arctan2(y, x)) % 360.0), float(np.degrees(np.arctan2(z, np.hypot(x, y))))


@pytest.fixture(scope="module")
def orbits(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("orbits") / "MPCORB.DAT"
    lines = [mpcorb_line(name, elements) for name, elements in BODIES.items()]
    file.write_text(
        "\n".join(["MINOR PLANET CENTER ORBIT DATABASE (MPCORB)", "-" * 80, *lines[:2], "", *lines[2:]])
    )
    return str(file)


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("after", [-60.0, 3.3, 60.0])
def test_bodies_are_within_milliarcseconds_of_an_independent_integration(
    orbits: str, name: str, after: float
) -> None:
    mjd = EPOCH + after
    ra, dec = _seen(BODIES[name], mjd)
    view = View(ra=ra, dec=dec, radius=0.05, begin=mjd - 0.01, end=mjd + 0.01)
    found = predict(orbits, view)
    assert list(found["ObjID"]) == [name]
    # As the task after the image does with what was predicted before it, some minutes off.
    moved = seen_from(found, OBSERVATORY, mjd)
    for time in (mjd, mjd + 0.002):
        ra, dec = _seen(BODIES[name], time)
        [here_ra], [here_dec], _ = sky_of(moved, time)
        assert 3600 * np.hypot((here_ra - ra) * np.cos(np.radians(dec)), here_dec - dec) < 0.03
    assert covers(found, mjd)
    assert not covers(found, mjd + 1.0)
