"""Files of what a person knows of detectors."""

from pathlib import Path

import pytest

from adapters.files.cameras import CameraFileError, load_camera
from adapters.files.corrections import load_corrections
from domain.cameras.camera import Box
from domain.cameras.corrections import datasets_of

CAMERA = load_camera("simulated")
WHOLE = """
detectors:
  R22_S11:
    defects: ["[77:77,1:512]", "[3:4,5:6]"]
    linearity:
      C00: {polynomial: [-1.2e-6]}
      C01: {measured: [0, 30000, 60000], corrected: [0, 30100, 61000]}
    crosstalk: {matrix: [[0, 1.0e-4], [2.0e-4, 0]], mirrored_x: [C01]}
  R22_S00: {defects: ["[1:1,1:1]"]}
"""


def _load(folder: Path, text: str) -> object:
    file = folder / "known.yaml"
    file.write_text(text)
    return load_corrections(file, CAMERA)


def test_a_file_is_read_by_the_names_of_detectors(tmp_path: Path) -> None:
    file = tmp_path / "known.yaml"
    file.write_text(WHOLE)
    known = load_corrections(file, CAMERA)
    assert sorted(known) == [0, 4]
    assert known[4].defects == (Box(76, 77, 0, 512), Box(2, 4, 4, 6))
    assert datasets_of(CAMERA, 0, known[0]) == {}
    assert datasets_of(CAMERA, 4, known[4]) == {
        "linearity": {
            "amplifiers": {
                "C00": {"polynomial": [-1.2e-6]},
                "C01": {"measured": [0.0, 30000.0, 60000.0], "corrected": [0.0, 30100.0, 61000.0]},
            }
        },
        "crosstalk": {
            "amplifiers": ["C00", "C01"],
            "matrix": [[0.0, 1e-4], [2e-4, 0.0]],
            "mirrored_x": ["C01"],
            "mirrored_y": [],
        },
    }


@pytest.mark.parametrize(
    ("detector", "said"),
    [
        ("R99: {}", "no detector named 'R99'"),
        ("R22_S11: {defects: ['[1:513,1:2]']}", "a defect of R22_S11 leaves its 512 x 512 pixels"),
        ("R22_S11: {defects: [[1, 2, 3, 4]]}", "is not a section such as"),
        ("R22_S11: {linearity: {C07: {polynomial: [1.0e-6]}}}", "R22_S11 has no amplifiers C07"),
        ("R22_S11: {linearity: {C00: {}}}", "either a polynomial, or a table"),
        ("R22_S11: {linearity: {C00: {measured: [0, 9, 5], corrected: [0, 9, 9]}}}", "and rise"),
        ("R22_S11: {linearity: {C00: {measured: [0, 9], corrected: [0]}}}", "2 measured and 1 corrected"),
        ("R22_S11: {crosstalk: {matrix: [[0, 1]]}}", "no matrix of 2 x 2"),
        ("R22_S11: {crosstalk: {matrix: [[0, 0], [0, 0]], mirrored_x: [Z]}}", "no amplifiers Z"),
        ("R22_S11: {defect: []}", "unknown keys defect"),
    ],
)
def test_what_does_not_fit_is_one_line_that_names_it(tmp_path: Path, detector: str, said: str) -> None:
    with pytest.raises(CameraFileError, match=r"known\.yaml: ") as caught:
        _load(tmp_path, f"detectors:\n  {detector}\n")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
