"""Association in a real database: objects, forced sources, alerts, and what must not happen twice."""

import contextlib
import gc
import io
import sqlite3
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from astropy.time import Time
from attrs import frozen
from confluent_kafka import Consumer, Producer
from lsst.dax.apdb import Apdb
from sqlalchemy import Table

from prompt_pipelines.alert_stream import (
    AlertError,
    AlertStream,
    forget_producers,
    stream_from_environment,
)
from prompt_pipelines.alerts import CUTOUT_SIZE, alert_schema, schema_id
from prompt_pipelines.apdb import ApdbError, History, load_history, open_apdb, store, turn_at
from prompt_pipelines.dia_tables import object_rows
from prompt_pipelines.positions import image_region
from prompt_pipelines.reliability import load_model
from prompt_pipelines.solar_system.prediction import body_table
from prompt_pipelines.tasks.match_known_bodies import MatchKnownBodiesTask
from tests.integration.prompt_pipelines.running import APDB_WARNINGS, close_apdb, make_apdb
from tests.unit.prompt_pipelines.chain import (
    NANOJANSKY_PER_ELECTRON,
    Made,
    associate,
    catalogue,
    facts,
    make_task,
    process,
    template_of,
)
from tests.unit.prompt_pipelines.pictures import field, picture

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings(APDB_WARNINGS)]

SIZE = 256
FIELD = field(SIZE, 36)
NEW = (110.4, 150.2)
ANOTHER = (180.3, 60.7)
REFERENCE = catalogue(FIELD, picture(FIELD, SIZE))
TEMPLATE = template_of(FIELD, SIZE)


def _visit(seq_num: int, flux: float = 20000.0) -> Made:
    sky = FIELD.and_also(*NEW, flux) if flux else FIELD
    return process(picture(sky, SIZE, seed=seq_num), REFERENCE, [TEMPLATE], seq_num=seq_num)


@frozen
class Database:
    apdb: Apdb
    file: Path

    def count(self, table: str) -> int:
        [(count,)] = self._rows(f'select count(*) from "{table}"')  # noqa: S608  # the names stand in this file
        return int(count)

    def bodies(self) -> list[int]:
        rows = self._rows('select "ssObjectId" from "DiaSource" where "ssObjectId" is not null')
        return [body for (body,) in rows]

    def _rows(self, query: str) -> list[tuple[int, ...]]:
        with contextlib.closing(sqlite3.connect(self.file)) as connection:
            return connection.execute(query).fetchall()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    uri = make_apdb(tmp_path)
    yield Database(open_apdb(uri), tmp_path / "apdb.db")
    close_apdb(uri)


def test_what_is_kept_in_memory_does_not_grow_with_each_visit(database: Database) -> None:
    first = associate(_visit(1), database.apdb, seq_num=1)
    sources, forced = first.dia_source_apdb, first.dia_forced_source_apdb

    def tables_after(visits: range) -> int:
        for visit in visits:
            time = Time(facts(visit).midpoint, format="mjd", scale="tai")
            again = sources.assign(diaSourceId=visit, visit=visit), forced.assign(visit=visit)
            store(database.apdb, time, History(first.dia_object_apdb, *again))
        gc.collect()
        return sum(isinstance(one, Table) for one in gc.get_objects())

    begin, end = tables_after(range(2, 22)), tables_after(range(22, 42))
    assert end - begin < 20


def test_three_sightings_make_one_object(database: Database) -> None:
    fluxes = [20000.0, 30000.0, 25000.0]
    for seq_num, flux in enumerate(fluxes, start=1):
        outputs = associate(_visit(seq_num, flux), database.apdb, seq_num=seq_num)
        assert len(outputs.dia_source_apdb) == 1
    objects = outputs.dia_object_apdb
    assert len(objects) == 1
    row = objects.iloc[0]
    assert row["nDiaSources"] == row["r_psfFluxNdata"] == 3
    assert row["g_psfFluxNdata"] == 0
    assert row["firstDiaSourceMjdTai"] == pytest.approx(facts(1).midpoint)
    assert row["lastDiaSourceMjdTai"] == pytest.approx(facts(3).midpoint)
    scale = NANOJANSKY_PER_ELECTRON
    assert row["r_psfFluxMax"] == pytest.approx(30000.0 * scale, rel=0.05)
    assert row["r_psfFluxMin"] == pytest.approx(20000.0 * scale, rel=0.05)
    assert database.count("DiaSource") == database.count("DiaForcedSource") == 3


def test_those_who_share_an_sqlite_file_take_turns(tmp_path: Path) -> None:
    uri = make_apdb(tmp_path)
    entered = threading.Event()

    def enter() -> None:
        with turn_at(uri):
            entered.set()

    with turn_at(uri):
        other = threading.Thread(target=enter)
        other.start()
        assert not entered.wait(0.3)
    assert entered.wait(30.0)
    other.join()
    assert (tmp_path / "apdb.db.turn").exists()


def test_a_known_object_is_measured_where_nothing_is_seen(database: Database) -> None:
    associate(_visit(1), database.apdb, seq_num=1)
    outputs = associate(_visit(2, flux=0.0), database.apdb, seq_num=2)
    assert len(outputs.dia_source_apdb) == len(outputs.dia_object_apdb) == 0
    forced = outputs.dia_forced_source_apdb
    assert len(forced) == 1
    assert abs(forced["psfFlux"].iloc[0]) < 5 * forced["psfFluxErr"].iloc[0]


def test_what_was_loaded_before_is_used_and_brought_up_to_date(database: Database) -> None:
    image = picture(FIELD, SIZE)
    assert image.sky_projection is not None
    region = image_region(image.sky_projection, image.bbox)
    empty = load_history(database.apdb, region, Time(facts(1).midpoint, format="mjd", scale="tai"))
    associate(_visit(1), database.apdb, seq_num=1, known=empty)
    # The second visit of the group knows of the first only by asking again.
    outputs = associate(_visit(2), database.apdb, seq_num=2, known=empty)
    assert outputs.dia_object_apdb["nDiaSources"].tolist() == [2]


def test_what_is_stored_between_preparing_and_storing_is_known(database: Database) -> None:
    """The snaps of a group are prepared one after the other, before either is stored."""
    first, second = _visit(1), _visit(2, flux=0.0)
    stored: list[Any] = []
    outputs = associate(
        second,
        database.apdb,
        seq_num=2,
        meanwhile=lambda: stored.append(associate(first, database.apdb, seq_num=1)),
    )
    (new,) = stored[0].dia_object_apdb["diaObjectId"]
    assert outputs.dia_forced_source_apdb["diaObjectId"].tolist() == [new]
    assert database.count("DiaForcedSource") == 2


def test_postgresql_serves_as_well(tmp_path: Path, postgresql_url: str) -> None:
    uri = make_apdb(tmp_path, postgresql_url)
    apdb = open_apdb(uri)
    try:
        for seq_num in (1, 2):
            outputs = associate(_visit(seq_num), apdb, seq_num=seq_num)
        assert outputs.dia_object_apdb["nDiaSources"].tolist() == [2]
        with pytest.raises(ApdbError, match="already"):
            associate(_visit(2), apdb, seq_num=2)
    finally:
        close_apdb(uri)


def test_no_source_at_all_is_stored_as_nothing(database: Database) -> None:
    outputs = associate(_visit(1, flux=0.0), database.apdb)
    assert len(outputs.dia_forced_source_apdb) == 0
    assert database.count("DiaSource") == database.count("DiaObject") == 0


def test_a_visit_is_not_stored_twice(database: Database) -> None:
    made = _visit(1)
    associate(made, database.apdb)
    with pytest.raises(ApdbError, match="holds visit 2026031400001, detector 0 already"):
        associate(made, database.apdb)
    assert database.count("DiaSource") == 1


def test_a_failure_in_the_middle_stores_nothing(database: Database) -> None:
    connection = sqlite3.connect(database.file)
    # Objects and sources are in the transaction by then.
    connection.execute(
        """create trigger full before insert on "DiaForcedSource"
        begin select raise(abort, 'disk full'); end"""
    )
    connection.close()
    with pytest.raises(ApdbError, match="disk full"):
        associate(_visit(1), database.apdb)
    for table in ("DiaObject", "DiaSource", "DiaForcedSource"):
        assert database.count(table) == 0


def test_a_missing_database_is_named() -> None:
    with pytest.raises(ApdbError, match=r"cannot open the APDB of /nowhere/apdb\.yaml"):
        open_apdb("/nowhere/apdb.yaml")


def _address(holder: Producer) -> str:
    broker = next(iter(holder.list_topics(timeout=10).brokers.values()))
    return f"{broker.host}:{broker.port}"


@pytest.fixture
def broker() -> Iterator[str]:
    holder = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "unused:1"})
    yield _address(holder)
    forget_producers()
    del holder  # the cluster lives as long as it does


def _consume(server: str, topic: str, count: int) -> list[bytes]:
    consumer = Consumer(
        {
            "bootstrap.servers": server,
            "group.id": "reader",
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 5,
        }
    )
    consumer.subscribe([topic])
    try:
        messages = consumer.consume(count, timeout=20)
        return [message.value() or b"" for message in messages]
    finally:
        consumer.close()


def test_an_alert_tells_the_source_its_history_and_its_pictures(database: Database, broker: str) -> None:
    stream = AlertStream(broker, "alerts")
    for seq_num in (1, 2):
        outputs = associate(_visit(seq_num), database.apdb, seq_num=seq_num, stream=stream)
    messages = _consume(broker, "alerts", 2)
    assert len(messages) == 2
    alerts = []
    for message in messages:
        assert struct.unpack(">bI", message[:5]) == (0, schema_id())
        alerts.append(alert_schema().deserialize(message[5:]))
    first, second = sorted(alerts, key=lambda alert: float(alert["diaSource"]["midpointMjdTai"]))
    stored = outputs.dia_source_apdb.iloc[0]
    assert second["diaSourceId"] == stored["diaSourceId"]
    assert second["diaSource"]["psfFlux"] == pytest.approx(stored["psfFlux"], rel=1e-6)
    assert stored["reliability"] > 0.9
    assert second["diaSource"]["reliability"] == pytest.approx(stored["reliability"])
    assert second["diaSource"]["reliabilityVersion"] == stored["reliabilityVersion"] == load_model().version
    assert second["diaObject"]["diaObjectId"] == first["diaSourceId"]
    assert second["diaObject"]["nDiaSources"] == 2
    assert [source["diaSourceId"] for source in second["prvDiaSources"]] == [first["diaSourceId"]]
    assert len(second["prvDiaForcedSources"]) == 2
    science, template, difference = (
        _stamp(second[name]) for name in ("cutoutScience", "cutoutTemplate", "cutoutDifference")
    )
    np.testing.assert_allclose(science - template, difference, atol=6 * np.std(difference[:8]))
    middle = CUTOUT_SIZE // 2
    assert np.argmax(difference) == middle * CUTOUT_SIZE + middle


def test_the_alert_of_a_known_body_names_it_and_no_object(database: Database, broker: str) -> None:
    sky = FIELD.and_also(*NEW, 20000.0).and_also(*ANOTHER, 20000.0)
    made = process(picture(sky, SIZE, seed=1), REFERENCE, [TEMPLATE], seq_num=1)
    [there] = [one for one in made.accepted() if abs(one["x"] - NEW[0]) < 2]
    # Seven characters are more than a float holds to the last digit.
    body = int.from_bytes(b"K26S01M")
    bodies = body_table(
        designation=np.array(["K26S01M"]),
        identifiers=np.array([body]),
        magnitude=np.array([17.5]),
        error=np.array([2.0]),
        span=(facts(1).midpoint - 0.1, facts(1).midpoint + 0.1),
        objects=_towards(float(there["ra"]), float(there["dec"]) + 0.5 / 3600)[None, :, None],
        observer=np.zeros((3, 1)),
    )
    found = make_task(MatchKnownBodiesTask).run({**made.datasets, "bodies": bodies}, facts(1))
    known = Made({**made.datasets, "ss_sources": found.ss_sources}, made.tasks)
    outputs = associate(known, database.apdb, stream=AlertStream(broker, "bodies"))
    stored = outputs.dia_source_apdb["ssObjectId"]
    assert (stored[stored.notna()].tolist(), database.bodies()) == ([body], [body])
    assert (database.count("DiaSource"), database.count("DiaObject")) == (2, 1)
    alerts = [alert_schema().deserialize(message[5:]) for message in _consume(broker, "bodies", 2)]
    alert, other = sorted(alerts, key=lambda one: one["ssSource"] is None)
    assert (alert["diaSource"]["ssObjectId"], alert["diaSource"]["diaObjectId"]) == (body, None)
    assert (other["diaSource"]["ssObjectId"], other["diaObject"] is None) == (None, False)
    assert (alert["diaObject"], alert["prvDiaSources"]) == (None, None)
    assert (alert["ssSource"]["ssObjectId"], alert["ssSource"]["designation"]) == (body, "K26S01M")
    assert alert["ssSource"]["ephVmag"] == pytest.approx(17.5)
    assert alert["ssSource"]["ephOffsetDec"] == pytest.approx(-0.5, abs=0.01)


def _towards(ra: float, dec: float) -> np.ndarray:
    lon, lat = np.radians([ra, dec])
    return np.array([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])


def _stamp(content: bytes) -> np.ndarray:
    with fits.open(io.BytesIO(content)) as hdus:
        stamp = np.array(hdus[0].data)
    assert stamp.shape == (CUTOUT_SIZE, CUTOUT_SIZE)
    return stamp


@pytest.mark.parametrize(
    ("environment", "check"),
    [
        ({}, lambda stream: stream is None),
        ({"AP_KAFKA_SERVER": "k:1", "AP_KAFKA_TOPIC": "t"}, lambda stream: stream.username is None),
        (
            {
                "AP_KAFKA_SERVER": "k:1",
                "AP_KAFKA_TOPIC": "t",
                "AP_KAFKA_PRODUCER_USERNAME": "u",
                "AP_KAFKA_PRODUCER_PASSWORD": "secret",
            },
            lambda stream: stream.username == "u" and "secret" not in repr(stream),
        ),
        (
            {
                "AP_KAFKA_SERVER": "k:1",
                "AP_KAFKA_TOPIC": "t",
                "AP_ALERT_OUTBOX": "file:///outbox/",
                "AP_ALERT_UNTIL": "12.5",
            },
            lambda stream: (stream.outbox, stream.until) == ("file:///outbox/", 12.5),
        ),
    ],
)
def test_the_environment_says_where_alerts_go(
    environment: dict[str, str], check: Callable[[Any], bool]
) -> None:
    assert check(stream_from_environment(environment))


def test_half_an_address_and_no_instant_are_errors() -> None:
    with pytest.raises(AlertError, match="both"):
        stream_from_environment({"AP_KAFKA_SERVER": "k:1"})
    with pytest.raises(AlertError, match="AP_ALERT_UNTIL is no number: 'soon'"):
        stream_from_environment({"AP_KAFKA_SERVER": "k:1", "AP_KAFKA_TOPIC": "t", "AP_ALERT_UNTIL": "soon"})


def test_an_object_crossing_midnight_of_right_ascension_has_its_mean_there() -> None:
    """The mean of 359.9999 and 0.0001 degrees is 0, not 180."""

    def rows(ra: float, number: int) -> pd.DataFrame:
        columns = {
            "diaSourceId": [number], "diaObjectId": [1], "ra": [ra], "dec": [0.0], "raErr": [1e-5],
            "midpointMjdTai": [61113.0 + number], "band": ["r"], "psfFlux": [1.0], "psfFluxErr": [0.1],
        }  # fmt: skip
        return pd.DataFrame(columns)

    forced = pd.DataFrame({"diaObjectId": [], "band": []})
    history = History(pd.DataFrame({"diaObjectId": [1]}), rows(359.9999, 1), forced)
    objects = object_rows(history, rows(0.0001, 2), forced)
    assert min(objects["ra"].iloc[0], 360.0 - objects["ra"].iloc[0]) < 1e-9
