import csv
from collections import Counter
from collections.abc import Callable

import pytest
from attrs import evolve

from domain.cameras.camera import (
    Amplifier,
    AmplifierCards,
    Box,
    Camera,
    CardRule,
    Detector,
    DetectorType,
    FocalPlane,
    HeaderRules,
    InvalidCameraError,
    ObservatoryPlace,
    Placement,
    Purpose,
    RawKeys,
    RawKeyScheme,
    UnknownDetectorError,
)
from domain.cameras.header_rules import Bound
from tests.shared_data import shared_data
from tests.strategies.cameras import SHIPPED

CORNER_RAFTS = ("R00", "R04", "R40", "R44")
SENSORS = [f"S{x}{y}" for x in range(3) for y in range(3)]


@pytest.mark.parametrize("camera", SHIPPED.values(), ids=SHIPPED)
def test_names_and_numbers_both_ways(camera: Camera) -> None:
    for detector in camera.detectors:
        assert camera.detector(detector.number) is detector
        assert camera.detector_named(detector.name) is detector
        assert camera.detector_named(detector.name.lower()) is detector
    assert set(camera.numbers) == {detector.in_keys for detector in camera.detectors}


@pytest.mark.parametrize("camera", SHIPPED.values(), ids=SHIPPED)
def test_unknown_detectors_are_named(camera: Camera) -> None:
    with pytest.raises(UnknownDetectorError, match=rf"{camera.instrument}.*\b999\b"):
        camera.detector(999)
    with pytest.raises(UnknownDetectorError, match=rf"{camera.instrument}.*'R99_S99'"):
        camera.detector_named("R99_S99")


def test_sensors_that_take_turns_are_known_by_serial_number() -> None:
    ts8 = SHIPPED["LSST-TS8"]
    assert ts8.detector_of_serial("ITL-3800C-023").name == "RTM-002_S00"
    with pytest.raises(UnknownDetectorError, match=r"LSST-TS8.*'ITL-3800C-999'"):
        ts8.detector_of_serial("ITL-3800C-999")
    with pytest.raises(InvalidCameraError, match="LSST-TS8: two detectors have the same serial"):
        evolve(ts8, detectors=(ts8.detectors[0], evolve(ts8.detectors[1], serial=ts8.detectors[0].serial)))


@pytest.mark.parametrize(("instrument", "count"), [("LSSTCam", 205), ("LSSTCam-imSim", 189)])
def test_numbers_of_the_full_focal_plane(instrument: str, count: int) -> None:
    rafts = [f"R{x}{y}" for x in range(5) for y in range(5)]
    names = [f"{raft}_{sensor}" for raft in rafts if raft not in CORNER_RAFTS for sensor in SENSORS]
    names += [f"{raft}_{sensor}" for raft in CORNER_RAFTS for sensor in ("SG0", "SG1", "SW0", "SW1")]
    assert [detector.name for detector in SHIPPED[instrument].detectors] == names[:count]
    assert [detector.number for detector in SHIPPED[instrument].detectors] == list(range(count))


def test_numbers_of_the_small_cameras() -> None:
    for instrument in ("LSSTComCam", "LSSTComCamSim", "LSST-TS8"):
        numbers = SHIPPED[instrument].numbers
        assert numbers == {f"R22_S{x}{y}": 3 * x + y for x in range(3) for y in range(3)}
    assert SHIPPED["LATISS"].numbers == {"R00_S00": 0}
    assert SHIPPED["LATISS"].detector(0).name == "RXX_S00"
    assert SHIPPED["HSC"].numbers == {str(number): number for number in range(112)}
    assert SHIPPED["HSC"].detector(50).name == "1_12"


def test_purposes() -> None:
    found = Counter(detector.purpose for detector in SHIPPED["LSSTCam"].detectors)
    assert found == {Purpose.SCIENCE: 189, Purpose.GUIDE: 8, Purpose.WAVEFRONT: 8}


def test_lsstcam_is_as_measured() -> None:
    table = shared_data("lsstcam_focal_plane.csv")
    purposes = {"SCIENCE": Purpose.SCIENCE, "GUIDER": Purpose.GUIDE, "WAVEFRONT": Purpose.WAVEFRONT}
    with table.open() as file:
        for row in csv.DictReader(file):
            size = (int(row["nx"]), int(row["ny"]), 10.0)
            place = Placement(x=float(row["x_mm"]), y=float(row["y_mm"]), yaw=float(row["yaw_deg"]))
            found = SHIPPED["LSSTCam"].detector(int(row["detector"]))
            assert (found.name, found.placement) == (row["name"], place)
            assert found.purpose is purposes[row["purpose"]]
            assert found.type is not None
            assert (found.type.nx, found.type.ny, found.type.pixel_size) == size


KIND = DetectorType(nx=4, ny=2, pixel_size=10.0)
AMPLIFIER = Amplifier(
    name="A",
    data=Box(0, 4, 0, 2),
    overscan=Box(4, 6, 0, 2),
    image=Box(0, 4, 0, 2),
    gain=1.0,
    read_noise=5.0,
    saturation=60_000.0,
)
PRESCANNED = evolve(AMPLIFIER, data=Box(2, 6, 0, 2), overscan=None, prescan=Box(0, 2, 0, 2))
LEFT = evolve(AMPLIFIER, data=Box(0, 2, 0, 2), image=Box(0, 2, 0, 2))
RIGHT = evolve(AMPLIFIER, name="B", data=Box(2, 4, 0, 2), image=Box(2, 4, 0, 2))
CAMERA = Camera(
    instrument="Small",
    detectors=(Detector(number=1, name="one"), Detector(number=2, name="two")),
    raw_keys=RawKeys(scheme=RawKeyScheme.GROUPED),
    header=HeaderRules(facts={}),
    filters={},
)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Box(3, 3, 0, 1), "empty"),
        (lambda: Box(-1, 3, 0, 1), "below 0"),
        (lambda: evolve(AMPLIFIER, image=Box(0, 3, 0, 2)), "amplifier A"),
        (lambda: evolve(AMPLIFIER, gain=0.0), "amplifier A: gain"),
        (lambda: DetectorType(nx=0, ny=5, pixel_size=10), "0 x 5"),
        (lambda: DetectorType(nx=5, ny=5, pixel_size=float("nan")), "nan"),
        (lambda: DetectorType(nx=3, ny=5, pixel_size=10, amplifiers=(AMPLIFIER,)), "leaves the 3 x 5"),
        (lambda: evolve(AMPLIFIER, gain=float("inf")), "amplifier A: gain"),
        (lambda: evolve(KIND, amplifiers=(AMPLIFIER, AMPLIFIER)), "several amplifiers have the name A"),
        (
            lambda: evolve(KIND, amplifiers=(AMPLIFIER, evolve(AMPLIFIER, name="B"))),
            "amplifiers A and B: their data overlap",
        ),
        (
            lambda: evolve(KIND, amplifiers=(AMPLIFIER, evolve(AMPLIFIER, name="B", hdu="two"))),
            "amplifiers A and B: their images overlap",
        ),
        (
            lambda: evolve(KIND, nx=5, amplifiers=(AMPLIFIER,)),
            "amplifiers A: their images fill 8 of the 5 x 2 pixels",
        ),
        (
            lambda: evolve(KIND, amplifiers=(evolve(AMPLIFIER, overscan=Box(3, 6, 0, 2)),)),
            "amplifier A: its overscan or prescan x 4:6, y 1:2 lies in the data of amplifier A",
        ),
        (
            lambda: evolve(KIND, amplifiers=(LEFT, evolve(RIGHT, parallel_overscan=Box(1, 2, 1, 3)))),
            "amplifier B: its overscan or prescan x 2:2, y 2:3 lies in the data of amplifier A",
        ),
        (lambda: Placement(x=float("inf"), y=0), "inf"),
        (lambda: Detector(number=-1, name="a"), "number -1"),
        (lambda: Detector(number=1, name=" "), "name ' '"),
        (lambda: Detector(number=1, name="a/b"), "name 'a/b'"),
        (lambda: evolve(AMPLIFIER, hdu=" "), "amplifier A: its HDU has a blank name"),
        (
            lambda: Detector(
                number=1,
                name="a",
                type=evolve(KIND, amplifiers=(LEFT, evolve(RIGHT, hdu="b"))),
            ),
            "detector a: some of its amplifiers name an HDU, others none",
        ),
        (lambda: FocalPlane(plate_scale=0), "plate scale 0"),
        (lambda: FocalPlane(plate_scale=1, radial_distortion=(1.0, 1.0)), r"\[1.0, 1.0\]"),
        (lambda: FocalPlane(plate_scale=1, radial_distortion=(0.0,)), "coefficient of the radius"),
        (lambda: RawKeys(scheme=RawKeyScheme.LSST), "abbreviation"),
        (CardRule, "either cards or a value"),
        (lambda: CardRule(cards=("A",), when={"": "x"}), "the card '', which is a comment"),
        (lambda: CardRule(cards=("A",), when={"B": "("}), r"'\(' is not a regular expression"),
        (lambda: CardRule(file="x"), "file 'x' is not an expression with one group"),
        (lambda: CardRule(cards=("A",), time_zone="+01:00"), "time_zone"),
        (
            lambda: CardRule(cards=("A",), format="isot", time_scale="utc", time_zone="Mars/Olympus"),
            "time_zone 'Mars/Olympus'",
        ),
        (lambda: HeaderRules(facts={"ra": ()}), "no header rule for ra"),
        (
            lambda: HeaderRules(facts={"seqnum": CardRule(value=1, before=Bound.parse("20260101"))}),
            "seqnum cannot hold for a range",
        ),
        (lambda: HeaderRules(facts={}, frame="b1950"), "frame 'b1950'"),
        (
            lambda: HeaderRules(facts={}, needed=("begin",)),
            "needed: begin is none of dec, physical_filter, ra",
        ),
        (lambda: HeaderRules(facts={}, day_begins=25), "day_begins 25"),
        (lambda: Bound.parse("soon"), "'soon' is no day"),
        (lambda: CardRule(cards=("A",), value=1), "either cards or a value"),
        (lambda: CardRule(cards=("A", " ")), "the card ' ', which is a comment"),
        (lambda: CardRule(cards=("COMMENT",)), "the card 'COMMENT', which is a comment"),
        (lambda: CardRule(cards=("A",), unit="rad"), "unit 'rad'"),
        (lambda: CardRule(cards=("A",), format="isot"), "time_scale"),
        (lambda: CardRule(cards=("A",), pattern="("), "pattern"),
        (lambda: CardRule(cards=("A",), pattern="a"), "pattern"),
        (lambda: HeaderRules(facts={"colour": CardRule(value=1)}), "colour"),
        (lambda: HeaderRules(facts={"end": CardRule(value=1)}), "end states no format"),
        (lambda: evolve(CAMERA, instrument="a/b"), "'a/b'"),
        (lambda: evolve(CAMERA, detectors=()), "no detectors"),
        (lambda: evolve(CAMERA, detectors=CAMERA.detectors * 2), "Small: two detectors have the same number"),
        (
            lambda: evolve(CAMERA, detectors=(CAMERA.detectors[0], evolve(CAMERA.detectors[0], number=3))),
            "Small: two detectors have the same name",
        ),
    ],
)
def test_a_contradiction_is_named(make: Callable[[], object], said: str) -> None:
    with pytest.raises(InvalidCameraError, match=said):
        make()


@pytest.mark.parametrize(
    "amplifiers",
    [
        (AMPLIFIER,),
        (PRESCANNED,),
        (evolve(AMPLIFIER, overscan=None),),
        (LEFT, RIGHT),
        (LEFT, evolve(RIGHT, hdu="two", data=LEFT.data)),
    ],
    ids=["one", "prescan", "no overscan", "a shared overscan", "HDUs of their own"],
)
def test_amplifiers_that_fill_a_detector_make_one(amplifiers: tuple[Amplifier, ...]) -> None:
    assert evolve(KIND, amplifiers=amplifiers).amplifiers == amplifiers


def test_raws_are_as_large_as_their_sections_reach() -> None:
    (part,) = SHIPPED["Lowell42"].raw_parts
    assert (set(part.sizes), dict(part.hdus)) == ({(400, 1432), (270, 1432)}, {})
    (part,) = CAMERA.raw_parts
    assert (set(part.sizes), dict(part.hdus)) == (set(), {})


def test_detectors_of_one_file_are_told_apart_by_their_hdus() -> None:
    mosaic = SHIPPED["SimMosaic"]
    first, second, *others = mosaic.detectors
    same = evolve(second, type=None, hdu="S1")
    with pytest.raises(InvalidCameraError, match="detectors S1 and S2 are in the same HDU"):
        evolve(mosaic, detectors=(first, same, *others))
    apart = evolve(mosaic, detectors=(evolve(first, file="a*"), evolve(same, file="b*"), *others))
    assert len(apart.raw_parts) == 5


def test_the_parts_of_a_raw_are_told_by_the_hdus_that_detectors_name() -> None:
    small = evolve(KIND, amplifiers=(PRESCANNED,))
    large = evolve(KIND, amplifiers=(AMPLIFIER,))
    split = evolve(KIND, amplifiers=(evolve(LEFT, hdu="{name}_A"), evolve(RIGHT, hdu=7)))
    by_cards = evolve(large, amplifier_cards=AmplifierCards())
    detectors = (
        Detector(number=1, name="one", type=small, hdu="left"),
        Detector(number=2, name="two", type=large, hdu="left"),
        Detector(number=3, name="three", type=split),
        Detector(number=4, name="four", type=by_cards, hdu=2),
    )
    parts = evolve(CAMERA, detectors=detectors).raw_parts
    assert [part.detectors for part in parts] == [(1, 2), (3,), (4,)]
    assert [dict(part.hdus) for part in parts] == [
        {"left": {(2, 6)}},
        {"three_A": {(2, 6)}, 7: {(2, 6)}},
        {2: set()},
    ]


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ((361.0, 0.0, 0.0), "longitude_deg: 361"),
        ((0.0, -91.0, 0.0), "latitude_deg: -91"),
        ((0.0, 0.0, float("nan")), "height_m: nan"),
    ],
)
def test_an_observatory_is_somewhere_on_the_earth(place: tuple[float, float, float], reason: str) -> None:
    longitude, latitude, height = place
    with pytest.raises(InvalidCameraError, match=f"observatory: {reason} is not between"):
        ObservatoryPlace(longitude_deg=longitude, latitude_deg=latitude, height_m=height)
