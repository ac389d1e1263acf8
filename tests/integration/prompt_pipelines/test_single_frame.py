"""The whole of SingleFrame.yaml in a real repository."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from lsst.daf.butler import Butler
from lsst.pipe.base import Instrument

from prompt_pipelines.ids import unpack
from prompt_pipelines.instruments import __name__ as instruments_module
from tests.integration.prompt_pipelines.conftest import EXPOSURE, RUN_INPUTS
from tests.integration.prompt_pipelines.running import run_pipeline
from tests.unit.prompt_pipelines import tiny_camera as tiny

RUN = "TinyCam/out"


@pytest.fixture(scope="module")
def processed(repository: Path) -> Iterator[Butler]:
    where = f"instrument='TinyCam' AND visit={EXPOSURE}"
    assert run_pipeline(repository, "SingleFrame", where, inputs=RUN_INPUTS, run=RUN) == 4
    with Butler.from_config(str(repository), collections=[RUN]) as butler:
        yield butler


def _get(butler: Butler, name: str, detector: int) -> Any:
    observation = "exposure" if name.startswith("post_isr") else "visit"
    return butler.get(name, {"instrument": "TinyCam", "detector": detector, observation: EXPOSURE})


@pytest.mark.slow
def test_isr_recovers_the_light_and_its_noise(processed: Butler) -> None:
    image = _get(processed, "post_isr_image", 0)
    truth = tiny.electrons()
    residual = image.image.array - truth
    assert image.unit == u.electron
    assert abs(np.mean(residual)) < 1.0
    pulls = residual / np.sqrt(image.variance.array)
    assert np.std(pulls) == pytest.approx(1.0, abs=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("detector", [0, 1])
def test_all_stars_are_found_where_they_are(processed: Butler, detector: int) -> None:
    table = _get(processed, "single_visit_sources", detector)
    assert len(table) == len(tiny.STARS)
    for star in tiny.STARS:
        source = table[np.argmin(np.hypot(table["x"] - star.x, table["y"] - star.y))]
        assert np.hypot(source["x"] - star.x, source["y"] - star.y) < 0.1
        assert source["flux"] == pytest.approx(star.flux, abs=5 * source["flux_err"])
        assert not source["flag_edge"]
    assert len(set(table["id"])) == len(table)
    assert {unpack(int(i)).detector for i in table["id"]} == {detector}
    assert table["ra"].unit == u.deg


@pytest.mark.slow
def test_the_stock_butler_reads_components_and_cutouts(processed: Butler) -> None:
    image = _get(processed, "preliminary_visit_image", 1)
    mask = _get(processed, "preliminary_visit_image.mask", 1)
    projection = _get(processed, "preliminary_visit_image.sky_projection", 1)
    table = _get(processed, "single_visit_sources", 1)
    assert image.mask.get("DETECTED").sum() == mask.get("DETECTED").sum() > 0
    sky = projection.pixel_to_sky(x=np.array(table["x"]), y=np.array(table["y"]))
    np.testing.assert_allclose(sky.ra.deg, table["ra"], atol=1e-8)
    # The detector's centre lies 3 mm from the boresight, 20 arcsec/mm, and 0.5 mm above.
    centre = projection.pixel_to_sky(x=(tiny.NX - 1) / 2, y=(tiny.NY - 1) / 2)
    boresight = type(centre)(150.0 * u.deg, 2.2 * u.deg)
    assert centre.separation(boresight).arcsec == pytest.approx(20 * np.hypot(3.0, 0.5), rel=1e-6)
    # +X is 90 degrees west of +Y, which stands 30 degrees east of north.
    angle = boresight.position_angle(centre).deg
    assert angle == pytest.approx((30.0 - np.rad2deg(np.arctan2(3.0, 0.5))) % 360.0, abs=0.01)


@pytest.mark.slow
def test_the_instrument_of_the_registry_can_be_imported(processed: Butler) -> None:
    instrument = Instrument.fromName("TinyCam", processed.registry)
    assert type(instrument).__module__ == instruments_module
    assert instrument.makeDefaultRawIngestRunName() == "TinyCam/raw/all"


@pytest.mark.slow
def test_without_calibrations_an_image_is_made_that_says_so(repository: Path) -> None:
    where = f"instrument='TinyCam' AND visit={EXPOSURE} AND detector=0"
    uncalibrated = ["TinyCam/camera", "TinyCam/raw", "TinyCam/sky"]
    with Butler.from_config(str(repository), writeable=True) as butler:
        butler.collections.register("TinyCam/camera")
        butler.put(tiny.tiny_camera(), "camera", {"instrument": "TinyCam"}, run="TinyCam/camera")
    run = "TinyCam/uncalibrated"
    assert run_pipeline(repository, "SingleFrame", where, inputs=uncalibrated, run=run) == 2
    with Butler.from_config(str(repository), collections=[run]) as butler:
        image = _get(butler, "preliminary_visit_image", 0)
        assert (image.metadata["calibrations"], image.metadata["calibrations_missing"]) == ("", "bias flat")
        assert len(_get(butler, "single_visit_sources", 0)) >= len(
            tiny.STARS
        )  # and the structure of the bias
