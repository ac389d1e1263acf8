"""Which image of a file is the frame."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raw_files.errors import RawFileError
from raw_files.images import ImageHdu, choose, find

SIZE = (80, 108)
ANY_NAME = st.sampled_from(["", "SCI", "CHIP1", "IMAGE", "PRIMARY"])
BESIDE = ["MASK", "mask", "BPM", "BADPIX", "DQ", "WEIGHT", "WHT", "VAR", "SCI_MASK", "PREVIEW", "THUMBNAIL"]


def image(
    number: int = 0, name: str = "", shape: tuple[int, int] = SIZE, bits: int = 16, *, label: str = ""
) -> ImageHdu:
    label = label or f"HDU {number} {name}".rstrip()
    return ImageHdu(label=label, name=name, shape=shape, bits=bits, number=number)


@given(name=ANY_NAME, number=st.integers(0, 3))
def test_the_one_image_of_the_camera_s_size_is_the_frame(name: str, number: int) -> None:
    others = [image(7, "", (20, 27)), image(8, "", (160, 216)), image(9, "", (80, 100))]
    others.insert(number, image(1, name))
    assert choose(others, [SIZE]) is others[number]


@pytest.mark.parametrize("name", BESIDE)
@pytest.mark.parametrize("sizes", [[], [SIZE]])
def test_what_stands_beside_a_frame_is_none(name: str, sizes: list[tuple[int, int]]) -> None:
    frame, beside = image(1, "SCI"), image(2, name)
    for images in itertools.permutations([frame, beside]):
        assert choose(images, sizes) is frame


def test_bytes_beside_an_image_of_numbers_are_flags() -> None:
    frame, flags = image(1), image(2, bits=8)
    assert choose([flags, frame], [SIZE]) is frame
    assert choose([flags], [SIZE]) is flags


def test_an_image_is_taken_whatever_its_name_if_there_is_no_other() -> None:
    assert choose([image(1, "MASK")], [SIZE]) == image(1, "MASK")


@pytest.mark.parametrize("sizes", [[], [SIZE]])
def test_images_that_cannot_be_told_apart_are_named(sizes: list[tuple[int, int]]) -> None:
    images = [image(1, "CHIP1"), image(2, "CHIP2")]
    with pytest.raises(RawFileError, match=r"HDU 1 CHIP1 \(108 x 80\), HDU 2 CHIP2 \(108 x 80\)"):
        choose(images, sizes)


def test_images_of_two_sizes_are_told_apart_by_the_camera_alone() -> None:
    small, large = image(1, "", (20, 27)), image(2)
    assert choose([small, large], [SIZE]) is large
    with pytest.raises(RawFileError, match=r"HDU 1 \(27 x 20\), HDU 2 \(108 x 80\)"):
        choose([small, large], [])


@pytest.mark.parametrize("shape", [(40, 54), (79, 108), (80, 107), (101, 108), (160, 216)])
def test_an_image_of_another_size_is_named(shape: tuple[int, int]) -> None:
    with pytest.raises(RawFileError, match=f"{shape[1]} x {shape[0]} pixels, where at least 108 x 80 belong"):
        choose([image(0, shape=shape)], [SIZE])
    with pytest.raises(RawFileError, match=rf"none of its images has 108 x 80 .*HDU 3 \({shape[1]} x"):
        choose([image(2, shape=(5, 5)), image(3, shape=shape)], [SIZE])


@pytest.mark.parametrize("shape", [(80, 108), (96, 108), (80, 130)])
def test_prescan_and_parallel_overscan_that_nobody_described_are_no_other_size(
    shape: tuple[int, int],
) -> None:
    assert choose([image(0, shape=shape)], [SIZE, (2000, 2000)]).shape == shape


def test_no_image_is_said() -> None:
    with pytest.raises(RawFileError, match="none of its HDUs is an image"):
        choose([], [])


AMPLIFIERS = [image(0, "PRIMARY", (5, 5)), image(1, "Segment10"), image(2, "Segment11", (80, 120))]


def test_an_hdu_is_found_by_its_name_in_any_case_or_by_its_number() -> None:
    assert find(AMPLIFIERS, "SEGMENT11", [SIZE]) is AMPLIFIERS[2]
    assert find(AMPLIFIERS, 1, [SIZE, (200, 200)]) is AMPLIFIERS[1]
    assert find(AMPLIFIERS, 0) is AMPLIFIERS[0]


@pytest.mark.parametrize(
    ("hdu", "said"),
    [
        ("Segment1", "no image in HDU Segment1 .*HDU 1 Segment10, HDU 2 Segment11"),
        (3, "no image in HDU 3"),
        ("PRIMARY", "HDU PRIMARY: its image has 5 x 5 pixels, where at least 108 x 80 belong"),
        ("twice", r"called twice: HDU 5 twice \(108 x 80\), HDU 6 TWICE"),
    ],
)
def test_an_hdu_that_is_missing_or_another_is_named(hdu: str | int, said: str) -> None:
    with pytest.raises(RawFileError, match=said):
        find([*AMPLIFIERS, image(5, "twice"), image(6, "TWICE")], hdu, [SIZE])
