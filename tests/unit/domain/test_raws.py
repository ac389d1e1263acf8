import json
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.cameras.camera import Camera, UnknownDetectorError
from domain.raws.exposure import Exposure
from domain.raws.raws import (
    RAW_EXTENSIONS,
    Belongs,
    UnnameableRawError,
    belongs,
    make_raw_key,
    parse_raw_key,
    parse_raw_keys,
    raw_keys_of_sidecar,
    raw_prefixes,
    sidecar_in_folder,
    sidecar_key,
)
from domain.visit import VisitDetector
from tests.strategies.cameras import LSST, SHIPPED, exposures, groups, visit, work_of

CAMERAS = pytest.mark.parametrize("camera", SHIPPED.values(), ids=SHIPPED)
SAMPLES = Path(__file__).parents[2] / "contracts" / "bucket_notifications"
LSSTCAM, HSC, IMSIM = SHIPPED["LSSTCam"], SHIPPED["HSC"], SHIPPED["LSSTCam-imSim"]
extensions = st.sampled_from(RAW_EXTENSIONS)
EXPOSURE = Exposure(
    instrument="LSSTCam",
    detector=94,
    exposure=2026031300217,
    obs_id="MC_O_20260313_000217",
    group="2026-03-14T02:15:07.310#2",
    snap=0,
    day_obs=20260313,
    seqnum=217,
    physical_filter="r_57",
    exposure_time=30.0,
    begin=visit().start_time,
    end=visit().start_time,
    ra=None,
    dec=None,
    sky_angle=None,
)


@CAMERAS
@given(st.data())
def test_keys_both_ways(camera: Camera, data: Any) -> None:
    exposure = data.draw(exposures(camera))
    extension = data.draw(extensions)
    key = make_raw_key(camera, exposure, extension=extension)
    parsed = parse_raw_key(camera, key, exposure.detector)
    assert parsed is not None
    assert (parsed.key, parsed.instrument, parsed.detector) == (key, camera.instrument, exposure.detector)
    assert parsed.exposure in {None, exposure.exposure}
    if camera.raw_keys.scheme.has_sidecars:
        assert (parsed.group, parsed.snap) == (None, None)
        assert parsed.day_obs == exposure.day_obs
    else:
        assert (parsed.group, parsed.snap) == (exposure.group, exposure.snap)
        assert parsed.physical_filter == exposure.physical_filter


@CAMERAS
@given(st.data())
def test_sidecars_both_ways(camera: Camera, data: Any) -> None:
    exposure = data.draw(exposures(camera))
    key = parse_raw_key(
        camera, make_raw_key(camera, exposure, extension=data.draw(extensions)), exposure.detector
    )
    assert key is not None
    sidecar = sidecar_key(key)
    if not camera.raw_keys.scheme.has_sidecars:
        assert sidecar is None
        return
    assert sidecar is not None
    assert parse_raw_keys(camera, sidecar) == ()
    assert key in raw_keys_of_sidecar(camera, sidecar)
    folder = sidecar.rpartition("/")[0] + "/"
    assert sidecar_in_folder(camera, folder, exposure.detector) in {None, sidecar}
    assert sidecar_in_folder(camera, folder.rstrip("/"), exposure.detector) in {None, sidecar}


@CAMERAS
@given(st.data())
def test_raws_stand_below_the_prefixes_of_their_visit(camera: Camera, data: Any) -> None:
    exposure = data.draw(exposures(camera))
    key = make_raw_key(camera, exposure)
    work = work_of(exposure)
    prefixes = raw_prefixes(camera, work, exposure.day_obs)
    assert key.startswith(prefixes)
    assert all(prefix.endswith("/") for prefix in prefixes)
    parsed = parse_raw_key(camera, key, exposure.detector)
    assert parsed is not None
    expected = Belongs.ASK_SIDECAR if camera.raw_keys.scheme.has_sidecars else Belongs.YES
    assert belongs(parsed, work) is expected


@CAMERAS
@given(st.data())
def test_raws_of_others_do_not_belong(camera: Camera, data: Any) -> None:
    exposure = data.draw(exposures(camera))
    parsed = parse_raw_key(camera, make_raw_key(camera, exposure), exposure.detector)
    assert parsed is not None
    work = work_of(exposure)
    assert belongs(parsed, VisitDetector(work.visit, exposure.detector + 1)) is Belongs.NO
    assert belongs(parsed, work_of(exposure, instrument="OtherCam")) is Belongs.NO
    other = data.draw(groups)
    assume(other != exposure.group)
    expected = Belongs.ASK_SIDECAR if camera.raw_keys.scheme.has_sidecars else Belongs.NO
    assert belongs(parsed, work_of(exposure, group=other)) is expected


PARTS = """
LSSTCam HSC LSSTCam-imSim TS8 ComCam 20260313 20240626 94 0 g#2 7024062600001 a.fits r MC_O_20260313_000217
MC_O_20260313_000217_R22_S11.fits 7024062600001_r_94_R22_S11.fits
"""
key_parts = st.sampled_from(PARTS.split())
key_like = st.lists(key_parts | st.text(max_size=12), min_size=1, max_size=9).map("/".join)


@CAMERAS
@given(key_like | st.text())
def test_any_text_is_a_raw_or_none(camera: Camera, text: str) -> None:
    for parsed in parse_raw_keys(camera, text):
        assert parsed.key == text
        assert camera.has_detector(parsed.detector)
    for key in raw_keys_of_sidecar(camera, text):
        assert sidecar_key(key) == text


@pytest.mark.parametrize(
    ("instrument", "key", "facts"),
    [
        (
            "LSSTCam",
            "LSSTCam/20260313/MC_O_20260313_000217/MC_O_20260313_000217_R22_S11.fits",
            {"detector": 94, "exposure": 2026031300217, "day_obs": 20260313, "seqnum": 217},
        ),
        (
            "LSSTCam",
            "LSSTCam/20231004/MC_C_20231004_000001/MC_C_20231004_000001_R00_SW0.fits.fz",
            {"detector": 191, "exposure": 3023100400001, "obs_id": "MC_C_20231004_000001"},
        ),
        (
            "LSSTCam",
            "LSSTCam/20260313/MC_H_20260313_099999/MC_H_20260313_099999_R44_SG1.fits.gz",
            {"detector": 202, "exposure": 4026031399999},
        ),
        (
            "LSSTComCam",
            "ComCam/20241101/CC_O_20241101_000012/CC_O_20241101_000012_R22_S21.fits",
            {"instrument": "LSSTComCam", "detector": 7, "exposure": 2024110100012},
        ),
        (
            "LSST-TS8",
            "TS8/20230525/TS_C_20230525_000003/TS_C_20230525_000003_R22_S02.fits",
            {"instrument": "LSST-TS8", "detector": 2, "exposure": 3023052500003},
        ),
        (
            "LSST-TS8",
            "LSST-TS8/20230524/TS_C_20230524_000003/TS_C_20230524_000003_R22_S02.fits",
            {"detector": 2, "exposure": None, "day_obs": 20230524, "seqnum": 3},
        ),
        (
            "LSST-TS8",
            "TS8/20240601/TS_O_20240601_000003/TS_O_20240601_000003_R22_S02.fits",
            {"exposure": None, "obs_id": "TS_O_20240601_000003"},
        ),
        (
            "LSSTCam-imSim",
            "LSSTCam-imSim/20240626/7024062600001/7024062600001_r_sim_1.4_94_R22_S11.fits.fz",
            {"detector": 94, "exposure": 7024062600001, "physical_filter": "r_sim_1.4", "day_obs": 20240626},
        ),
        (
            "HSC",
            "HSC/94/2026-11-22T01:02:03.456+00:00/0/59134/HSC-R2/a b+c%41.fits",
            {
                "detector": 94,
                "group": "2026-11-22T01:02:03.456+00:00",
                "snap": 0,
                "exposure": 59134,
                "physical_filter": "HSC-R2",
            },
        ),
        ("HSC", "HSC/94/a/b#2/c/1/59134/HSC-R2/x.f", {"group": "a/b#2/c", "snap": 1}),
    ],
)
def test_what_keys_tell(instrument: str, key: str, facts: dict[str, object]) -> None:
    parsed = parse_raw_key(SHIPPED[instrument], key)
    assert parsed is not None
    assert {name: getattr(parsed, name) for name in facts} == facts


@pytest.mark.parametrize(
    ("instrument", "key"),
    [
        ("LSSTComCam", "LSSTCam/20260313/MC_O_20260313_000217/MC_O_20260313_000217_R22_S11.fits"),
        ("LSSTCam", "lsstcam/20260313/MC_O_20260313_000217/MC_O_20260313_000217_R22_S11.fits"),
        ("LSSTCam", "LSSTCam/20260313/CC_O_20260313_000217/CC_O_20260313_000217_R22_S11.fits"),
        ("LSSTCam", "LSSTCam/20260312/MC_O_20260313_000217/MC_O_20260313_000217_R22_S11.fits"),
        ("LSSTCam", "LSSTCam/20260313/MC_O_20260313_000217/MC_O_20260313_000218_R22_S11.fits"),
        ("LSSTCam", "LSSTCam/20260313/MC_O_20260313_000217/MC_O_20260313_000217_R22_S33.fits"),
        ("LSSTCam", "LSSTCam/20260313/MC_O_20260313_000217/MC_O_20260313_000217_R22_S11_guider.fits"),
        ("LSSTCam", "LSSTCam/20260313/MC_O_20260313_000217/MC_O_20260313_000217_R22_S11.fits.bz2"),
        ("LSSTCam", "LSSTCam/20260313/MC_O_20260313_100000/MC_O_20260313_100000_R22_S11.fits"),
        ("LSSTCam", "LSSTCam/20260313/MC_X_20260313_000217/MC_X_20260313_000217_R22_S11.fits"),
        ("LSSTCam", "x/LSSTCam/20260313/MC_O_20260313_000217/MC_O_20260313_000217_R22_S11.fits"),
        ("LSSTCam", "LSSTCam/20260313/MC_O_20260313_000217/MC_O_20260313_000217_R22_S11.fits\n"),
        ("LSSTCam-imSim", "LSSTCam-imSim/20240626/7024062600001/7024062600001_r_93_R22_S11.fits"),
        ("LSSTCam-imSim", "LSSTCam-imSim/20240626/7024062600001/7024062600002_r_94_R22_S11.fits"),
        ("HSC", "HSC/112/g/0/59134/HSC-R2/a.fits"),
        ("HSC", "HSC/94/g/0/59134/HSC-R2/a.json"),
        ("HSC", "HSC/94/g/first/59134/HSC-R2/a.fits"),
        ("HSC", "HSC/94/g/0/five/HSC-R2/a.fits"),
        ("HSC", "HSC/94/0/59134/HSC-R2/a.fits"),
        ("HSC", "HSC/94/ /0/59134/HSC-R2/a.fits"),
    ],
)
def test_keys_that_are_no_raws(instrument: str, key: str) -> None:
    assert parse_raw_key(SHIPPED[instrument], key) is None


def _sample_keys() -> list[tuple[str, str]]:
    samples = sorted(SAMPLES.glob("ceph-*.json"))
    return [
        (sample.name, record["s3"]["object"]["key"])
        for sample in samples
        for record in json.loads(sample.read_text())["Records"]
    ]


@pytest.mark.parametrize(("sample", "key"), _sample_keys())
def test_keys_as_a_real_gateway_sent_them(sample: str, key: str) -> None:
    found = [camera for camera in SHIPPED.values() if parse_raw_keys(camera, key)]
    described = [camera for camera in SHIPPED.values() if raw_keys_of_sidecar(camera, key)]
    assert len(found) == ("-raw" in sample and "not-a-raw" not in sample)
    assert len(described) == ("sidecar" in sample)


def test_keys_of_two_cameras_never_coincide() -> None:
    for camera in LSST:
        key = f"{camera.instrument}/20260313/{camera.raw_keys.abbreviation}_O_20260313_000001/"
        key += f"{camera.raw_keys.abbreviation}_O_20260313_000001_{camera.detectors[0].in_keys}.fits"
        assert [one.instrument for one in SHIPPED.values() if parse_raw_keys(one, key)] == [camera.instrument]


@pytest.mark.parametrize(
    ("camera", "changes"),
    [
        (LSSTCAM, {"obs_id": "MC_O_20260313_000218"}),
        (LSSTCAM, {"obs_id": "59134"}),
        (LSSTCAM, {"exposure": 1}),
        (LSSTCAM, {"instrument": "LATISS"}),
        (HSC, {"physical_filter": "r/2"}),
        (HSC, {"physical_filter": ""}),
        (HSC, {"group": " "}),
        (IMSIM, {"physical_filter": "r/2"}),
    ],
)
def test_exposures_that_no_key_can_name(camera: Camera, changes: dict[str, Any]) -> None:
    fields = {"instrument": camera.instrument, "physical_filter": min(camera.filters), **changes}
    with pytest.raises(UnnameableRawError, match=camera.instrument):
        make_raw_key(camera, evolve(EXPOSURE, **fields))


def test_an_unknown_detector_has_no_key() -> None:
    with pytest.raises(UnknownDetectorError):
        make_raw_key(LSSTCAM, evolve(EXPOSURE, detector=205))


def test_files_of_other_cameras_are_named_as_one_likes() -> None:
    exposure = evolve(EXPOSURE, instrument="HSC", physical_filter="HSC-R")
    key = make_raw_key(HSC, exposure, stem="a b", extension=".fits.fz")
    assert key == "HSC/94/2026-03-14T02:15:07.310#2/0/2026031300217/HSC-R/a b.fits.fz"


def test_prefixes_include_names_that_are_translated() -> None:
    work = VisitDetector(visit(instrument="LSST-TS8"), 4)
    assert raw_prefixes(SHIPPED["LSST-TS8"], work, 20260313) == ("LSST-TS8/20260313/", "TS8/20260313/")


MOSAIC = SHIPPED["SimMosaic"]
MOSAIC_KEY = "SimMosaic/a/b#2/1/2026031300007/r_sim/anything.fits.fz"


def test_the_key_of_a_mosaic_is_that_of_each_detector() -> None:
    keys = parse_raw_keys(MOSAIC, MOSAIC_KEY)
    assert [key.detector for key in keys] == [detector.number for detector in MOSAIC.detectors]
    facts = {(key.key, key.group, key.snap, key.exposure, key.physical_filter) for key in keys}
    assert facts == {(MOSAIC_KEY, "a/b#2", 1, 2026031300007, "r_sim")}
    assert parse_raw_key(MOSAIC, MOSAIC_KEY, 3) == keys[2]
    assert parse_raw_key(MOSAIC, MOSAIC_KEY, 77) is None
    with pytest.raises(ValueError, match="the key of 6 detectors of SimMosaic"):
        parse_raw_key(MOSAIC, MOSAIC_KEY)


def test_of_several_files_each_is_that_of_its_detectors() -> None:
    halves = [evolve(one, file="*_east.f*" if one.number > 3 else "*_west.f*") for one in MOSAIC.detectors]
    camera = evolve(MOSAIC, detectors=tuple(halves))
    folder = MOSAIC_KEY.rpartition("/")[0]
    east, west, other = (
        parse_raw_keys(camera, f"{folder}/{name}.fits") for name in ("a_east", "a_west", "a")
    )
    assert [key.detector for key in east] == [4, 5, 6]
    assert [key.detector for key in west] == [1, 2, 3]
    assert other == ()


@pytest.mark.parametrize(
    "key",
    [
        "SimMosaic/g/0/1/r_sim",
        "SimMosaic/g/x/1/r_sim/a.fits",
        "SimMosaic/g/0/x/r_sim/a.fits",
        "SimMosaic/ /0/1/r_sim/a.fits",
        "SimMosaic/g/0/1//a.fits",
        "SimMosaic/g/0/1/r_sim/a.json",
        "OtherCam/g/0/1/r_sim/a.fits",
    ],
)
def test_what_is_no_key_of_a_mosaic_is_none(key: str) -> None:
    assert parse_raw_keys(MOSAIC, key) == ()
