from collections.abc import Callable
from fractions import Fraction

import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from domain.pipelines import (
    CoordType,
    DecRange,
    InvalidPipelinesError,
    Node,
    NoMatchingNodeError,
    PipelinesConfig,
    RaRange,
    pipeline_name,
)
from domain.sky.position import UnsupportedSystemError

type Position = tuple[float, float]

right_ascensions = st.floats(0.0, 360.0) | st.sampled_from([0.0, 20.0, 340.0, 360.0])
declinations = st.floats(-90.0, 90.0)
positions = st.tuples(st.floats(0.0, 360.0, exclude_max=True) | st.sampled_from([0.0, 20.0]), declinations)


@frozen
class Quarters:
    """A mask of the sky quarters that begin at given right ascensions, northern half."""

    which: frozenset[int]

    def contains(self, ra: float, dec: float) -> bool:
        return dec >= 0 and int(ra // 90) in self.which


@frozen
class Answer:
    """A position, None, or an error of the visit."""

    position: Position | None
    unsupported: bool = False

    def give(self) -> Position | None:
        if self.unsupported:
            raise UnsupportedSystemError("azimuth and altitude")
        return self.position


@frozen
class Told:
    """A pointing with given answers."""

    at_boresight: Answer
    at_detector: Answer

    def boresight(self) -> Position | None:
        return self.at_boresight.give()

    def detector_centre(self) -> Position | None:
        return self.at_detector.give()


class NeverAsked:
    """A pointing that must not be needed."""

    def boresight(self) -> Position | None:
        raise AssertionError

    def detector_centre(self) -> Position | None:
        raise AssertionError


surveys = st.sampled_from(["BLOCK-407", "BLOCK-T1", ""])
ra_ranges = st.builds(RaRange, right_ascensions, right_ascensions)
dec_ranges = st.builds(lambda a, b: DecRange(min(a, b), max(a, b)), declinations, declinations)
nodes = st.builds(
    Node,
    pipelines=st.lists(st.sampled_from(["p/A.yaml", "p/B.yaml", "p/C.yaml"]), unique=True).map(tuple),
    survey=st.none() | surveys,
    ra=st.none() | ra_ranges,
    dec=st.none() | dec_ranges,
    binary_map=st.none() | st.builds(Quarters, st.frozensets(st.integers(0, 3))),
    coord_type=st.sampled_from(CoordType),
)
configs = st.builds(
    PipelinesConfig, nodes=st.lists(nodes, min_size=1, max_size=5).map(tuple), source=st.just("CONFIG")
)
answers = st.builds(Answer, st.none() | positions) | st.just(Answer(None, unsupported=True))
pointings = st.builds(Told, answers, answers)


def in_range_exactly(limits: RaRange, ra: float) -> bool:
    """Walk eastward from the one limit to the other, in exact arithmetic."""
    if Fraction(limits.max) % 360 == Fraction(limits.min) % 360:
        return True
    walked = (Fraction(ra) - Fraction(limits.min)) % 360
    return walked <= (Fraction(limits.max) - Fraction(limits.min)) % 360


def model_choice(config: PipelinesConfig, survey: str, told: Told) -> tuple[str, ...] | type[Exception]:
    """Section 6 of the contracts, sentence by sentence."""
    for node in config.nodes:
        if node.survey is not None and node.survey != survey:
            continue
        if node.ra is not None or node.dec is not None or node.binary_map is not None:
            answer = told.at_boresight if node.coord_type is CoordType.BORESIGHT else told.at_detector
            if answer.unsupported:
                return UnsupportedSystemError
            if answer.position is None:
                continue
            ra, dec = answer.position
            if node.ra is not None and not in_range_exactly(node.ra, ra):
                continue
            if node.dec is not None and (dec < node.dec.min or dec > node.dec.max):
                continue
            if node.binary_map is not None and not node.binary_map.contains(ra, dec):
                continue
        return node.pipelines
    return NoMatchingNodeError


@given(configs, surveys, pointings)
def test_the_choice_is_that_of_the_contract(config: PipelinesConfig, survey: str, told: Told) -> None:
    expected = model_choice(config, survey, told)
    if isinstance(expected, tuple):
        assert config.choose(survey, told).node.pipelines == expected
    else:
        with pytest.raises(expected):
            config.choose(survey, told)


@given(ra_ranges, st.floats(0, 360, exclude_max=True), st.integers(-2, 2))
def test_a_range_of_right_ascensions_is_an_arc_eastward(limits: RaRange, ra: float, turns: int) -> None:
    turned = ra + 360.0 * turns
    if turned - 360.0 * turns == ra:
        assert (turned in limits) == in_range_exactly(limits, ra)


@given(ra_ranges)
def test_limits_are_included(limits: RaRange) -> None:
    assert limits.min in limits
    assert limits.max in limits


@pytest.mark.parametrize(
    ("ra", "inside"), [(339.9, False), (340, True), (0, True), (20, True), (20.1, False)]
)
@pytest.mark.parametrize(
    "limits", [RaRange(340.0, 20.0), RaRange(-20.0, 20.0), RaRange(340.0, 380.0), RaRange(-20.0, 380.0)]
)
def test_the_example_of_the_contract_passes_through_zero(limits: RaRange, ra: float, inside: bool) -> None:
    assert (ra in limits) == inside


@pytest.mark.parametrize("limits", [RaRange(5.0, 5.0), RaRange(0.0, 360.0), RaRange(-90.0, 270.0)])
@given(ra=right_ascensions)
def test_limits_on_one_meridian_are_the_whole_circle(limits: RaRange, ra: float) -> None:
    assert ra in limits


@given(surveys, surveys)
def test_no_position_is_asked_for_where_none_is_needed(survey: str, other: str) -> None:
    somewhere = Node(pipelines=("A.yaml",), survey=f"{other}x", dec=DecRange(0.0, 1.0))
    anywhere = Node(pipelines=("B.yaml",))
    config = PipelinesConfig(nodes=(somewhere, anywhere), source="CONFIG")
    assert config.choose(survey, NeverAsked()).node.pipelines == ("B.yaml",)


def test_no_match_names_the_configuration_and_the_survey() -> None:
    config = PipelinesConfig(nodes=(Node(pipelines=(), survey="A"),), source="MAIN_PIPELINES_CONFIG")
    with pytest.raises(NoMatchingNodeError, match=r"MAIN_PIPELINES_CONFIG.*'BLOCK-407'"):
        config.choose("BLOCK-407", NeverAsked())


@pytest.mark.parametrize(
    ("node", "reason"),
    [
        (Node(pipelines=(), survey="A"), "the survey is 'BLOCK-407', not 'A'"),
        (
            Node(pipelines=(), ra=RaRange(20, 30)),
            "ra 10.0000 of the detector's centre is not within 20 to 30",
        ),
        (
            Node(pipelines=(), dec=DecRange(-1, 0), coord_type=CoordType.BORESIGHT),
            "dec 5.0000 of the boresight is not within -1 to 0",
        ),
        (
            Node(pipelines=(), binary_map=Quarters(frozenset({2}))),
            "the detector's centre at ra 10.0000, dec -5.0000 is not in the map of the sky",
        ),
    ],
)
def test_why_a_node_does_not_match_is_told(node: Node, reason: str) -> None:
    config = PipelinesConfig(nodes=(node, Node(pipelines=("A.yaml",))), source="C")
    told = Told(Answer((9.0, 5.0)), Answer((10.0, -5.0)))
    choice = config.choose("BLOCK-407", told)
    assert (choice.number, choice.passed_over) == (2, (reason,))


@pytest.mark.parametrize(
    ("make", "fault"),
    [
        (lambda: DecRange(1.0, 0.0), "min: 1.0 is above max"),
        (lambda: Node(pipelines=("a/X.yaml", "b/X.yml")), "base name 'X'"),
        (lambda: Node(pipelines=("a/X.yaml", "a/X.yaml#subset")), "base name 'X'"),
        (lambda: Node(pipelines=("NoPipeline.yaml",)), "NoPipeline"),
        (lambda: Node(pipelines=("#subset",)), "base name ''"),
        (lambda: PipelinesConfig(nodes=(), source="C"), "C: has no node"),
    ],
)
def test_a_contradiction_is_refused(make: Callable[[], object], fault: str) -> None:
    with pytest.raises(InvalidPipelinesError, match=fault):
        make()


def test_one_file_may_serve_several_nodes() -> None:
    fallback = ("a/Ap.yaml", "a/Isr.yaml")
    config = PipelinesConfig(nodes=(Node(pipelines=fallback), Node(pipelines=fallback[1:])), source="C")
    assert config.files == fallback


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("ApPipe.yaml", "ApPipe"),
        ("${DIR}/LSSTCam/ApPipe.yaml", "ApPipe"),
        ("resource://pkg/pipelines/Isr-cal.v2.yaml", "Isr-cal.v2"),
        ("/a.b/ApPipe.yaml#isr,x/y", "ApPipe"),
        ("ApPipe", "ApPipe"),
    ],
)
def test_a_pipeline_is_named_by_its_file(file: str, name: str) -> None:
    assert pipeline_name(file) == name
