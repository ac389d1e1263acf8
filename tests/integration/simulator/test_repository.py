"""The repository of a night: what pipelines look for is there, and true."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.time import Time
from attrs import evolve
from lsst.daf.butler import Butler, Timespan
from lsst.images import MaskedImage
from lsst.sphgeom import ConvexPolygon, LonLat, UnitVector3d

from domain.times import UtcSeconds, tai_from_utc
from prompt_pipelines.ids import IdFactory
from prompt_pipelines.raw import RawFrame
from prompt_pipelines.tasks.detect_sources import DetectSourcesTask
from prompt_pipelines.tasks.isr import IsrTask
from simulator.errors import SimulatorError
from simulator.servers.kafka import EmbeddedKafka
from simulator.servers.object_store import ObjectStore
from simulator.summit.demo import Demo, demo_plan
from simulator.world.frames import SimulatedCamera
from simulator.world.optics import Pointing
from simulator.world.skymap import SKYMAP
from tests.unit.simulator.cameras import NX, NY, make_camera
from workbench.night_repository import make_repository
from workbench.repository import REFERENCE_CATALOGUE, TEMPLATE

pytestmark = pytest.mark.slow

CAMERA = make_camera()
INSTRUMENT = CAMERA.instrument
NOW = UtcSeconds(1_773_454_507.25)


@pytest.fixture(scope="module")
def night() -> Demo:
    return demo_plan(CAMERA, seed=1, now=NOW)


@pytest.fixture(scope="module")
def butler(night: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Butler]:
    root = tmp_path_factory.mktemp("central") / "repo"
    make_repository(
        root,
        night.plan,
        reference=night.sky.stars,
        skymap=night.skymap,
        templates=night.templates(),
    )
    with Butler.from_config(str(root)) as butler:
        yield butler


def test_calibrations_are_found_for_any_time_through_the_defaults(butler: Butler) -> None:
    moment = Time("2031-01-01T00:00:00", scale="tai")
    for dataset_type, data_id in (
        ("camera", {}),
        ("bias", {"detector": 5}),
        ("flat", {"detector": 5, "physical_filter": "g_test"}),
    ):
        ref = butler.find_dataset(
            dataset_type,
            {"instrument": INSTRUMENT, **data_id},
            collections=f"{INSTRUMENT}/defaults",
            timespan=Timespan(moment, moment + 1 * u.day),
        )
        assert ref is not None, dataset_type
        assert ref.run == f"{INSTRUMENT}/calib/masters"


def test_collections_are_those_of_the_contract(butler: Butler) -> None:
    (defaults,) = butler.collections.query_info(f"{INSTRUMENT}/defaults", flatten_chains=False)
    names = {f"{INSTRUMENT}/calib", f"{INSTRUMENT}/templates", "skymaps", "refcats"}
    assert set(defaults.children) == names


def test_masters_show_the_sensor_that_the_frames_came_from(butler: Butler) -> None:
    sensor = SimulatedCamera(camera=CAMERA, seed=1).sensor(0)
    run = f"{INSTRUMENT}/calib/masters"
    flat = butler.get(
        "flat", instrument=INSTRUMENT, detector=0, physical_filter="g_test", collections=run
    ).array
    assert (np.isnan(flat) == sensor.bad).all()
    expected = np.where(sensor.bad, np.nan, sensor.response)
    assert np.nanstd(flat / expected * np.nanmedian(expected) - 1) < 0.005
    bias = butler.get("bias", instrument=INSTRUMENT, detector=0, collections=run).array
    left = sensor.type.amplifiers[0].data
    pattern = sensor.offset[None][left.y_min, left.x_min : left.x_max]
    assert np.corrcoef(np.median(bias[:, : NX // 2], axis=0), pattern)[0, 1] > 0.95


def test_the_reference_catalogue_holds_every_star_once(butler: Butler, night: Demo) -> None:
    refs = butler.query_datasets(REFERENCE_CATALOGUE, collections="refcats")
    shards = [butler.get(ref) for ref in refs]
    assert sorted(np.concatenate([shard["id"] for shard in shards])) == night.sky.stars.number.tolist()
    shard = shards[0]
    row = int(np.flatnonzero(night.sky.stars.number == shard["id"][0])[0])
    assert shard["ra"].unit == "deg"
    assert shard["ra"][0] == night.sky.stars.ra[row]
    assert shard["r_flux"].unit == "nJy"
    assert shard["r_flux"][0] == night.sky.stars.flux["r"][row]


def test_templates_are_found_where_a_detector_looks(butler: Butler, night: Demo) -> None:
    ra, dec = night.sky.patch.ra, night.sky.patch.dec
    corners = [(ra + x, dec + y) for x in (-0.005, 0.005) for y in (-0.005, 0.005)]
    region = ConvexPolygon.convexHull([UnitVector3d(LonLat.fromDegrees(*corner)) for corner in corners])
    with butler.query() as query:
        found = list(
            query.datasets(TEMPLATE, f"{INSTRUMENT}/templates").where(
                {"skymap": SKYMAP, "band": "g"}, "patch.region OVERLAPS region", bind={"region": region}
            )
        )
    assert found
    image = butler.get(found[0])
    assert image.sky_projection is not None
    assert image.image.unit == u.nJy
    centre = image.sky_projection.sky_to_pixel(SkyCoord(ra, dec, unit="deg"))
    assert (float(centre.x), float(centre.y)) == pytest.approx(2 * (night.skymap.centre,), abs=1e-3)


def test_a_repository_that_is_there_is_left_alone(night: Demo, tmp_path: Path) -> None:
    (tmp_path / "butler.yaml").write_text("")
    with pytest.raises(SimulatorError, match="holds a repository already"):
        make_repository(tmp_path, night.plan)


def test_files_can_be_in_an_object_store(
    night: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        EmbeddedKafka() as kafka,
        ObjectStore(
            kafka.bootstrap_servers, image_bucket="images", topic="notes", other_buckets=["central"]
        ) as store,
    ):
        for name, value in store.environment.items():
            monkeypatch.setenv(name, value)
        one_detector = evolve(
            night.plan, visits=tuple(evolve(visit, detectors=(0,)) for visit in night.plan.visits)
        )
        make_repository(tmp_path / "repo", one_detector, datastore="s3://central/")
        with Butler.from_config(str(tmp_path / "repo")) as butler:
            ref = butler.query_datasets("bias", collections=f"{INSTRUMENT}/calib/masters")[0]
            assert butler.getURI(ref).geturl().startswith("s3://central/TestCam/calib/masters/bias/")
            assert butler.get(ref).array.shape == (NY, NX)


@pytest.mark.parametrize("detector", [0, 5])
def test_the_pipelines_find_the_stars_where_the_sky_has_them(
    butler: Butler, night: Demo, detector: int
) -> None:
    pointing = Pointing(ra=night.sky.patch.ra, dec=night.sky.patch.dec, sky_angle=12.0)
    sources = night.sky.sources("g", tai_from_utc(NOW))
    frame = SimulatedCamera(camera=CAMERA, seed=1).science(
        detector, 1, pointing=pointing, sources=sources, exposure_time=30.0
    )
    image = calibrate(butler, RawFrame(frame.pixels), detector, pointing)
    found = DetectSourcesTask().run(image, IdFactory(20260313, 1, detector)).single_visit_sources

    bright = frame.sources.electrons > 5000
    inside = (np.abs(frame.sources.x - NX / 2) < NX / 2 - 5) & (np.abs(frame.sources.y - NY / 2) < NY / 2 - 5)
    expected = frame.sources.sources.where(bright & inside)
    assert expected.number.size >= 3
    for ra, dec in zip(expected.ra, expected.dec, strict=True):
        across = (np.asarray(found["ra"]) - ra) * np.cos(np.radians(dec))
        assert 3600 * np.hypot(across, np.asarray(found["dec"]) - dec).min() < 0.1  # half a pixel


def calibrate(butler: Butler, raw: RawFrame, detector: int, pointing: Pointing) -> MaskedImage:
    exposure = butler.dimensions["exposure"].RecordClass(
        instrument=INSTRUMENT,
        id=1,
        obs_id="one",
        exposure_time=30.0,
        physical_filter="g_test",
        tracking_ra=pointing.ra,
        tracking_dec=pointing.dec,
        sky_angle=pointing.sky_angle,
    )

    def get(dataset_type: str, **data_id: str | int) -> Any:
        return butler.get(
            dataset_type, data_id, instrument=INSTRUMENT, collections=f"{INSTRUMENT}/calib/masters"
        )

    outputs = IsrTask().run(
        raw,
        get("camera"),
        detector,
        exposure,
        bias=get("bias", detector=detector),
        flat=get("flat", detector=detector, physical_filter="g_test"),
    )
    image = outputs.post_isr_image
    assert isinstance(image, MaskedImage)
    return image
