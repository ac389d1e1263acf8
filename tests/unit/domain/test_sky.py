import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from domain.raws.announced import placed_as_announced
from domain.sky.position import UnsupportedSystemError, boresight_icrs, sky_rotation
from domain.visit import CoordinateSystem, InvalidVisitError, RotationSystem
from tests.contracts.test_writer import exposure
from tests.strategies.cameras import declinations, visit

numbers = st.floats(-1e6, 1e6)


@given(numbers, declinations)
def test_icrs_positions_are_taken_as_they_are(ra: float, dec: float) -> None:
    found = boresight_icrs(visit(position=(ra, dec)))
    assert 0 <= found[0] < 360
    assert (found[0] - ra) % 360 == pytest.approx(0, abs=1e-9) or (ra - found[0]) % 360 < 1e-9
    assert found[1] == dec


@given(numbers)
def test_rotations_on_the_sky_are_taken_as_they_are(angle: float) -> None:
    found = sky_rotation(visit(camera_angle=angle))
    assert 0 <= found < 360
    assert min((found - angle) % 360, (angle - found) % 360) < 1e-9


@pytest.mark.parametrize("system", [CoordinateSystem.NONE, CoordinateSystem.OBSERVED, CoordinateSystem.MOUNT])
def test_other_positions_are_refused_by_name(system: CoordinateSystem) -> None:
    announced = visit(coordinate_system=system)
    with pytest.raises(UnsupportedSystemError, match=rf"{announced.group}.*{system.name}"):
        boresight_icrs(announced)


@pytest.mark.parametrize("system", [RotationSystem.NONE, RotationSystem.HORIZON, RotationSystem.MOUNT])
def test_other_rotations_are_refused_by_name(system: RotationSystem) -> None:
    announced = visit(rotation_system=system)
    with pytest.raises(UnsupportedSystemError, match=rf"{announced.group}.*{system.name}"):
        sky_rotation(announced)


@pytest.mark.parametrize("dec", [90.5, -91.0])
def test_a_position_beyond_the_poles_is_refused(dec: float) -> None:
    with pytest.raises(InvalidVisitError, match="position"):
        boresight_icrs(visit(position=(10.0, dec)))


def test_what_a_header_does_not_say_of_the_pointing_is_as_announced() -> None:
    told = exposure("g", 10.0)
    announced = visit(position=(33.0, -4.0), camera_angle=70.0)
    assert placed_as_announced(told, announced) == told
    nothing = evolve(told, ra=None, dec=None, sky_angle=None)
    assert placed_as_announced(nothing, announced) == evolve(told, ra=33.0, dec=-4.0, sky_angle=70.0)
    unturned = visit(position=(33.0, -4.0), rotation_system=RotationSystem.MOUNT)
    assert placed_as_announced(nothing, unturned) == evolve(told, ra=33.0, dec=-4.0, sky_angle=0.0)
    assert placed_as_announced(nothing, visit(coordinate_system=CoordinateSystem.MOUNT)) == nothing
