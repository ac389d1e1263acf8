"""From a calibrated image to DiaSources, on pixels whose truth is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.prompt_pipelines.chain import (
    NANOJANSKY_PER_ELECTRON,
    catalogue,
    process,
    template_of,
)
from tests.unit.prompt_pipelines.pictures import field, picture

pytestmark = pytest.mark.slow

SIZE = 256
FIELD = field(SIZE, 36)
REFERENCE = catalogue(FIELD, picture(FIELD, SIZE))


@pytest.mark.parametrize("science_sigma", [1.3, 1.6, 2.2])
def test_the_same_sky_leaves_noise_whatever_the_seeing(science_sigma: float) -> None:
    made = process(picture(FIELD, SIZE, sigma=science_sigma), REFERENCE, [template_of(FIELD, SIZE)])
    good = np.isfinite(made.difference_image.variance.array)
    pulls = made.difference_image.image.array[good] / np.sqrt(made.difference_image.variance.array[good])
    assert len(made.accepted()) == 0
    assert 0.6 < np.std(pulls) < 1.1
    blurred = made.tasks["subtractImages"].metadata["blurred"]
    assert blurred == ("science" if science_sigma < 1.6 else "template") or science_sigma == 1.6


@settings(max_examples=6, deadline=None)
@given(
    x=st.floats(30, SIZE - 31),
    y=st.floats(30, SIZE - 31),
    flux=st.floats(4000, 100000),
    sigma=st.sampled_from([1.3, 2.0]),
    seed=st.integers(0, 1000),
)
def test_a_new_star_is_found_with_place_and_flux(
    x: float, y: float, flux: float, sigma: float, seed: int
) -> None:
    if np.min(np.hypot(FIELD.x - x, FIELD.y - y)) < 8:
        return  # upon another star the noise is another
    image = picture(FIELD.and_also(x, y, flux), SIZE, sigma=sigma, seed=seed)
    sources = process(image, REFERENCE, [template_of(FIELD, SIZE)]).accepted()
    found = sources[np.hypot(sources["x"] - x, sources["y"] - y) < 0.3]
    assert len(found) == 1
    assert len(sources) <= 2  # one more upon a bright star, once in a while
    wanted = flux * NANOJANSKY_PER_ELECTRON
    assert found["psf_flux"][0] == pytest.approx(wanted, abs=5 * found["psf_flux_err"][0] + 0.03 * wanted)
    assert not found["is_negative"][0]


def test_a_star_that_faded_is_a_negative_source() -> None:
    star = int(np.argsort(FIELD.flux)[20])
    faded = FIELD.flux.copy()
    faded[star] *= 0.3
    sky = type(FIELD)(FIELD.x, FIELD.y, faded)
    found = process(picture(sky, SIZE), REFERENCE, [template_of(FIELD, SIZE)]).accepted()
    assert len(found) == 1
    assert found["is_negative"][0]
    lost = 0.7 * FIELD.flux[star] * NANOJANSKY_PER_ELECTRON
    assert found["psf_flux"][0] == pytest.approx(-lost, rel=0.1)


def test_a_wrong_pointing_is_mended() -> None:
    image = picture(FIELD, SIZE)
    reference = REFERENCE.copy()
    reference["ra"] += 4.0 / 3600
    reference["dec"] -= 3.0 / 3600
    made = process(image, reference, [template_of(FIELD, SIZE)])
    assert made.visit_calibration["astrometric_shift_arcsec"] == pytest.approx(5.0, abs=0.05)
    stars = made.single_visit_stars
    truth = reference[np.asarray(stars["reference_id"])]
    assert np.median(np.abs(stars["ra"] - truth["ra"])) * 3600 < 0.05


@pytest.mark.parametrize("science_sigma", [1.3, 2.2])
def test_what_the_template_lacks_takes_no_part_in_the_match(science_sigma: float) -> None:
    """More of the bright sources have moved in than were there before."""
    few = type(FIELD)(FIELD.x[:12], FIELD.y[:12], FIELD.flux[:12])
    movers = field(SIZE, 30, seed=3)
    apart = np.min(np.hypot(movers.x[:, None] - few.x, movers.y[:, None] - few.y), axis=1) > 20
    bright = np.full(int(apart.sum()), 150_000.0)
    sky = type(FIELD)(
        np.append(few.x, movers.x[apart]), np.append(few.y, movers.y[apart]), np.append(few.flux, bright)
    )
    made = process(picture(sky, SIZE, sigma=science_sigma), REFERENCE, [template_of(few, SIZE)])
    assert made.tasks["subtractImages"].metadata["kernel_sum"] == pytest.approx(1.0, abs=0.1)
    found = made.accepted()
    lost = [
        (x, y)
        for x, y in zip(movers.x[apart], movers.y[apart], strict=True)
        if min(x, y, SIZE - 1 - x, SIZE - 1 - y) > 15
        and np.min(np.hypot(found["x"] - x, found["y"] - y)) > 0.3
    ]
    assert lost == []
