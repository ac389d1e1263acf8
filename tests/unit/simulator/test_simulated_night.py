"""Raws of the simulated night, read as the service reads them."""

import copy
import io
import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from astropy.io import fits
from attrs import asdict, evolve
from hypothesis import given
from hypothesis import strategies as st

from adapters.files.cameras import load_camera
from domain.cameras.camera import CardRule, HeaderRules, RawKeyScheme
from domain.cameras.camera_dict import camera_as_dict
from domain.cameras.raw_parts import part_of
from domain.headers.header import read_exposure
from domain.raws.exposure import Exposure
from domain.raws.raws import parse_raw_key, parse_raw_keys
from domain.times import TaiSeconds, UtcSeconds, tai_from_utc
from prompt_pipelines.assembly import assemble
from prompt_pipelines.camera import CameraDict, DetectorDict, find_detector
from prompt_pipelines.raw import read_raw
from raw_files.reading import read_cards
from simulator.errors import SimulatorError
from simulator.summit.demo import demo_plan
from simulator.world.cards import header_cards
from tests.unit.simulator.cameras import FACTS, NX, make_camera

NOW = UtcSeconds(1_773_454_507.25)
OPENED = tai_from_utc(NOW)

exposures = st.builds(
    Exposure,
    instrument=st.just("TestCam"),
    detector=st.sampled_from([0, 5]),
    exposure=st.just(2026031300217),
    obs_id=st.just("TC_O_20260313_000217"),
    group=st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), min_size=1),
    snap=st.integers(0, 9),
    day_obs=st.just(20260313),
    seqnum=st.just(217),
    physical_filter=st.sampled_from(["r_test", "g_test"]),
    exposure_time=st.floats(0, 1000),
    begin=st.integers(1_000_000_000_000, 1_600_000_000_000).map(lambda ms: TaiSeconds(ms / 1000)),
    end=st.integers(1_600_000_000_000, 1_800_000_000_000).map(lambda ms: TaiSeconds(ms / 1000)),
    ra=st.floats(0, 359.99),
    dec=st.floats(-90, 90),
    sky_angle=st.floats(0, 359.99),
    observation_type=st.sampled_from(["science", "bias", "flat"]),
)


def approximately(exposure: Exposure) -> Any:
    """Compare an exposure but for the last digits of its numbers."""
    return {
        name: pytest.approx(value, rel=1e-12, abs=2e-6) if isinstance(value, float) else value
        for name, value in asdict(exposure).items()
    }


@given(exposures)
def test_the_service_reads_back_what_the_header_was_made_of(exposure: Exposure) -> None:
    camera = make_camera()
    assert asdict(read_exposure(camera, header_cards(camera, exposure))) == approximately(exposure)


@pytest.mark.parametrize(("style", "scale"), [("mjd", "tai"), ("jd", "utc")])
def test_instants_are_also_written_as_day_numbers(style: str, scale: str) -> None:
    exposure = _exposure()
    rule = CardRule(cards=("BEGIN",), format=style, time_scale=scale)
    camera = evolve(make_camera(), header=HeaderRules(facts={**FACTS, "begin": rule}))
    read = read_exposure(camera, header_cards(camera, exposure))
    assert read.begin == pytest.approx(exposure.begin, abs=1e-4)


def test_a_name_that_cannot_be_spread_over_its_cards_is_an_error_that_names_it() -> None:
    rule = CardRule(cards=("A", "B", "C"), join="_")
    camera = evolve(make_camera(), header=HeaderRules(facts={**FACTS, "detector_name": rule}))
    with pytest.raises(SimulatorError, match="detector_name: 'R22_S00'"):
        header_cards(camera, _exposure())


@pytest.mark.parametrize("scheme", [RawKeyScheme.LSST, RawKeyScheme.GROUPED, RawKeyScheme.IMSIM])
def test_every_raw_of_the_demo_is_one_that_the_service_recognises(scheme: RawKeyScheme) -> None:
    camera = make_camera(scheme=scheme)
    plan = demo_plan(camera, seed=1, now=NOW).plan
    assert [visit.snaps for visit in plan.visits] == [1, 2, 1]
    assert sum("#" in visit.group for visit in plan.visits) == 1
    seen = set()
    for visit in plan.visits:
        for snap in range(visit.snaps):
            for raw in plan.raws.take(visit, snap, OPENED, TaiSeconds(OPENED + 15)):
                key = parse_raw_key(camera, raw.key)
                assert key is not None
                with fits.open(io.BytesIO(raw.body)) as hdus:
                    cards = dict(hdus[0].header)
                exposure = read_exposure(camera, cards, key)
                assert (exposure.group, exposure.snap) == (visit.group, snap)
                assert exposure.detector == raw.detector
                assert exposure.ra == pytest.approx(visit.ra)
                assert (raw.sidecar_key is not None) == scheme.has_sidecars
                assert json.loads(raw.sidecar).items() <= cards.items()
                seen.add((exposure.exposure, exposure.detector))
    assert len(seen) == 4 * 2


def test_the_truth_is_that_of_the_raws_taken() -> None:
    camera = make_camera()
    night = demo_plan(camera, seed=1, now=NOW)
    assert len(night.source.truth()) == 0
    for visit in night.plan.visits:
        for snap in range(visit.snaps):
            list(night.plan.raws.take(visit, snap, OPENED, TaiSeconds(OPENED + 15)))
    truth = night.source.truth()
    assert set(zip(truth["group"], truth["snap"], strict=True)) == {
        (visit.group, snap) for visit in night.plan.visits for snap in range(visit.snaps)
    }
    assert set(truth["detector"]) == {0, 5}
    assert (truth["x"].value > -0.5).all()
    assert (truth["x"].value < NX - 0.5).all()
    stars = truth[truth["kind"] == "star"]
    assert (stars["change"] == 0).all()
    assert (stars["signal_to_noise"] == 0).all()
    new = truth[(truth["kind"] == "transient") | (truth["kind"] == "mover")]
    assert len(new) > 0
    assert (new["change"] == new["flux"]).all()


def test_a_visit_of_another_night_is_an_error_that_names_it() -> None:
    plan = demo_plan(make_camera(), seed=1, now=NOW).plan
    stranger = evolve(plan.visits[0], group="elsewhen")
    with pytest.raises(SimulatorError, match="elsewhen"):
        list(plan.raws.take(stranger, 0, OPENED, OPENED))


def _exposure() -> Exposure:
    camera = make_camera()
    plan = demo_plan(camera, seed=1, now=NOW).plan
    raw = next(iter(plan.raws.take(plan.visits[0], 0, OPENED, TaiSeconds(OPENED + 15))))
    return read_exposure(camera, json.loads(raw.sidecar))


@pytest.mark.parametrize("name", ["simulated-mosaic", "simulated-lsst"])
def test_raws_of_many_hdus_are_read_back_by_the_cards_that_they_have(name: str, tmp_path: Path) -> None:
    camera = load_camera(name)
    plan = demo_plan(camera, seed=1, now=NOW).plan
    visit = plan.visits[2]
    raws = list(plan.raws.take(visit, 0, OPENED, TaiSeconds(OPENED + 15)))
    assert [number for raw in raws for number in raw.detectors] == list(visit.detectors)
    assert len(raws) == (1 if name == "simulated-mosaic" else len(visit.detectors))
    described = cast(CameraDict, camera_as_dict(camera))
    for raw in raws:
        path = tmp_path / raw.key.rpartition("/")[2]
        path.write_bytes(raw.body)
        frames = [(key, part_of([camera.detector(key.detector)])) for key in parse_raw_keys(camera, raw.key)]
        assert [key.detector for key, _ in frames] == list(raw.detectors)
        for key, part in frames:
            exposure = read_exposure(camera, read_cards(path, part.sizes, part.hdus), key)
            assert (exposure.group, exposure.detector) == (visit.group, key.detector)
            frame = read_raw(path, tuple(part.hdus))
            known, said = find_detector(described, key.detector), blank(described, key.detector)
            by_file, by_cards = assemble(frame, known), assemble(frame, said)
            np.testing.assert_array_equal(by_file.pixels, by_cards.pixels)
            assert abs(np.median(by_file.pixels) - np.median(by_file.pixels[:20])) < 50


def blank(camera: CameraDict, number: int) -> DetectorDict:
    """Leave out of a detector where its amplifiers are: the raws' cards say it."""
    detector = copy.deepcopy(find_detector(camera, number))
    for amplifier in detector["amplifiers"]:
        amplifier.update({"data": [0, 1, 0, 1], "image": [0, 1, 0, 1], "flip_x": False, "flip_y": False})
    return detector
