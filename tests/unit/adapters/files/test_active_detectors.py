from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.files.active_detectors import FanOutFileError, load_fan_out_config
from domain.fan_out import FanOutConfig

CONFIG = """
knative-urls: {HSC: http://example.org/hsc, LATISS: 3}
redis-streams:
  LSSTCam: instrument:lsstcam
  HSC: instrument:hsc
detectors:
  LSSTCam: {0: true, 1: false, 204: true}
  HSC: {}
  HSC-TEST-59134:
    4: true
    5: True
    6: False
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "instruments.yaml"


def test_streams_and_active_detectors(file: Path) -> None:
    file.write_text(CONFIG)
    assert load_fan_out_config(file) == FanOutConfig(
        streams={"LSSTCam": "instrument:lsstcam", "HSC": "instrument:hsc"},
        detectors={
            "LSSTCam": frozenset({0, 204}),
            "HSC": frozenset(),
            "HSC-TEST-59134": frozenset({4, 5}),
        },
    )


@given(
    st.dictionaries(
        st.text(max_size=5), st.dictionaries(st.integers(), st.booleans(), max_size=5), max_size=3
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_exactly_those_marked_true_are_active(file: Path, detectors: dict[str, dict[int, bool]]) -> None:
    file.write_text(yaml.safe_dump({"redis-streams": {}, "detectors": detectors}))
    active = {name: {number for number in marks if marks[number]} for name, marks in detectors.items()}
    assert load_fan_out_config(file).detectors == active


@given(st.dictionaries(st.integers(0, 999), st.booleans(), max_size=5))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_numbers_may_be_quoted_as_charts_write_them(file: Path, marks: dict[int, bool]) -> None:
    quoted = {str(number): active for number, active in marks.items()}
    file.write_text(yaml.safe_dump({"redis-streams": {}, "detectors": {"HSC": quoted}}))
    assert load_fan_out_config(file).detectors == {"HSC": {number for number in marks if marks[number]}}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("redis-streams:", "redis_streams:", "redis-streams: is missing; unknown keys redis_streams"),
        ("LSSTCam: instrument:lsstcam", "LSSTCam: 3", r"redis-streams\['LSSTCam'\]: 3 is not text"),
        ("0: true", "0: 1", r"detectors\['LSSTCam'\]\[0\]: 1 is not true or false"),
        ("0: true", "zero: true", r"detectors\['LSSTCam'\]\['zero'\]: 'zero' is not a whole number"),
        ("0: true, 1: false", "0: true, 0: false", "key '0' stands twice"),
        ("0: true, 1: false", "0: true, '0': false", "key '0' stands twice"),
        ("0: true", "true: true", r"True is not a whole number"),
        ("HSC: {}", "HSC:", r"detectors\['HSC'\]: is not a mapping"),
        ("HSC: {}", "HSC: [1, 2]", r"detectors\['HSC'\]: is not a mapping"),
        (CONFIG, "", "is not a mapping"),
    ],
)
def test_file_key_and_reason_of_a_fault_are_named(file: Path, old: str, new: str, said: str) -> None:
    assert old in CONFIG
    file.write_text(CONFIG.replace(old, new))
    with pytest.raises(FanOutFileError, match=f"{file}: .*{said}"):
        load_fan_out_config(file)


def test_an_absent_file_is_named(file: Path) -> None:
    with pytest.raises(FanOutFileError, match=f"{file}"):
        load_fan_out_config(file)


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=3)
    ),
)


@given(
    st.fixed_dictionaries({}, optional={"redis-streams": plain, "detectors": plain, "other": plain}) | plain
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_anything_else_is_refused_or_understood(file: Path, content: Any) -> None:
    file.write_text(yaml.safe_dump(content))
    try:
        config = load_fan_out_config(file)
    except FanOutFileError as error:
        text = str(error)
    else:
        text = f"{file}: {sorted(config.streams)}"
    assert text.startswith(f"{file}: ")
