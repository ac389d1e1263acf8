"""Sections, gain and read noise from pixels alone."""

import numpy as np
import pytest

from domain.cameras.camera import Box
from workbench.camera_draft.amplifiers.layout import lay_out
from workbench.camera_draft.amplifiers.photon_transfer import photon_transfer
from workbench.camera_draft.amplifiers.sections import Sections, fits_section
from workbench.camera_draft.amplifiers.seen import Pixels, seen
from workbench.camera_draft.amplifiers.stated import completed, stated

GAIN, READ_NOISE, LEVEL = 1.7, 6.0, 1000.0  # electrons/ADU, electrons, ADU


def frame(generator: np.random.Generator, electrons: float, shape: tuple[int, int] = (300, 300)) -> Pixels:
    light = generator.poisson(electrons, shape) if electrons else np.zeros(shape)
    return np.round((light + generator.normal(0, READ_NOISE, shape)) / GAIN + LEVEL)


def lit(data: Box, shape: tuple[int, int], electrons: float = 20_000) -> tuple[Pixels, Pixels]:
    """A flat that is lit within a box, and a bias."""
    generator = np.random.default_rng(1)
    flat, bias = frame(generator, 0, shape), frame(generator, 0, shape)
    inside = (slice(data.y_min, data.y_max), slice(data.x_min, data.x_max))
    flat[inside] = frame(generator, electrons, data.shape)
    # A bad column and a dark corner are no overscan.
    flat[:, data.x_min + 20] = LEVEL
    flat[data.y_min : data.y_min + 5, data.x_min : data.x_min + 5] = LEVEL
    return flat, bias


@pytest.mark.parametrize("light", [3_000.0, 30_000.0])
def test_gain_and_read_noise_are_those_of_the_frames(light: float) -> None:
    generator = np.random.default_rng(7)
    # Twilight fades from flat to flat.
    flats = [frame(generator, light * fading) for fading in (1.0, 0.95, 0.9)]
    for flat in flats:
        flat[generator.integers(0, 300, 50), generator.integers(0, 300, 50)] += 5_000
    measured = photon_transfer(flats, [frame(generator, 0) for _ in range(3)], saturation=60_000)
    assert measured is not None
    assert measured.gain == pytest.approx(GAIN, rel=0.03)
    assert measured.read_noise == pytest.approx(READ_NOISE, rel=0.05)


def test_light_that_falls_off_otherwise_in_each_flat_does_not_spoil_the_gain() -> None:
    """As in twilight, when the telescope does not move."""
    generator = np.random.default_rng(7)
    flats = []
    for slope in (-0.02, 0.0, 0.02):
        light = 20_000 * (1 + np.linspace(-slope, slope, 300))
        noise = generator.normal(0, READ_NOISE, (300, 300))
        flats.append(np.round((generator.poisson(light, (300, 300)) + noise) / GAIN + LEVEL))
    measured = photon_transfer(flats, [frame(generator, 0) for _ in range(3)], saturation=60_000)
    assert measured is not None
    assert measured.gain == pytest.approx(GAIN, rel=0.05)


def test_saturated_flats_and_single_frames_tell_nothing() -> None:
    generator = np.random.default_rng(7)
    flats = [np.full((300, 300), 65_535.0)] * 2
    biases = [frame(generator, 0) for _ in range(2)]
    assert photon_transfer(flats, biases, saturation=60_000) is None
    assert photon_transfer([frame(generator, 20_000)] * 1, biases, saturation=60_000) is None
    assert (
        photon_transfer([frame(generator, 20_000) for _ in range(2)], biases[:1], saturation=60_000) is None
    )


@pytest.mark.parametrize(
    ("data", "overscan"),
    [
        (Box(0, 200, 0, 100), Box(202, 230, 0, 100)),
        (Box(40, 240, 0, 100), Box(0, 38, 0, 100)),
        (Box(10, 210, 4, 96), Box(212, 230, 4, 96)),
        (Box(0, 230, 0, 100), None),
    ],
    ids=["to the right", "to the left", "prescan and rows", "none"],
)
@pytest.mark.parametrize("with_bias", [True, False])
def test_the_overscan_is_found_in_the_pixels(data: Box, overscan: Box | None, with_bias: bool) -> None:
    width = 230 if overscan is None else max(230, data.x_max)
    flat, bias = lit(data, (100, width))
    found = seen(flat, [bias] if with_bias else [])
    if overscan is None and not with_bias:
        assert not found or found[0].overscan is None
        return
    (one,) = found
    assert (one.data, one.overscan) == (data, overscan)


def test_a_faint_flat_tells_nothing() -> None:
    flat, bias = lit(Box(0, 200, 0, 100), (100, 230), electrons=20)
    assert seen(flat, [bias]) == []


def test_overscans_between_amplifiers_divide_an_image() -> None:
    """As HSC's: prescan, data, two overscans, data, two prescans, data, ..."""
    generator = np.random.default_rng(1)
    flat, bias = frame(generator, 0, (120, 336)), frame(generator, 0, (120, 336))
    columns = [(4, 64), (104, 164), (172, 232), (272, 332)]
    for first, last in columns:
        flat[6:110, first:last] = frame(generator, 20_000, (104, 60))
    found = seen(flat, [bias])
    assert [(one.data.x_min, one.data.x_max) for one in found] == columns
    assert [one.overscan for one in found] == [
        Box(66, 84, 6, 110), Box(84, 102, 6, 110), Box(234, 252, 6, 110), Box(252, 270, 6, 110),
    ]  # fmt: skip
    layout = lay_out([found])
    assert (layout.nx, layout.ny) == (240, 104)
    assert [one.place.x_min for one in layout.amplifiers] == [0, 60, 120, 180]


@pytest.mark.parametrize("what", ["level", "gain", "noise"])
@pytest.mark.parametrize("along_y", [False, True])
def test_amplifiers_without_a_gap_are_told_apart_by_a_step(what: str, along_y: bool) -> None:
    generator = np.random.default_rng(4)
    shape = (240, 200)

    def taken(electrons: float) -> Pixels:
        # The light falls off towards one side.
        slope = np.linspace(1.0, 0.8, shape[1])
        halves = []
        for half in (0, 1):
            light = generator.poisson(electrons * slope, shape) if electrons else np.zeros(shape)
            noise = generator.normal(0, READ_NOISE * (1 + 0.5 * half * (what == "noise")), shape)
            gain = GAIN * (1 + 0.04 * half * (what == "gain"))
            halves.append(np.round((light + noise) / gain + LEVEL + 4 * half * (what == "level")))
        inside = np.hstack([halves[0][:, :100], halves[1][:, 100:]])
        if along_y:
            inside = np.vstack([halves[0][:120], halves[1][120:]])
        dark = frame(generator, 0, (240, 40))
        return np.hstack([dark[:, :20], inside, dark[:, 20:]])

    flat, biases = taken(20_000), [taken(0), taken(0)]
    found = seen(flat, biases)
    halves = [(20, 220, 0, 120), (20, 220, 120, 240)] if along_y else [(20, 120, 0, 240), (120, 220, 0, 240)]
    assert [one.data for one in found] == [Box(*half) for half in halves]
    sides = [(0, 18), (0, 18)] if along_y else [(0, 18), (222, 240)]
    overscans = [one.overscan for one in found]
    assert [box and (box.x_min, box.x_max, box.y_min, box.y_max) for box in overscans] == [
        (*side, *half[2:]) for side, half in zip(sides, halves, strict=True)
    ]


def test_an_image_of_one_amplifier_is_not_divided() -> None:
    generator = np.random.default_rng(4)
    slope = np.linspace(1.0, 0.7, 400)
    flat = np.round(generator.poisson(20_000 * slope, (300, 400)) / GAIN + LEVEL)
    # A block of bad columns and a speck of dust.
    flat[:, 195:199] *= 0.9
    flat[100:140, 100:140] *= 0.95
    assert len(seen(flat, [frame(generator, 0, (300, 400)) for _ in range(2)])) == 1


def texts(one: Sections) -> tuple[str, str | None]:
    return fits_section(one.data), None if one.overscan is None else fits_section(one.overscan)


def test_sections_of_a_header_count_if_they_fit_the_image() -> None:
    cards = {"TRIMSEC": "[18:1382,1:400]", "BIASSEC": "[1388:1432, 1:400]"}
    (found,) = stated(cards, (400, 1432))
    assert texts(found) == ("[18:1382,1:400]", "[1388:1432,1:400]")
    assert stated(cards, (400, 1000)) == []
    (within,) = stated(cards | {"BIASSEC": "[100:120,1:400]"}, (400, 1432))
    assert within.overscan is None


def test_each_amplifier_of_an_image_may_have_sections_of_its_own() -> None:
    cards = {
        "DATASEC": "[57:2104,51:4146]",
        "DATASECA": "[1081:2104,51:4146]", "BIASSECA": "[2105:2154,51:4146]",
        "PRESECA": "[2155:2160,51:4146]",
        "POSTSECA": "[1081:2104,1:50]", "CCDSECA": "[1025:2048,1:4096]", "DETSECA": "[13313:14336,1:4096]",
        "DATASECB": "[57:1080,51:4146]", "BIASSECB": "[7:56,51:4146]", "CCDSECB": "[1:1024,1:4096]",
    }  # fmt: skip
    right, left = stated(cards, (4146, 2160))
    assert (right.name, *texts(right)) == ("A", "[1081:2104,51:4146]", "[2105:2154,51:4146]")
    assert right.prescan == Box(2154, 2160, 50, 4146)
    assert right.parallel_overscan == Box(1080, 2104, 0, 50)
    assert (left.name, *texts(left)) == ("B", "[57:1080,51:4146]", "[7:56,51:4146]")
    layout = lay_out([[right, left]])
    assert [one.place.x_min for one in layout.amplifiers] == [1024, 0]


@pytest.mark.parametrize(
    "cards",
    [
        {"BIASSEC1": "[1:20,1:100]", "BIASSEC2": "[221:240,1:100]"},
        {"AMPSEC1": "[1:100,1:100]", "AMPSEC2": "[101:200,1:100]", "BIASSEC1": "[1:20,1:100]",
         "BIASSEC2": "[221:240,1:100]"},
        {"ASEC1": "[1:120,1:100]", "ASEC2": "[121:240,1:100]", "BSEC1": "[1:20,1:100]",
         "BSEC2": "[221:240,1:100]"},
    ],
    ids=["overscans alone", "parts of the light", "parts of the image"],
)  # fmt: skip
def test_one_data_section_is_divided_by_what_amplifiers_have_each(cards: dict[str, str]) -> None:
    found = stated({"DATASEC": "[21:220,1:100]", **cards}, (100, 240))
    assert [texts(one) for one in found] == [
        ("[21:120,1:100]", "[1:20,1:100]"),
        ("[121:220,1:100]", "[221:240,1:100]"),
    ]
    assert all("guess" in one.why for one in found)


def test_what_is_neither_light_nor_named_is_overscan_if_it_is_dark() -> None:
    """As LSST's: three columns of prescan, sixty-four of overscan, forty-eight rows of it."""
    one = stated({"DATASEC": "[4:512,1:2000]"}, (2048, 576))
    (found,) = completed(one, (2048, 576), None)
    assert texts(found) == ("[4:512,1:2000]", "[513:576,1:2000]")
    assert (found.prescan, found.parallel_overscan) == (Box(0, 3, 0, 2000), Box(3, 512, 2000, 2048))
    assert "guess" in found.why
    (lit_around,) = completed(one, (2048, 576), lambda _: False)
    assert lit_around == one[0]


def test_sections_that_run_backwards_turn_the_data() -> None:
    """Amplifiers in HDUs of their own, as on an E2V sensor of LSST's, of eight columns and rows in all."""
    sections = {"[4:1,1:4]": (0, 0), "[8:5,1:4]": (4, 0), "[5:8,8:5]": (4, 4), "[1:4,8:5]": (0, 4)}
    images = [stated({"DATASEC": "[2:5,1:4]", "DETSEC": section}, (5, 9)) for section in sections]
    layout = lay_out(images)
    assert (layout.nx, layout.ny) == (8, 8)
    assert [(one.place.x_min, one.place.y_min) for one in layout.amplifiers] == list(sections.values())
    assert [(one.flip_x, one.flip_y) for one in layout.amplifiers] == [
        (True, False), (True, False), (False, True), (False, True),
    ]  # fmt: skip


def test_amplifiers_that_no_card_places_stand_side_by_side_and_are_to_be_placed() -> None:
    images = [stated({"DATASEC": "[2:5,1:4]"}, (5, 9))] * 2
    layout = lay_out(images)
    assert layout.is_open
    assert [one.place for one in layout.amplifiers] == [Box(0, 4, 0, 4), Box(4, 8, 0, 4)]
