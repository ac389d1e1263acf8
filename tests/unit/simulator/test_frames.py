"""The simulated pixels against the truth that comes with them."""

import numpy as np
import pytest
from attrs import evolve

from simulator.arrays import Counts, Floats
from simulator.frames import SimulatedCamera
from simulator.optics import Pointing
from simulator.photometry import SKY_MAGNITUDE, electrons_per_second, flux_from_magnitude, magnitude_from_flux
from simulator.sky import PointSources
from tests.unit.simulator.cameras import NX, NY, make_camera

CAMERA = SimulatedCamera(camera=make_camera(), seed=3)
POINTING = Pointing(ra=50.0, dec=-20.0, sky_angle=30.0)
NOTHING = PointSources(number=np.zeros(0, np.int64), ra=np.zeros(0), dec=np.zeros(0), flux=np.zeros(0))


def electrons(pixels: Counts, detector: int = 0) -> Floats:
    """Calibrate a raw in the plainest way: overscan, trim, gain, response; bad columns are NaN."""
    sensor = CAMERA.sensor(detector)
    image = np.full((NY, NX), np.nan)
    for amplifier in sensor.type.amplifiers:
        data, overscan, trimmed = amplifier.data, amplifier.overscan, amplifier.image
        level = np.median(pixels[overscan.y_min : overscan.y_max, overscan.x_min : overscan.x_max])
        adu = pixels[data.y_min : data.y_max, data.x_min : data.x_max] - level
        image[trimmed.y_min : trimmed.y_max, trimmed.x_min : trimmed.x_max] = adu * amplifier.gain
    return np.where(sensor.bad, np.nan, image / sensor.response)


def test_a_bias_frame_is_offset_and_read_noise() -> None:
    frames = np.stack([CAMERA.bias(0, number) for number in range(8)]).astype(float)
    for amplifier in CAMERA.sensor(0).type.amplifiers:
        for box in (amplifier.data, amplifier.overscan):
            part = frames[:, box.y_min : box.y_max, box.x_min : box.x_max]
            noise = np.sqrt((amplifier.read_noise / amplifier.gain) ** 2 + 1 / 12)  # rounding adds its own
            assert part.std(axis=0, ddof=1).mean() == pytest.approx(noise, rel=0.05)
            # The columns of the data have offsets of their own, those of the overscan have none.
            pattern = part.mean(axis=(0, 1)).std()
            assert pattern < 0.3 if box == amplifier.overscan else pattern > 1.5


def test_a_flat_shows_the_response() -> None:
    flat = electrons(np.mean([CAMERA.flat(0, number) for number in range(4)], axis=0).astype(np.uint16))
    assert np.nanmean(flat) == pytest.approx(40_000, rel=0.01)
    assert np.nanstd(flat) / 40_000 < 0.004  # photon noise alone: the response has been divided out
    assert CAMERA.sensor(0).bad.any(axis=0).sum() == 2


def test_an_empty_exposure_is_sky_with_its_noise() -> None:
    frame = CAMERA.science(0, 1, pointing=POINTING, sources=NOTHING, exposure_time=30.0)
    assert frame.sky == pytest.approx(30 * 0.2**2 * electrons_per_second(flux_from_magnitude(SKY_MAGNITUDE)))
    image = np.where(frame.cosmic_rays, np.nan, electrons(frame.pixels))
    assert np.nanmedian(image) == pytest.approx(frame.sky, rel=0.02)
    assert np.nanstd(image) == pytest.approx(np.sqrt(frame.sky + 7**2), rel=0.1)


def test_the_flux_of_a_star_is_recovered_where_the_truth_says() -> None:
    magnitude = 18.0
    star = evolve(
        NOTHING,
        number=np.array([7]),
        ra=np.array([POINTING.ra + 3 / 3600]),
        dec=np.array([POINTING.dec - 5 / 3600]),
        flux=flux_from_magnitude(np.array([magnitude])),
    )
    frame = CAMERA.science(0, 2, pointing=POINTING, sources=star, exposure_time=30.0)
    (x,), (y,), (expected,) = frame.sources.x, frame.sources.y, frame.sources.electrons
    assert expected == pytest.approx(30.0 * 10 ** (0.4 * (28.0 - magnitude)))

    image = np.where(frame.cosmic_rays, np.nan, electrons(frame.pixels)) - frame.sky
    rows, columns = np.mgrid[0:NY, 0:NX]
    aperture = np.hypot(columns - x, rows - y) < 16
    light = np.where(aperture, np.nan_to_num(image), 0.0)
    assert light.sum() == pytest.approx(expected, rel=0.03)
    assert (light * columns).sum() / light.sum() == pytest.approx(x, abs=0.2)
    assert (light * rows).sum() / light.sum() == pytest.approx(y, abs=0.2)


def test_a_star_beyond_the_edge_is_no_truth_of_the_detector() -> None:
    far = evolve(
        NOTHING,
        number=np.array([7]),
        ra=np.array([POINTING.ra]),
        dec=np.array([POINTING.dec + 1.0]),
        flux=np.array([1e6]),
    )
    assert CAMERA.science(0, 2, pointing=POINTING, sources=far, exposure_time=1.0).sources.number.size == 0


def test_cosmic_rays_are_where_the_truth_says() -> None:
    frame = CAMERA.science(0, 5, pointing=POINTING, sources=NOTHING, exposure_time=900.0)
    quiet = CAMERA.science(0, 6, pointing=POINTING, sources=NOTHING, exposure_time=900.0)
    assert frame.cosmic_rays.any()
    excess = electrons(frame.pixels) - frame.sky
    assert np.nanmean(excess[frame.cosmic_rays]) > 500
    assert abs(np.nanmean(excess[~frame.cosmic_rays])) < 0.01 * frame.sky
    assert (quiet.cosmic_rays != frame.cosmic_rays).any()


def test_the_same_number_gives_the_same_frame_and_another_another() -> None:
    again = SimulatedCamera(camera=make_camera(), seed=3)
    first = CAMERA.science(5, 1, pointing=POINTING, sources=NOTHING, exposure_time=30.0)
    second = again.science(5, 1, pointing=POINTING, sources=NOTHING, exposure_time=30.0)
    other = CAMERA.science(5, 2, pointing=POINTING, sources=NOTHING, exposure_time=30.0)
    assert (first.pixels == second.pixels).all()
    assert (first.pixels != other.pixels).any()


def test_magnitudes_and_fluxes_are_each_others_way_back() -> None:
    assert magnitude_from_flux(flux_from_magnitude(21.3)) == pytest.approx(21.3)
    # The AB system: 3631 Jy is magnitude 0.
    assert magnitude_from_flux(3631e9) == pytest.approx(0.0, abs=1e-3)
