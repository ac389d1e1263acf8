import math

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from domain.sky.sky_angle import sky_angle_fault
from domain.visit import RotationSystem, Visit
from tests.strategies.visits import visits
from tests.unit.domain.expectations import work_of

finite = st.floats(-1e4, 1e4)


@given(finite, finite)
def test_the_sky_angle_is_compared_on_the_circle(announced: float, observed: float) -> None:
    visit = evolve(work_of(1).visit, rotation_system=RotationSystem.SKY, camera_angle=announced)
    apart = math.degrees(
        math.acos(max(-1.0, min(1.0, math.cos(math.radians(observed) - math.radians(announced)))))
    )
    if abs(apart - 1.0) > 1e-6:
        assert bool(sky_angle_fault(visit, observed)) == (apart > 1.0)


@given(visits(), st.sampled_from([-1.0, 0.0, 1.0]), st.integers(-2, 2))
def test_one_degree_off_is_tolerated_in_any_turn(visit: Visit, off: float, turns: int) -> None:
    visit = evolve(visit, rotation_system=RotationSystem.SKY, camera_angle=359.5)
    assert not sky_angle_fault(visit, 359.5 + off + 360.0 * turns)
    assert sky_angle_fault(visit, 359.5 + 1.5 * off + 360.0 * turns) or not off


@given(visits(), st.none() | st.floats())
def test_without_a_rotation_on_the_sky_no_angle_is_compared(visit: Visit, observed: float | None) -> None:
    known = observed is not None and math.isfinite(observed)
    match visit.rotation_system:
        case RotationSystem.NONE:
            assert not sky_angle_fault(visit, observed)
        case RotationSystem.SKY:
            assert known or sky_angle_fault(visit, observed)
        case _:
            assert sky_angle_fault(visit, observed)
