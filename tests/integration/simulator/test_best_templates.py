"""Templates of the best exposures of a night, against those of the first."""

import contextlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from attrs import evolve, frozen
from lsst.daf.butler import Butler
from lsst.images import MaskedImage

from adapters.files.cameras import load_camera
from domain.cameras.camera import Camera
from prompt_pipelines.errors import UnusableImageError
from prompt_pipelines.positions import pixel_positions
from prompt_pipelines.psf import measure_psf
from prompt_pipelines.templates import combine_template
from simulator.summit.night import PlannedVisit
from tests.unit.simulator.recorded import sky_of_night, write_night
from workbench.night_repository import make_repository
from workbench.reduction.single_frames import SingleFrames
from workbench.replay import recorded_night
from workbench.templates.calibrated import calibrated
from workbench.templates.contributions import best_contributions
from workbench.templates.fields import Field, fields
from workbench.templates.lights import Lights

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.long]

LIGHTS, MOST = 24, 12
BAD: dict[str, tuple[dict[str, float], tuple[int, ...], str]] = {
    "blurred": ({"seeing": 1.4}, (0, 1, 2, 5, 6, 13), "its seeing is"),
    "clouded": ({"transparency": 0.25}, (4, 7), "stars, others|noise of its sky"),
    "aside": ({"aside": 0.02}, (3, 9), "of the field"),
    "elsewhere": ({"aside": 0.5}, (8,), "reference stars"),
}
"""How lights are spoilt, which, and what is said of them."""


@frozen
class Night:
    frames: SingleFrames
    masters: Path
    lights: Lights
    visits: tuple[PlannedVisit, ...]
    seen: Field
    camera: Camera


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    shipped = load_camera("simulated")
    camera = evolve(shipped, detectors=shipped.detectors[:1])
    folder = tmp_path_factory.mktemp("night")
    write_night(folder, camera, lights=LIGHTS)
    for name, (how, numbers, _) in BAD.items():
        other = tmp_path_factory.mktemp(name)
        write_night(other, camera, lights=1 + max(numbers), biases=0, flats=0, **how)  # type: ignore[arg-type]  # floats all
        for number in numbers:
            shutil.copy(other / f"light{number}.fits", folder)
    plan, recording = recorded_night(folder, camera)
    root = tmp_path_factory.mktemp("repo")
    plan = make_repository(root, plan)
    with Butler.from_config(str(root), writeable=True) as butler:
        frames = SingleFrames(butler, plan, recording)
        lights = Lights(frames, recording)
        seen = next(fields(lights, plan.visits, "i"))
        yield Night(frames, root / camera.instrument / "calib" / "masters", lights, plan.visits, seen, camera)


def width_and_noise(template: MaskedImage, camera: Camera) -> tuple[float, float]:
    """Measure the width of stars, pixels, and the noise where there are none."""
    stars = sky_of_night(camera).stars
    assert template.sky_projection is not None
    bright = stars.flux["i"] > np.quantile(stars.flux["i"], 0.98)
    x, y = pixel_positions(template.sky_projection, stars.ra[bright], stars.dec[bright])
    inside = (x > 30) & (x < 480) & (y > 30) & (y < 480)
    psf = measure_psf(template.image.array, x[inside], y[inside], stars.flux["i"][bright][inside], 6.0)
    assert psf is not None
    values = template.image.array[~template.mask.get("NO_DATA")]
    low, middle = np.quantile(values, [0.16, 0.5])
    return psf.fwhm, float(middle - low)


def test_a_template_of_the_best_is_sharper_and_deeper_than_that_of_the_first(night: Night) -> None:
    ((detector, target),) = night.seen.onto.items()
    check_that_masters_are_read_once(night, detector)
    best = best_contributions(night.lights, night.visits, detector, night.seen)
    frames = [night.lights.make(visit, detector) for visit in night.visits[:MOST]]
    first = []
    for frame in frames:
        assert frame is not None
        with contextlib.suppress(UnusableImageError):
            first.append(calibrated(frame, night.seen.catalogue, "i"))
    chosen, other = (
        width_and_noise(combine_template(parts, onto=target.image), night.camera)
        for parts in (best.parts, first)
    )
    said = {misfit.visit.group: misfit.reason for misfit in (*best.poor, *best.strange)}
    assert said.keys() == {f"night-{number}" for _, numbers, _ in BAD.values() for number in numbers}
    for _, numbers, reason in BAD.values():
        for number in numbers:
            assert re.search(reason, said[f"night-{number}"])
    assert len(best.parts) == MOST
    assert len(best.spare) == LIGHTS - len(said) - MOST
    assert chosen[0] < 0.9 * other[0]
    assert chosen[1] < 0.8 * other[1]


def check_that_masters_are_read_once(night: Night, detector: int) -> None:
    first = night.frames.make(night.visits[0], detector)
    away = night.masters.rename(night.masters.with_name("away"))
    again = night.frames.make(night.visits[0], detector)
    away.rename(night.masters)
    assert np.array_equal(first.image.image.array, again.image.image.array)
