"""The whole of ApPipe.yaml: two visits of one group, a transient in the second."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from astropy.time import Time
from attrs import frozen
from click.testing import CliRunner
from lsst.daf.butler import (  # type: ignore[attr-defined]  # CollectionType is public, not marked as such
    Butler,
    CollectionType,
    Timespan,
)
from lsst.dax.apdb import Apdb
from lsst.images import Box
from lsst.pipe.base import Pipeline
from lsst.pipe.base.utils import RegionTimeInfo

from adapters.apdb.addresses import reading_engine
from adapters.apdb.dia_sources import DiaSources
from domain.pipelines import CHANGE_TASKS
from domain.results.sources import SourceQuery
from domain.times import TaiSeconds
from entrypoints.cli import main
from prompt_pipelines.apdb import History, open_apdb, store
from prompt_pipelines.positions import image_region, sky_positions
from simulator.world.solar_system.movers import make_movers
from simulator.world.solar_system.orbits import mpcorb_line
from simulator.world.stars import Patch
from tests.integration.prompt_pipelines.conftest import (
    EXPOSURES,
    NANOJANSKY_PER_ELECTRON,
    RUN_INPUTS,
    TRANSIENT,
    projection,
)
from tests.integration.prompt_pipelines.running import (
    APDB_WARNINGS,
    close_apdb,
    disconnect_apdb,
    make_apdb,
    run_pipeline,
)
from tests.unit.prompt_pipelines import tiny_camera as tiny
from workbench.night.completeness import DATASET, depth_table, measured_depths, store_depths
from workbench.pace import Pace

RUN = "TinyCam/ap"
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings(APDB_WARNINGS)]


@frozen
class Night:
    butler: Butler
    apdb: Apdb
    apdb_uri: str
    repository: Path


@pytest.fixture(scope="module")
def night(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    uri = make_apdb(tmp_path_factory.mktemp("apdb"))
    for exposure in EXPOSURES:
        where = f"instrument='TinyCam' AND skymap='tiny' AND visit={exposure} AND detector=0"
        assert run_pipeline(repository, "ApPipe", where, inputs=RUN_INPUTS, run=RUN, apdb=uri) == 9
    with Butler.from_config(str(repository), collections=[RUN]) as butler:
        yield Night(butler, open_apdb(uri), uri, repository)
    close_apdb(uri)


def _get(night: Night, name: str, visit: int) -> Any:
    return night.butler.get(name, {"instrument": "TinyCam", "detector": 0, "visit": visit})


def test_the_catalogue_gives_the_scale_back(night: Night) -> None:
    calibration = _get(night, "visit_calibration", EXPOSURES[0])
    assert calibration["nanojansky_per_electron"] == pytest.approx(NANOJANSKY_PER_ELECTRON, rel=0.01)
    assert calibration["astrometric_shift_arcsec"] < 0.02
    assert calibration["photometric_stars"] >= 6


def test_nothing_is_found_where_nothing_changed(night: Night) -> None:
    sources = _get(night, "dia_sources", EXPOSURES[0])
    assert not len(sources[~np.asarray(sources["flag_rejected"])])


def test_the_difference_is_noise(night: Night) -> None:
    image = _get(night, "difference_image", EXPOSURES[0])
    good = np.isfinite(image.variance.array)
    pulls = image.image.array[good] / np.sqrt(image.variance.array[good])
    assert abs(np.mean(pulls)) < 0.1  # the sky is known to so much of a pixel's noise
    assert np.std(pulls) == pytest.approx(1.0, abs=0.1)


def test_the_transient_is_in_the_database_with_its_flux(night: Night) -> None:
    rows = _get(night, "dia_source_apdb", EXPOSURES[1])
    assert len(rows) == 1
    source = rows.iloc[0]
    assert np.hypot(source["x"] - TRANSIENT.x, source["y"] - TRANSIENT.y) < 0.3
    assert source["reliability"] > 0.9
    wanted = TRANSIENT.flux * NANOJANSKY_PER_ELECTRON
    assert source["psfFlux"] == pytest.approx(wanted, abs=4 * source["psfFluxErr"] + 0.02 * wanted)
    assert source["scienceFlux"] == pytest.approx(wanted, abs=4 * source["scienceFluxErr"] + 0.02 * wanted)
    ra, dec = sky_positions(projection(0), np.array([TRANSIENT.x]), np.array([TRANSIENT.y]))
    stored = _objects(night)
    assert len(stored) == 1
    assert stored["ra"].iloc[0] == pytest.approx(ra[0], abs=0.3 / 3600)
    assert stored["dec"].iloc[0] == pytest.approx(dec[0], abs=0.3 / 3600)
    assert stored["nDiaSources"].iloc[0] == 1


def _objects(night: Night) -> pd.DataFrame:
    box = _get(night, "difference_image", EXPOSURES[0]).bbox
    return night.apdb.getDiaObjects(image_region(projection(0), box))


def test_the_quality_of_each_visit_is_a_dataset(night: Night) -> None:
    quality = [_get(night, "visit_quality", exposure) for exposure in EXPOSURES]
    assert [one["dia_sources"]["positive"] for one in quality] == [0, 1]
    assert all(one["seeing_pixels"] == pytest.approx(1.6 * 2.3548, rel=0.05) for one in quality)
    # So few stars do not tell how the zero point changes over the detector.
    assert [[name for name, value in one.items() if value is None] for one in quality] == [
        ["zero_point_gradient_mag"]
    ] * 2


def test_measuring_how_deep_images_are_leaves_the_night_as_it_was(night: Night) -> None:
    before = _holdings(night)
    images = measured_depths(night.butler, [RUN], "TinyCam", copies=2, seed=3, pace=Pace())
    assert [(one.visit, one.detector, one.physical_filter) for one in images] == [
        (exposure, 0, "r_tiny") for exposure in EXPOSURES
    ]
    assert all(one.depth.injected == len(one.found) > 0 for one in images)
    run = store_depths(str(night.repository), "TinyCam", images, Pace())
    assert _holdings(night) == before
    with Butler.from_config(str(night.repository), collections=[run]) as butler:
        kept = [butler.get(ref) for ref in butler.query_datasets(DATASET)]
        everything = {ref.datasetType.name for ref in butler.query_all_datasets(run)}
    assert [one["injected"] for one in kept] == [one.depth.injected for one in images]
    assert everything == {DATASET}
    assert depth_table(images)["images"].tolist() == [2]


def _holdings(night: Night) -> tuple[list[str], list[int]]:
    """List the datasets of the night, and count what is in its APDB."""
    with Butler.from_config(str(night.repository), collections=[RUN]) as butler:
        datasets = sorted(str(ref.id) for ref in butler.query_all_datasets(RUN, limit=None))
    engine, _ = reading_engine(night.apdb_uri)
    tables = ("DiaSource", "DiaObject", "DiaForcedSource")
    with engine.connect() as connection:
        counts = [
            connection.execute(sa.select(sa.func.count()).select_from(sa.table(name))).scalar_one()
            for name in tables
        ]
    engine.dispose()
    return datasets, counts


def test_what_is_known_is_loaded_before_the_image(
    night: Night, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Preprocessing by group; then both visits of the group in one graph, as a worker runs them.

    What is new in the second one is a body that was predicted.
    """
    monkeypatch.setenv("MP_ORBITS", str(_orbit_of_the_transient(tmp_path)))
    group = {"instrument": "TinyCam", "group": "g1", "detector": 1}
    box = Box.from_shape((tiny.NY, tiny.NX))
    with Butler.from_config(str(night.repository), writeable=True) as butler:
        butler.collections.register("TinyCam/plan")
        begin = Time("2026-03-14T02:15:07", scale="tai")
        plan = RegionTimeInfo(
            region=image_region(projection(1), box), timespan=Timespan(begin, begin + 90.0 * u.s)
        )
        butler.put(plan, "regionTimeInfo", group, run="TinyCam/plan")
    where = "instrument='TinyCam' AND group='g1' AND detector=1"
    inputs = ["TinyCam/plan"]
    run, uri = "TinyCam/preloaded", night.apdb_uri
    assert run_pipeline(night.repository, "Preprocessing", where, inputs=inputs, run=run, apdb=uri) == 2
    where = "instrument='TinyCam' AND group='g1' AND detector=1 AND skymap='tiny'"
    inputs = [*RUN_INPUTS, run]
    assert run_pipeline(night.repository, "ApPipe", where, inputs=inputs, run="TinyCam/ap1", apdb=uri) == 18
    with Butler.from_config(str(night.repository), collections=["TinyCam/ap1"]) as butler:
        for visit, sources in zip(EXPOSURES, (0, 1), strict=True):
            data_id = {"instrument": "TinyCam", "visit": visit, "detector": 1}
            assert len(butler.get("dia_source_apdb", data_id)) == sources
            metadata = butler.get("prepareAssociation_metadata", data_id)["prepareAssociation"]
            assert metadata["preloaded"]
            # The same orbit predicts it for the first visit too, where it was too faint.
            assert len(butler.get("ss_sources", data_id)) == sources
            assert len(butler.get("dia_object_apdb", data_id)) == 0
        row, body = butler.get("dia_source_apdb", data_id), butler.get("ss_sources", data_id)
        assert row["ssObjectId"].tolist() == body["ssObjectId"].tolist() == [int.from_bytes(b"K26E00A")]
        assert row["diaObjectId"].isna().all()
        assert body["ephOffset"].item() < 0.2
        assert 18.0 < body["ephVmag"].item() < 22.0
    engine, namespace = reading_engine(uri)
    [stored] = DiaSources(engine, namespace).sources(SourceQuery(visit=EXPOSURES[1], detector=1), None)
    engine.dispose()
    assert (stored.body, stored.object_id) == ("2026 EA", 0)


def _orbit_of_the_transient(folder: Path) -> Path:
    """Write the orbit of something that is where the transient is on detector 1, in the second exposure."""
    (ra,), (dec,) = sky_positions(projection(1), np.array([TRANSIENT.x]), np.array([TRANSIENT.y]))
    with_it = Time("2026-03-14T02:16:00", scale="tai")
    movers = make_movers(
        np.random.default_rng(5),
        Patch(ra=ra, dec=dec, radius=1e-6),
        ["r"],
        count=1,
        first=1,
        epoch=TaiSeconds(float(with_it.unix_tai)),
    )
    file = folder / "orbits.txt"
    file.write_text(mpcorb_line(movers, 0, "K26E00A", "r"))
    return file


def test_nothing_is_changed_before_the_claim_and_what_was_stored_since_is_known(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AP_ALERT_FOLDER", (tmp_path / "alerts").as_uri())
    (tmp_path / "alerts").mkdir()
    uri, visit = make_apdb(tmp_path), EXPOSURES[1]
    tasks = Pipeline.from_uri("resource://prompt_pipelines/pipelines/ApPipe.yaml").to_graph().tasks
    changing = {label for label, task in tasks.items() if task.task_class_name in CHANGE_TASKS}
    where = f"instrument='TinyCam' AND skymap='tiny' AND visit={visit} AND detector=0"

    def run(labels: set[str], inputs: list[str], run: str) -> tuple[int, bool, int]:
        chosen = ",".join(sorted(labels))
        quanta = run_pipeline(repository, "ApPipe", where, inputs=inputs, run=run, apdb=uri, tasks=chosen)
        holds = open_apdb(uri).containsVisitDetector(visit, 0)
        return quanta, holds, len(list((tmp_path / "alerts").rglob("*.avro")))

    assert run(tasks.keys() - changing, RUN_INPUTS, "TinyCam/unclaimed") == (8, False, 0)
    _store_earlier(repository, "TinyCam/unclaimed", open_apdb(uri))
    assert run(changing, [*RUN_INPUTS, "TinyCam/unclaimed"], "TinyCam/claimed") == (1, True, 1)
    with Butler.from_config(str(repository), collections=["TinyCam/claimed"]) as butler:
        objects = butler.get("dia_object_apdb", {"instrument": "TinyCam", "visit": visit, "detector": 0})
    assert objects["nDiaSources"].tolist() == [2]
    disconnect_apdb(uri)


def test_alerts_beyond_a_limit_of_quality_are_stored_and_held(
    night: Night, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    central, visit = tmp_path / "central", EXPOSURES[1]
    (central / ".alert-outbox" / "2026-03-13").mkdir(parents=True)
    (central / "butler.yaml").write_text("datastore: {root: <butlerRoot>}")
    monkeypatch.setenv("AP_ALERT_FOLDER", (tmp_path / "alerts").as_uri())
    monkeypatch.setenv("AP_ALERT_OUTBOX", (central / ".alert-outbox" / "2026-03-13" / "attempt").as_uri())
    monkeypatch.setenv("AP_ALERT_OWNER", '["TinyCam", "g1", 0, 1]')
    (tmp_path / "alerts").mkdir()
    uri = make_apdb(tmp_path)
    where = f"instrument='TinyCam' AND skymap='tiny' AND visit={visit} AND detector=0"
    done = run_pipeline(
        night.repository,
        "ApPipe",
        where,
        inputs=[*RUN_INPUTS, RUN],
        run="TinyCam/held",
        apdb=uri,
        tasks="measureQuality,prepareAssociation,associate",
        limits={"dia_sources.positive": 0.0},
    )
    assert done == 3
    assert open_apdb(uri).containsVisitDetector(visit, 0)
    assert not list((tmp_path / "alerts").rglob("*.avro"))
    environment = {"CENTRAL_REPO": str(central)}
    listed = CliRunner().invoke(main, ["alerts", "held", "--json"], env=environment)
    [held] = json.loads(listed.stdout)
    assert (held["visit"], held["alerts"]) == (visit, 1)
    assert held["held"] == "dia_sources.positive is 1, at most 0 is allowed"
    disconnect_apdb(uri)


def _store_earlier(repository: Path, run: str, apdb: Apdb) -> None:
    """Store what was prepared of the second visit as the first visit's."""
    data_id = {"instrument": "TinyCam", "visit": EXPOSURES[1], "detector": 0}
    with Butler.from_config(str(repository), collections=[run]) as butler:
        objects, sources, forced = (
            butler.get(f"prepared_dia_{name}", data_id) for name in ("objects", "sources", "forced_sources")
        )
    sources = sources.assign(visit=EXPOSURES[0], diaSourceId=sources["diaObjectId"] - 1)
    forced = forced.assign(visit=EXPOSURES[0], diaForcedSourceId=1)
    store(
        apdb,
        Time(sources["midpointMjdTai"].iloc[0] - 0.001, format="mjd", scale="tai"),
        History(objects, sources, forced),
    )


def test_without_templates_there_is_nothing_to_run(repository: Path) -> None:
    """The service takes the next pipeline then."""
    where = f"instrument='TinyCam' AND skymap='tiny' AND visit={EXPOSURES[0]} AND detector=0"
    inputs = ["TinyCam/calib", "TinyCam/raw"]
    assert run_pipeline(repository, "ApPipe", where, inputs=inputs, run="TinyCam/bare") == 0


def test_without_a_reference_catalogue_the_graph_cannot_be_built(repository: Path) -> None:
    with Butler.from_config(str(repository), writeable=True) as butler:
        butler.collections.register("TinyCam/templates", CollectionType.TAGGED)
        butler.registry.associate("TinyCam/templates", butler.query_datasets("template_coadd", "TinyCam/sky"))
    where = f"instrument='TinyCam' AND skymap='tiny' AND visit={EXPOSURES[0]} AND detector=0"
    inputs = ["TinyCam/calib", "TinyCam/raw", "TinyCam/templates"]
    with pytest.raises(FileNotFoundError, match="reference_catalogue"):
        run_pipeline(repository, "ApPipe", where, inputs=inputs, run="TinyCam/bare")
