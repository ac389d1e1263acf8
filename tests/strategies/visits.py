"""Visits as the observatory may announce them."""

from hypothesis import strategies as st

from domain.times import TaiSeconds
from domain.visit import Cancellation, CoordinateSystem, Dome, RotationSystem, Visit, VisitDetector

__all__ = ["cancellations", "groups", "instants", "texts", "visit_detectors", "visits"]

_LONG = st.integers(-(2**63), 2**63 - 1)


def texts(*, blank: bool = True) -> st.SearchStrategy[str]:
    """Any text that can be sent and stored."""
    text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
    return text if blank else text.filter(str.strip)


def groups() -> st.SearchStrategy[str]:
    """Group ids, those that matter in a URL or a key among them."""
    stamps = st.datetimes().map(lambda instant: instant.isoformat(timespec="milliseconds"))
    supplements = st.sampled_from(["", "#2", "+00:00", " 2", "/1", "%2F", "?a=b&c", ":snap"])
    return st.builds(str.__add__, stamps, supplements) | texts(blank=False)


def instants() -> st.SearchStrategy[TaiSeconds]:
    """Instants between 1971 and 2090, TAI."""
    return st.floats(4e7, 3.8e9).map(TaiSeconds)


def numbers() -> st.SearchStrategy[float]:
    """Any finite number."""
    return st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def visits(
    draw: st.DrawFn,
    *,
    instruments: st.SearchStrategy[str] | None = None,
    coordinate_systems: st.SearchStrategy[CoordinateSystem] | None = None,
    rotation_systems: st.SearchStrategy[RotationSystem] | None = None,
) -> Visit:
    """Any legal visit."""
    return Visit(
        instrument=draw(texts(blank=False) if instruments is None else instruments),
        group=draw(groups()),
        sal_index=draw(_LONG),
        script_sal_index=draw(_LONG),
        coordinate_system=draw(
            st.sampled_from(CoordinateSystem) if coordinate_systems is None else coordinate_systems
        ),
        position=(draw(st.floats(-400, 400)), draw(st.floats(-90, 90))),
        start_time=draw(instants()),
        rotation_system=draw(
            st.sampled_from(RotationSystem) if rotation_systems is None else rotation_systems
        ),
        camera_angle=draw(numbers()),
        filters=draw(texts()),
        dome=draw(st.sampled_from(Dome)),
        duration=draw(numbers().map(abs)),
        nimages=draw(st.integers(0, 1000)),
        survey=draw(texts()),
        total_checkpoints=draw(_LONG),
        sent=draw(instants()),
    )


def visit_detectors() -> st.SearchStrategy[VisitDetector]:
    """Any legal unit of work."""
    return st.builds(VisitDetector, visits(), st.integers(0, 2**63 - 1))


def cancellations() -> st.SearchStrategy[Cancellation]:
    """Any legal cancellation."""
    return st.builds(Cancellation, sal_index=_LONG, script_sal_index=_LONG, group=groups())
