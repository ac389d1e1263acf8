import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.files.cameras import CameraFileError, find_camera, load_camera
from domain.cameras.camera import AmplifierCards, Box, RawKeyScheme
from domain.cameras.header_rules import Bound

INSTRUMENTS = {
    "LSSTCam": 205,
    "LSSTComCam": 9,
    "LSSTComCamSim": 9,
    "LATISS": 1,
    "LSST-TS8": 225,
    "LSSTCam-imSim": 189,
    "HSC": 112,
    "DECam": 62,
    "SimCam": 9,
    "SimMosaic": 6,
    "SimLSST": 4,
    "Lowell42": 2,
}
SHIPPED = Path(__file__).parents[4] / "cameras"
CAMERAS = [load_camera(file) for file in sorted(SHIPPED.glob("*.yaml"))]
SIMULATED = (SHIPPED / "simulated.yaml").read_text()
PLAIN = yaml.safe_load(SIMULATED)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "camera.yaml"


def test_all_instruments_are_shipped() -> None:
    assert {camera.instrument: len(camera.detectors) for camera in CAMERAS} == INSTRUMENTS


@pytest.mark.parametrize("instrument", INSTRUMENTS)
def test_a_camera_is_found_by_its_instrument(instrument: str) -> None:
    assert find_camera(instrument).instrument == instrument


def test_an_instrument_that_is_not_shipped_is_named() -> None:
    with pytest.raises(CameraFileError, match="'lsstcam'"):
        find_camera("lsstcam")


@pytest.mark.parametrize(
    "name", ["lsstcam", "LSSTCam", SHIPPED / "lsstcam.yaml", str(SHIPPED / "lsstcam.yaml")]
)
def test_a_camera_is_loaded_by_name_or_path(name: str | Path) -> None:
    assert load_camera(name).instrument == "LSSTCam"


def test_a_name_that_is_not_shipped_is_answered_with_those_that_are() -> None:
    with pytest.raises(CameraFileError, match=r"'nothing'.*simulated"):
        load_camera("nothing")


def test_amplifiers_may_be_in_hdus_and_described_by_cards(file: Path) -> None:
    plain = copy.deepcopy(PLAIN)
    kind = plain["detector_types"]["ccd"]
    for number, amplifier in enumerate(kind["amplifiers"]):
        del amplifier["overscan"]
        amplifier |= {"hdu": f"{{name}}_{number}", "parallel_overscan": "[1:256,513:520]", "flip_x": True}
    kind["amplifier_cards"] = {"data": ["TRIMSEC", "DATASEC"], "image": "DETSEC", "image_from_top": True}
    plain["detectors"][1]["hdu"] = 3
    file.write_text(yaml.safe_dump(plain))
    camera = load_camera(file)
    first = camera.detectors[0]
    assert first.type is not None
    assert first.type.amplifiers[0].parallel_overscan == Box(0, 256, 512, 520)
    assert (first.type.amplifiers[0].overscan, first.type.amplifiers[0].flip_x) == (None, True)
    assert list(first.raw_parts) == ["R22_S00_0", "R22_S00_1"]
    assert camera.detectors[1].hdu == 3
    assert first.type.amplifier_cards == AmplifierCards(
        data=("TRIMSEC", "DATASEC"), image=("DETSEC",), image_from_top=True
    )


@pytest.mark.parametrize("hdu", [-1, "", True, 1.5])
def test_what_names_no_hdu_is_refused(hdu: object, file: Path) -> None:
    plain = copy.deepcopy(PLAIN)
    plain["detectors"][0]["hdu"] = hdu
    file.write_text(yaml.safe_dump(plain))
    with pytest.raises(CameraFileError, match=r"detectors\[0\]\.hdu"):
        load_camera(file)


def test_a_file_that_is_absent_is_named(file: Path) -> None:
    with pytest.raises(CameraFileError, match=rf"{file}.*No such file"):
        load_camera(file)


def test_sections_are_turned_into_boxes_from_zero() -> None:
    kind = load_camera("simulated").detectors[0].type
    assert kind is not None
    assert kind.amplifiers[0].overscan == Box(512, 544, 0, 512)


def test_raw_keys() -> None:
    schemes = {camera.instrument: camera.raw_keys for camera in CAMERAS}
    lsst = {name: keys.abbreviation for name, keys in schemes.items() if keys.scheme is RawKeyScheme.LSST}
    assert lsst == {
        "LATISS": "AT",
        "LSST-TS8": "TS",
        "LSSTCam": "MC",
        "LSSTComCam": "CC",
        "LSSTComCamSim": "CC",
        "SimCam": "SC",
        "SimLSST": "SL",
    }
    assert schemes["SimMosaic"].scheme is RawKeyScheme.MOSAIC
    assert schemes["LSSTCam-imSim"].scheme is RawKeyScheme.IMSIM
    assert {keys.prefixes for keys in schemes.values()} == {(), ("ComCam",), ("TS8",)}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("instrument: SimCam", "instrument: 3", "instrument: 3 is not text"),
        ("instrument: SimCam", "", "instrument: is missing"),
        ("instrument: SimCam", "instrument: SimCam\ninstrument: B", "'instrument' stands twice"),
        ("instrument: SimCam", "instrument: SimCam\ncolour: red", "unknown keys colour"),
        (
            "instrument: SimCam",
            "instrument: SimCam\npointing_error_deg: 90",
            "pointing_error_deg: 90 is not bet",
        ),
        (
            "instrument: SimCam",
            "instrument: SimCam\npointing_error_deg: -1",
            "pointing_error_deg: -1 is not bet",
        ),
        ("nx: 512", "nx: 51.2", r"detector_types\['ccd'\].nx: 51.2 is not a whole number"),
        ("nx: 512", "nx: '512'", r"detector_types\['ccd'\].nx: '512' is not a whole number"),
        ("nx: 512", "nx: true", r"detector_types\['ccd'\].nx: True is not a whole number"),
        ("pixel_size_um: 10.0", "pixel_size_um: x", r"detector_types\['ccd'\].pixel_size_um: 'x' is not"),
        ("nx: 512", "nx: 100", r"detector_types\['ccd'\]: amplifier C00: its image leaves"),
        ("gain: 1.5", "gain: .inf", r"amplifiers\[0\].gain: inf is not a finite number"),
        ("gain: 1.5", "gian: 1.5", r"amplifiers\[0\].gain: is missing; .*: unknown keys gian"),
        ('data: "[1:256,1:512]"', 'data: "[1:256]"', r"amplifiers\[0\].data: '\[1:256\]' is not a section"),
        ('data: "[1:256,1:512]"', 'data: "[0:255,1:512]"', r"amplifiers\[0\].data: box x -1"),
        ('data: "[1:256,1:512]"', 'data: "[256:1,1:512]"', r"amplifiers\[0\].data: box x 255"),
        ('data: "[1:256,1:512]"', "data: [1, 256]", r"amplifiers\[0\].data: \[1, 256\] is not a section"),
        ("scheme: lsst", "scheme: other", "raw_keys.scheme: 'other'"),
        ("abbreviation: SC", "prefixes: []", "raw_keys: .*abbreviation"),
        ("g_sim: g,", "g_sim: 3,", r"filters\['g_sim'\]: 3 is not text"),
        ("{card: OBSID}", "{card: OBSID, cards: [A]}", r"facts\['obs_id'\]: has both card and cards"),
        ("{card: OBSID}", "OBSID", r"facts\['obs_id'\]: is not a mapping, or a list of them"),
        ("{card: OBSID}", "[]", "header: there is no header rule for obs_id"),
        ("{card: OBSID}", "[{card: A}, 3]", r"facts\['obs_id'\].*is not a mapping"),
        ("{card: OBSID}", "[{card: A, unit: rad}]", r"facts\['obs_id'\].*unit 'rad' of a header rule"),
        ("{card: ROTPA,", "{before: tomorrow, card: ROTPA,", "'tomorrow' is no day 20250422"),
        ("{card: ROTPA,", "{table: [1], card: ROTPA,", "table: is not a mapping to texts"),
        ("{card: DAYOBS}", "{card: DAYOBS, since: 20250422}", "day_obs cannot hold for a range"),
        ("  facts:", "  corrections: {}\n  facts:", "header: unknown keys corrections"),
        (
            "instrument: SimCam",
            "instrument: SimCam\ncorrections: no.json",
            r"corrections: .*No such.*no\.json",
        ),
        ("{card: OBSID}", "{}", r"facts\['obs_id'\]: a header rule names either cards or a value"),
        ("{card: OBSID}", "{value: [1]}", r"facts\['obs_id'\].value: \[1\] is neither text nor a number"),
        ("{card: OBSID}", "{card: OBSID, pattern: '('}", r"facts\['obs_id'\]: pattern '\('"),
        ("format: isot", "format: iso", "facts.'begin'.: format 'iso' .* is not isot or mjd or jd"),
        ("number: 1,", "number: 512,", "detector 512 does not fit into source ids"),
        ("sky_angle:", "sky_ang:", "header: header rules for unknown facts: sky_ang"),
        ("x_axis: west", "x_axis: up", "focal_plane: x_axis 'up'"),
        ("number: 1,", "number: 0,", "SimCam: two detectors have the same number"),
        ("type: ccd, x_mm: -5.5, y_mm: -5.5", "type: cdc", "R22_S00: type 'cdc'"),
        ("x_mm: -5.5, y_mm: -5.5", "x_mm: -5.5", "R22_S00: has one of x_mm and y_mm only"),
        ("detectors:\n", "detectors: 3\nothers:\n", "detectors: is not a list; unknown keys others"),
        (SIMULATED, "", "is not a mapping"),
        (SIMULATED, "- SimCam", "is not a mapping"),
        (SIMULATED, "a: [b", "line 1"),
        (SIMULATED, "a: \0", "unacceptable character"),
    ],
)
def test_file_key_and_reason_of_a_fault_are_named(file: Path, old: str, new: str, said: str) -> None:
    assert old in SIMULATED
    file.write_text(SIMULATED.replace(old, new))
    with pytest.raises(CameraFileError, match=f"{file}: .*{said}"):
        load_camera(file)


def test_a_fact_may_have_several_rules(file: Path) -> None:
    rules = "[{card: A, before: 20250422/251}, {card: B, table: {5: r_sim}, when: {C: x}}]"
    file.write_text(SIMULATED.replace("physical_filter: {card: FILTER}", f"physical_filter: {rules}"))
    first, second = load_camera(file).header.facts["physical_filter"]
    assert first.before == Bound(day_obs=20250422, seqnum=251)
    assert (second.cards, second.table, second.when) == (("B",), {"5": "r_sim"}, {"C": "x"})


def test_corrections_stand_in_the_cameras_file_or_in_one_beside_it(file: Path) -> None:
    listed = {"SC_O_20260313_000001": {"FILTER": "g_sim", "CURINDEX": 1, "ROTPA": None}}
    file.with_name("wrong.json").write_text(json.dumps(listed))
    file.write_text(f"corrections: wrong.json\n{SIMULATED}")
    assert load_camera(file).header.corrections == listed
    file.with_name("wrong.json").write_text(json.dumps({"SC_O_20260313_000001": [1]}))
    with pytest.raises(CameraFileError, match="corrections: do not map observation ids"):
        load_camera(file)
    file.write_text(f"corrections: {json.dumps(listed)}\n{SIMULATED}")
    assert load_camera(file).header.corrections == listed


def test_bytes_that_are_no_text_are_refused(file: Path) -> None:
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CameraFileError, match=str(file)):
        load_camera(file)


def _paths(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(below for key, value in items for below in _paths(value, (*path, key)))]


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=3)
    ),
    max_leaves=4,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(_paths(PLAIN)), junk)
def test_a_camera_with_anything_anywhere_is_read_or_refused(
    file: Path, path: tuple[Any, ...], value: Any
) -> None:
    plain = {"root": copy.deepcopy(PLAIN)}
    target: Any = plain
    for key in ("root", *path)[:-1]:
        target = target[key]
    target[("root", *path)[-1]] = value
    file.write_text(yaml.safe_dump(plain["root"]))
    try:
        camera = load_camera(file)
    except CameraFileError as error:
        text = str(error)
    else:
        text = f"{file}: {camera.instrument}"
    assert text.startswith(f"{file}: ")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=40) | st.text(max_size=40).map(str.encode))
def test_arbitrary_bytes_are_refused(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(CameraFileError):
        load_camera(file)
