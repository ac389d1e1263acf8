"""The simulated pixels against the truth that comes with them."""

import numpy as np
import pytest

from simulator.world.arrays import Counts, Floats
from simulator.world.frames import SimulatedCamera
from simulator.world.optics import Pointing
from simulator.world.photometry import (
    SKY_MAGNITUDE,
    electrons_per_second,
    flux_from_magnitude,
)
from simulator.world.sky import PointSources
from simulator.world.stamps import add_point_sources
from tests.unit.simulator.cameras import NX, NY, make_camera

CAMERA = SimulatedCamera(camera=make_camera(), seed=3)
POINTING = Pointing(ra=50.0, dec=-20.0, sky_angle=30.0)
NOTHING = PointSources(
    number=np.zeros(0, np.int64),
    kind=np.zeros(0, np.int64),
    ra=np.zeros(0),
    dec=np.zeros(0),
    flux=np.zeros(0),
    quiet=np.zeros(0),
)


def one_source(*, east: float, north: float, flux: float, quiet: float) -> PointSources:
    """Make one source, so many arcseconds off the boresight."""
    return PointSources(
        number=np.array([7]),
        kind=np.array([0]),
        ra=np.array([POINTING.ra + east / 3600]),
        dec=np.array([POINTING.dec + north / 3600]),
        flux=np.array([flux]),
        quiet=np.array([quiet]),
    )


def electrons(pixels: Counts, detector: int = 0) -> Floats:
    """Calibrate a raw as whoever knows the sensor would; bad columns are NaN."""
    sensor = CAMERA.sensor(detector)
    image = np.full((NY, NX), np.nan)
    adu = pixels - sensor.offset[None]
    for amplifier in sensor.type.amplifiers:
        data, trimmed = amplifier.data, amplifier.image
        light = adu[data.y_min : data.y_max, data.x_min : data.x_max] * amplifier.gain
        image[trimmed.y_min : trimmed.y_max, trimmed.x_min : trimmed.x_max] = light
    return np.where(sensor.bad, np.nan, image / sensor.response)


def test_a_bias_frame_is_offset_and_read_noise() -> None:
    frames = np.stack([CAMERA.bias(0, number)[None] for number in range(8)]).astype(float)
    for amplifier in CAMERA.sensor(0).type.amplifiers:
        for box in amplifier.boxes:
            part = frames[:, box.y_min : box.y_max, box.x_min : box.x_max]
            noise = np.sqrt((amplifier.read_noise / amplifier.gain) ** 2 + 1 / 12)  # rounding adds its own
            assert part.std(axis=0, ddof=1).mean() == pytest.approx(noise, rel=0.05)
            # The columns of the data have offsets of their own, those of the overscan have none.
            pattern = part.mean(axis=(0, 1)).std()
            assert pattern < 0.3 if box == amplifier.overscan else pattern > 1.5


def test_a_flat_shows_the_response() -> None:
    flat = electrons(np.mean([CAMERA.flat(0, number)[None] for number in range(4)], axis=0).astype(np.uint16))
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
    flux = float(flux_from_magnitude(magnitude))
    star = one_source(east=3, north=-5, flux=flux, quiet=flux)
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


def test_what_changed_is_what_the_difference_shows() -> None:
    new = one_source(east=3, north=-5, flux=31000.0, quiet=1000.0)
    old = one_source(east=3, north=-5, flux=1000.0, quiet=1000.0)
    frames = [
        CAMERA.science(0, number, pointing=POINTING, sources=sources, exposure_time=30.0)
        for number, sources in ((3, new), (4, old))
    ]
    truth = frames[0].sources
    assert truth.change[0] == pytest.approx(30.0 * float(electrons_per_second(30000.0)))
    assert frames[1].sources.change[0] == 0

    bright, faint = (np.where(frame.cosmic_rays, np.nan, electrons(frame.pixels)) for frame in frames)
    rows, columns = np.mgrid[0:NY, 0:NX]
    aperture = np.hypot(columns - truth.x[0], rows - truth.y[0]) < 12
    change = np.nansum((bright - faint)[aperture])
    # An aperture's noise, which is more than the profile's.
    noise = np.sqrt(np.nansum((bright + faint)[aperture]))
    assert abs(change - truth.change[0]) < 4 * noise
    assert truth.change[0] > 10 * noise


def test_a_sources_signal_to_noise_is_that_of_the_best_estimate() -> None:
    flux = 300.0
    faint = one_source(east=3, north=-5, flux=flux, quiet=0.0)
    frames = [
        CAMERA.science(0, number, pointing=POINTING, sources=faint, exposure_time=30.0)
        for number in range(10, 110)
    ]
    truth = frames[0].sources
    profile = np.zeros((NY, NX))
    add_point_sources(profile, truth.x, truth.y, np.ones(1), fwhm=4.0)  # 0.8 arcseconds
    near = profile > 1e-6
    weights = profile[near] / (profile[near] ** 2).sum()
    estimates = []
    for frame in frames:
        image = electrons(frame.pixels)[near] - frame.sky
        if np.isfinite(image).all() and not frame.cosmic_rays[near].any():
            estimates.append((weights * image).sum())
    assert len(estimates) > 50
    assert np.mean(estimates) == pytest.approx(truth.electrons[0], rel=0.1)
    assert truth.electrons[0] / np.std(estimates) == pytest.approx(truth.signal_to_noise[0], rel=0.25)


def test_a_star_beyond_the_edge_is_no_truth_of_the_detector() -> None:
    far = one_source(east=0, north=3600, flux=1e6, quiet=1e6)
    assert CAMERA.science(0, 2, pointing=POINTING, sources=far, exposure_time=1.0).sources.x.size == 0


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


def test_magnitudes_are_of_the_ab_system() -> None:
    # 3631 Jy is magnitude 0.
    assert flux_from_magnitude(0.0) == pytest.approx(3631e9, rel=1e-3)
    assert flux_from_magnitude(2.5) == pytest.approx(363.1e9, rel=1e-3)
