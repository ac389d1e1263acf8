"""Images of surveys: what their headers say of units, and of pixels without data."""

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from prompt_pipelines.detection import aperture_fluxes
from prompt_pipelines.positions import pixel_positions, pixel_scale
from simulator.errors import SimulatorError
from workbench.coadds.survey_images import FluxScale, SurveyImage, read_survey_image

pytestmark = pytest.mark.slow

SIZE, SCALE = 240, 0.25
STAR = (150.01, 2.005)
FLUX = 5e5  # nJy
SIGMA = 3.0
COUNTS = {"EXPTIME": 900.0, "FPA.ZP": 25.0}
PER_COUNT = 10 ** (0.4 * (31.4 - 25.0)) / 900.0  # nJy


def header_of(**cards: str | float) -> fits.Header:
    header = fits.Header()
    for axis, (name, value) in enumerate((("RA---TAN", 150.01), ("DEC--TAN", 2.005)), start=1):
        header[f"CTYPE{axis}"], header[f"CRVAL{axis}"] = name, value
        header[f"CRPIX{axis}"] = (SIZE + 1) / 2.0 - 20.0
    header["CDELT1"], header["CDELT2"] = -SCALE / 3600.0, SCALE / 3600.0
    header.update({f"HIERARCH {name}" if "." in name else name: value for name, value in cards.items()})
    return header


def sky(unit: float, background: float = 20.0) -> np.ndarray:
    """Paint one star on a sky with noise, in units of so many nJy."""
    y, x = np.mgrid[0:SIZE, 0:SIZE] - ((SIZE - 1) / 2.0 - 20.0)
    light = FLUX / (2 * np.pi * SIGMA**2) * np.exp(-(x**2 + y**2) / (2 * SIGMA**2))
    noise = np.random.default_rng(3).normal(0.0, 20.0, light.shape)
    return np.asarray((light + noise + background) / unit, dtype=np.float32)


def written(folder: Path, pixels: np.ndarray, header: fits.Header) -> Path:
    path = folder / "survey.fits"
    fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(pixels, header, quantize_level=64.0)]).writeto(path)
    return path


def star(seen: SurveyImage) -> float:
    """Measure the star's flux."""
    image, projection = seen.image, seen.image.sky_projection
    assert projection is not None
    place = pixel_positions(projection, *(np.array([angle]) for angle in STAR))
    noise, empty = np.sqrt(image.variance.array), np.asarray(image.mask.get("NO_DATA"))
    radius = 4.0 * SIGMA * SCALE / pixel_scale(projection, image.bbox)
    return float(aperture_fluxes(image.image.array, noise, empty, place, radius)["flux"][0])


@pytest.mark.parametrize(
    ("cards", "said", "unit"),
    [
        ({"BUNIT": "nJy"}, FluxScale(), 1.0),
        ({"BUNIT": "uJy"}, FluxScale(), 1000.0),
        ({"BUNIT": "nanomaggy"}, FluxScale(), 3631.0),
        ({"BUNIT": "nanomaggies"}, FluxScale(), 3631.0),
        ({"BUNIT": "adu"}, FluxScale(unit="uJy"), 1000.0),
        ({"BUNIT": "counts", "MAGZERO": 27.5}, FluxScale(), 10**1.56),
        ({"BUNIT": "nJy"}, FluxScale(zero_point=26.4), 100.0),
        (COUNTS, FluxScale(), PER_COUNT),
    ],
)
def test_a_unit_is_found(tmp_path: Path, cards: dict[str, str | float], said: FluxScale, unit: float) -> None:
    seen = read_survey_image(written(tmp_path, sky(unit), header_of(**cards)), said, SCALE)
    assert star(seen) == pytest.approx(FLUX, rel=0.02)
    assert seen.seeing == pytest.approx(2.355 * SIGMA * SCALE, rel=0.05)


def test_finer_pixels_are_summed_up(tmp_path: Path) -> None:
    seen = read_survey_image(written(tmp_path, sky(1.0), header_of(BUNIT="nJy")), FluxScale(), 3.5 * SCALE)
    assert seen.image.image.array.shape == (SIZE // 3, SIZE // 3)
    assert star(seen) == pytest.approx(FLUX, rel=0.02)


def test_the_asinh_scaling_of_pan_starrs_is_undone(tmp_path: Path) -> None:
    """As its archive describes it: value = a asinh((flux - BOFFSET) / (2 BSOFTEN)), a = 2.5 log10(e)."""
    offset, soften = 0.3, 15.0
    scaled = 2.5 * np.log10(np.e) * np.arcsinh((sky(PER_COUNT) - offset) / (2.0 * soften))
    header = header_of(**COUNTS, BOFFSET=offset, BSOFTEN=soften)
    seen = read_survey_image(written(tmp_path, scaled.astype(np.float32), header), FluxScale(), SCALE)
    assert star(seen) == pytest.approx(FLUX, rel=0.02)


@pytest.mark.parametrize("nothing", [0.0, np.nan])
def test_a_blank_border_has_no_data(tmp_path: Path, nothing: float) -> None:
    pixels = sky(1.0)
    pixels[:, :30] = nothing
    path = tmp_path / "survey.fits"
    fits.PrimaryHDU(pixels, header_of(BUNIT="nJy")).writeto(path)
    empty = np.asarray(read_survey_image(path, FluxScale(), SCALE).image.mask.get("NO_DATA"))
    assert empty[:, :30].all()
    assert not empty[:, 30:].any()


def test_a_file_that_was_cut_off_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, sky(1.0), header_of(BUNIT="nJy"))
    path.write_bytes(path.read_bytes()[:9000])
    with pytest.raises(SimulatorError, match=r"survey\.fits: "):
        read_survey_image(path, FluxScale(), SCALE)
