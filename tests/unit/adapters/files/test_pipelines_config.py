from typing import Any

import pytest
import yaml
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from adapters.files.pipelines_config import parse_pipelines_config
from domain.errors import PromptProcessingError
from domain.pipelines import (
    CoordType,
    DecRange,
    InvalidPipelinesError,
    Node,
    PipelinesConfig,
    RaRange,
)
from tests.value_or_error import value_or_error

ENVIRONMENT = {"DIR": "/opt/pipelines", "MAPS": "/maps"}


class UnreadableError(PromptProcessingError):
    """A map that is not there."""


@frozen
class Mask:
    """A mask known by its file."""

    path: str

    def contains(self, ra: float, dec: float) -> bool:
        return ra < dec


def read_mask(path: str) -> Mask:
    if "absent" in path:
        raise UnreadableError(f"{path}: no such map")
    return Mask(path)


def parse(text: str) -> PipelinesConfig:
    return parse_pipelines_config(text, "MAIN_PIPELINES_CONFIG", ENVIRONMENT, read_mask)


def test_every_key_of_the_contract_is_read() -> None:
    config = parse(
        """
        - survey: BLOCK-407
          ra: {min: 340, max: 20.5}
          dec: {min: -10, max: 5}
          binary-map: ${MAPS}/dense.fits
          coord-type: BoreSight
          pipelines: [$DIR/Ap.yaml, "${DIR}/Isr.yaml"]
        - survey: ""
          binary-map: $MAPS/dense.fits
          pipelines: None
        - pipelines: []
        """
    )
    mask = Mask("/maps/dense.fits")
    assert config.nodes == (
        Node(
            survey="BLOCK-407",
            ra=RaRange(340.0, 20.5),
            dec=DecRange(-10.0, 5.0),
            binary_map=mask,
            coord_type=CoordType.BORESIGHT,
            pipelines=("/opt/pipelines/Ap.yaml", "/opt/pipelines/Isr.yaml"),
        ),
        Node(survey="", binary_map=mask, pipelines=()),
        Node(pipelines=()),
    )
    assert config.source == "MAIN_PIPELINES_CONFIG"
    assert config.map_files == ("/maps/dense.fits",)


@pytest.mark.parametrize("none", ["None", "[]", "null", "~", ""])
def test_none_and_an_empty_list_are_the_same(none: str) -> None:
    assert parse(f"- pipelines: {none}").nodes == (Node(pipelines=()),)


def test_a_map_of_several_nodes_is_read_once() -> None:
    asked: list[str] = []

    def noting(path: str) -> Mask:
        asked.append(path)
        return Mask(path)

    nodes = "- {binary-map: m.fits, pipelines: []}\n" * 3
    parse_pipelines_config(nodes, "C", {}, noting)
    assert asked == ["m.fits"]


@pytest.mark.parametrize(
    ("node", "fault"),
    [
        ("survey: A", "pipelines: is missing"),
        ("{survey: 407, pipelines: []}", "survey: 407 is not text"),
        ("{coord-type: , pipelines: []}", "coord-type: None is neither detector nor boresight"),
        ("{surveys: A, pipelines: []}", "unknown keys surveys"),
        ("{binary_map: m.fits, pipelines: []}", "unknown keys binary_map"),
        ("{ra: {min: 1}, pipelines: []}", "ra.max: is missing"),
        ("{ra: {min: 1, max: 2, mid: 1.5}, pipelines: []}", "ra: unknown keys mid"),
        ("{ra: [1, 2], pipelines: []}", "ra: is not a mapping"),
        ("{ra: {min: .nan, max: 2}, pipelines: []}", "ra.min: nan is not a finite number"),
        ("{ra: {min: '1', max: 2}, pipelines: []}", "ra.min: '1' is not a finite number"),
        ("{ra: {min: yes, max: 2}, pipelines: []}", "ra.min: True is not a finite number"),
        ("{dec: {min: 5, max: -5}, pipelines: []}", "dec.min: 5.0 is above max, -5.0"),
        ("{coord-type: sky, pipelines: []}", "coord-type: 'sky' is neither detector nor boresight"),
        ("{binary-map: absent.fits, pipelines: []}", "binary-map: absent.fits: no such map"),
        ("{binary-map: 3, pipelines: []}", "binary-map: 3 is not a path"),
        ("{pipelines: a.yaml}", "pipelines: 'a.yaml' is not a list"),
        ("{pipelines: [a.yaml, 3]}", "pipelines: 3 is not a path"),
        ("{pipelines: ['']}", "pipelines: '' is not a path"),
        ("{pipelines: [a/X.yaml, b/X.yaml]}", "pipelines: 2 files have the base name 'X'"),
        ("A", "is not a mapping"),
    ],
)
def test_a_fault_names_source_node_and_key(node: str, fault: str) -> None:
    with pytest.raises(InvalidPipelinesError) as caught:
        parse(f"- pipelines: []\n- {node}")
    assert str(caught.value) == f"MAIN_PIPELINES_CONFIG: node 2: {fault}"


@pytest.mark.parametrize(
    ("node", "taken", "doubt"),
    [
        ("{survey: , pipelines: []}", Node(pipelines=()), "survey: has no value, and so sets no condition"),
        ("{ra: null, pipelines: []}", Node(pipelines=()), "ra: has no value, and so sets no condition"),
        ("{dec: ~, pipelines: []}", Node(pipelines=()), "dec: has no value, and so sets no condition"),
        (
            "{binary-map: , pipelines: []}",
            Node(pipelines=()),
            "binary-map: has no value, and so sets no condition",
        ),
        ("{ra: {min: -20, max: 20}, pipelines: []}", Node(pipelines=(), ra=RaRange(-20.0, 20.0)), ""),
        ("{ra: {min: 340, max: 380}, pipelines: []}", Node(pipelines=(), ra=RaRange(340.0, 380.0)), ""),
        (
            "{ra: {min: -10, max: 380}, pipelines: []}",
            Node(pipelines=(), ra=RaRange(-10.0, 380.0)),
            "ra: more than a circle; taken as 350 to 20",
        ),
        (
            "{ra: {min: 7, max: 7}, pipelines: []}",
            Node(pipelines=(), ra=RaRange(7.0, 7.0)),
            "ra: from 7 to 7 is the whole circle",
        ),
        (
            "{dec: {min: -100, max: 5}, pipelines: []}",
            Node(pipelines=(), dec=DecRange(-100.0, 5.0)),
            "dec: -100 to 5 goes beyond a pole",
        ),
        ("{coord-type: DETECTOR, pipelines: []}", Node(pipelines=()), ""),
        (
            "{pipelines: ['${UNSET}/a.yaml']}",
            Node(pipelines=("${UNSET}/a.yaml",)),
            "pipelines: '${UNSET}/a.yaml': the environment has no variable 'UNSET'",
        ),
        ("{pipelines: [$UNSET/a.yaml]}", Node(pipelines=("$UNSET/a.yaml",)), "no variable 'UNSET'"),
    ],
)
def test_what_the_contract_allows_is_taken_and_a_likely_mistake_is_logged(
    node: str, taken: Node, doubt: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert parse(f"- pipelines: []\n- {node}").nodes[1] == taken
    if doubt:
        [said] = caplog.messages
        assert said.startswith("MAIN_PIPELINES_CONFIG: node 2: ")
        assert doubt in said
    else:
        assert caplog.messages == []


def test_files_of_one_name_may_serve_different_nodes() -> None:
    config = parse("- {survey: A, pipelines: [a/X.yaml]}\n- pipelines: [b/X.yaml]")
    assert config.files == ("a/X.yaml", "b/X.yaml")


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(InvalidPipelinesError) as caught:
        parse("- {survey: 1, pipelines: 2}\n- {pipelines: []}\n- 3")
    assert str(caught.value) == (
        "MAIN_PIPELINES_CONFIG: node 1: pipelines: 2 is not a list; survey: 1 is not text;"
        " node 3: is not a mapping"
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "is not a YAML list"),
        ("pipelines: []", "is not a YAML list"),
        ("[", "is not YAML"),
        ("- {pipelines: [], pipelines: [a.yaml]}", "'pipelines' stands twice"),
        ("[]", "has no node"),
    ],
)
def test_a_fault_of_the_whole_names_the_source(text: str, fault: str) -> None:
    with pytest.raises(InvalidPipelinesError, match=f"^MAIN_PIPELINES_CONFIG: .*{fault}"):
        parse(text)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text("aX$<{}: -", max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["min", "max", "x"]), inner),
    max_leaves=5,
)
keys = st.sampled_from(["survey", "ra", "dec", "binary-map", "coord-type", "pipelines", "x"])


@given(st.lists(st.dictionaries(keys, values) | values, max_size=3))
def test_arbitrary_yaml_raises_the_projects_error_or_none(content: list[Any]) -> None:
    parsed = value_or_error(parse, yaml.safe_dump(content))
    assert isinstance(parsed, PipelinesConfig) or str(parsed).startswith("MAIN_PIPELINES_CONFIG: ")


@given(st.text())
def test_arbitrary_text_raises_the_projects_error_or_none(text: str) -> None:
    parsed = value_or_error(parse, text)
    assert isinstance(parsed, PipelinesConfig) or str(parsed).startswith("MAIN_PIPELINES_CONFIG: ")
