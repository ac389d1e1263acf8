"""Sources, objects, what moves, alerts and images of a night, on pages and as tables."""

import re
from urllib.parse import quote

import pytest
from attrs import evolve

from adapters.memory.console.alert_archive import MemoryAlertArchive
from adapters.memory.console.source_archive import MemorySourceArchive
from domain.results.sources import ForcedSource
from ports.alert_archive import KeptAlert
from tests.unit.adapters.console.generated_night import (
    EXPOSURE,
    archive_of_images,
    archive_of_sources,
    generated_board,
    group_of,
    mover,
)
from tests.unit.adapters.console.test_pages import board_with, client, failed, with_archives


def test_a_source_leads_to_its_cutouts_and_its_object() -> None:
    asking = client(
        generated_board(visits=3, detectors=4), images=archive_of_images(), sources=archive_of_sources()
    )
    [source, *_] = asking.get("/api/sources?object=7").json()
    page = asking.get(f"/source?id={source['source_id']}").text
    [cutouts, *_] = re.findall(r'src="(/picture/cutouts[^"]*)"', page)
    picture = asking.get(cutouts.replace("&amp;", "&"))
    assert picture.status_code == 200
    assert picture.headers["content-type"] == "image/png"
    assert "/object?id=7" in page
    assert asking.get("/object?id=7").status_code == 200


def test_sources_are_found_by_their_conditions() -> None:
    asking = client(generated_board(visits=3, detectors=4), sources=archive_of_sources())
    assert "2 DiaSources that fit the filter" in asking.get("/sources?snr=10").text
    assert "No DiaSource is like that." in asking.get("/sources?band=u").text
    for path in ("/sources", "/objects"):
        refused = asking.get(f"{path}?snr=many&band=r")
        assert refused.status_code == 400
        assert "snr is a number, 0 or more, not &#39;many&#39;" in refused.text
        assert 'name="band" size="3" value="r"' in refused.text
    assert asking.get("/api/sources?snr=many").status_code == 400


def test_a_visit_is_named_by_its_group_or_its_exposure() -> None:
    asking = with_archives()
    by_group = asking.get("/sources", params={"visit": group_of(0)}).text
    assert "4 DiaSources that fit the filter" in by_group
    assert f"/api/sources?visit={EXPOSURE}" in by_group.replace("format=csv&amp;", "")
    assert "4 DiaSources" in asking.get(f"/sources?visit={EXPOSURE}").text
    refused = asking.get("/sources?visit=20190326.0153")
    assert refused.status_code == 400
    assert "the group of a visit of this night, not &#39;20190326.0153&#39;" in refused.text


def test_all_that_is_new_is_listed_on_demand() -> None:
    sources = MemorySourceArchive(
        evolve(one, source_id=number, object_id=number, ra=one.ra + number * 0.01)
        for number, one in enumerate([next(iter(mover()))] * 20, 1)
    )
    asking = client(generated_board(visits=3, detectors=4), sources=sources)
    first = asking.get("/objects").text
    assert "15 of 20, the most telling first" in first
    assert "/objects?news=all" in first
    assert "20 of 20, the most telling first" in asking.get("/objects?news=all").text


def test_sources_and_objects_are_sorted_and_stay_so_on_the_next_page() -> None:
    asking = with_archives()
    rows = asking.get("/api/sources?sort=snr").json()
    assert [row["snr"] for row in rows] == [15.0, 12.0, 9.0, 6.0]
    page = asking.get("/sources?sort=snr&band=r").text
    assert re.findall(r"source-(\d+)", page) == [row["source_id_str"] for row in rows]
    assert 'name="sort" value="snr"' in page
    assert "/sources?sort=flux&amp;band=r" in page
    assert asking.get("/api/objects?sort=colour").status_code == 400


def test_what_is_new_comes_first_among_the_objects() -> None:
    sources, board = archive_of_sources(), generated_board(visits=3, detectors=4)
    for one in mover():
        sources.put(one)
    asking = client(board, images=archive_of_images(), sources=sources)
    page = asking.get("/objects").text
    assert "2 of 2, the most telling first" in page
    assert "5 sightings in 58 min move evenly" in page
    assert "What is new" not in asking.get("/objects?snr=3").text
    findings = asking.get("/api/findings").json()
    assert [(row["rank"], row["label"]) for row in findings] == [(1, "moves"), (2, "new")]
    assert asking.get("/api/findings?offset=1").json() == findings[1:]


def test_known_bodies_are_named_and_lead_to_their_sightings() -> None:
    sources = archive_of_sources()
    [first, *others] = mover()
    for one in others:
        sources.put(evolve(one, object_id=0, body_id=int.from_bytes(b"05945")))
    sources.put(
        evolve(first, source_id=980, object_id=0, ra=first.ra + 1.0, body_id=int.from_bytes(b"K19A12B"))
    )
    asking = client(generated_board(visits=3, detectors=4), images=archive_of_images(), sources=sources)
    named = [(row["label"], row["body"]) for row in asking.get("/api/findings").json()]
    assert named[:2] == [("known body", "(5945)"), ("known body", "2019 AB12")]
    page = asking.get("/objects").text
    assert re.search(r'<a href="/tracklet\?id=901">known body \(5945\)</a>', page)
    assert re.search(r'<a href="/source\?id=980">known body 2019 AB12</a>', page)
    assert "known body 2019 AB12" in asking.get("/source?id=980").text


def test_what_moves_has_a_page_with_its_path_and_residuals() -> None:
    sources = archive_of_sources()
    for one in mover():
        sources.put(one)
    asking = client(generated_board(visits=3, detectors=4), images=archive_of_images(), sources=sources)
    (row,) = asking.get("/api/tracklets").json()
    assert (row["tracklet_str"], row["sightings"]) == ("900", 5)
    assert row["rate"] == pytest.approx(0.5, rel=0.01)
    page = asking.get("/tracklet?id=900").text
    assert "0.500 ″/min" in page
    assert page.count('<circle class="path"') == page.count('id="source-') == 5
    sightings = asking.get("/api/tracklet?tracklet=900").json()
    assert [one["source_id"] for one in sightings] == [900, 901, 902, 903, 904]
    assert max(abs(one["residual_east"]) for one in sightings) < 0.1
    assert asking.get("/tracklet?id=7").status_code == 404
    assert asking.get("/api/tracklet?tracklet=7").status_code == 404


def test_forced_photometry_of_an_object_is_a_table() -> None:
    sources = archive_of_sources()
    sources.put_forced(
        ForcedSource(
            object_id=7, visit=EXPOSURE + 9, detector=1, band="r", mjd=63_001.2, flux=-5.0, flux_err=60.0,
            science_flux=900.0, science_flux_err=70.0,
        )
    )  # fmt: skip
    asking = client(generated_board(visits=1, detectors=1), sources=sources)
    (row,) = asking.get("/api/forced?object=7").json()
    assert (row["object_id_str"], row["visit"], row["flux"]) == ("7", EXPOSURE + 9, -5.0)
    assert 'data-forced="/api/forced?object=7"' in asking.get("/object?id=7").text


def test_what_passes_an_object_is_told_from_its_own_light() -> None:
    sources = archive_of_sources()
    for one in mover():
        sources.put(one)
    seen = next(iter(mover()))
    sources.put(
        evolve(seen, source_id=950, object_id=950, visit=EXPOSURE + 9, mjd=63_001.2, flux=-9e2, snr=10.0)
    )
    forced = ForcedSource(
        object_id=950, visit=EXPOSURE + 1, detector=94, band="r", mjd=63_001.06, flux=3500.0, flux_err=90.0,
        science_flux=3500.0, science_flux_err=90.0,
    )  # fmt: skip
    for visit in (EXPOSURE + 1, EXPOSURE + 8, EXPOSURE + 9):
        sources.put_forced(evolve(forced, visit=visit))
    asking = client(generated_board(visits=3, detectors=4), sources=sources)
    page = asking.get("/object?id=950").text
    rows = page.split('id="forced-')[1:]
    assert [row.split('"')[0] for row in rows] == [f"{EXPOSURE + 1}-94", f"{EXPOSURE + 8}-94"]
    assert "0.0″ away" in rows[0]
    assert "/tracklet?id=900" in rows[0]
    assert "away" not in rows[1]
    assert "likely artefact" in page
    # One of the mover's sightings was made an object of its own: which it is, is said.
    moving = asking.get("/object?id=900").text
    assert 'data-moving="900 "' in moving
    assert "Hollow points" not in moving
    for path in ("/source?id=903", "/sources?visit=2031051400005", "/object?id=903"):
        assert "/tracklet?id=900" in asking.get(path).text
    assert "likely artefact" in asking.get("/objects?sort=snr").text.split("<table")[-1]


def test_alerts_of_an_object_and_of_a_visit_detector_are_listed_with_their_packets() -> None:
    alerts = MemoryAlertArchive()
    packet = {"diaSourceId": 5, "cutoutScience": b"pixels", "diaSource": {"snr": float("nan")}}
    for source_id, is_waiting in ((5, False), (6, True)):
        kept = KeptAlert(
            source_id=source_id,
            object_id=7,
            visit=EXPOSURE,
            detector=1,
            processed=63_001.1,
            is_waiting=is_waiting,
        )
        alerts.put(kept, packet)
    board = generated_board(visits=3, detectors=4)
    asking = client(board, images=archive_of_images(), sources=archive_of_sources(), alerts=alerts)
    for path in ("/object?id=7", f"/visit-detector?group={quote(group_of(0))}&detector=1"):
        page = asking.get(path).text
        assert "2, 1 of them waiting for a broker" in page
        assert "/api/alert?source=5" in page
    assert [row["state"] for row in asking.get("/api/alerts?object=7").json()] == ["sent", "waiting"]
    whole = asking.get("/api/alert?source=5").json()
    assert whole == {"diaSourceId": 5, "cutoutScience": "cGl4ZWxz", "diaSource": {"snr": None}}
    assert asking.get("/api/alert?source=404").status_code == 404
    assert asking.get("/api/alert").status_code == 400


def test_identifiers_keep_all_their_digits() -> None:
    rows = (
        client(generated_board(visits=1, detectors=1), sources=archive_of_sources())
        .get("/api/sources")
        .json()
    )
    assert rows[0]["source_id"] == 2766899023213232130


def test_tiles_overlays_and_values_of_an_image() -> None:
    asking = client(generated_board(visits=3, detectors=4), images=archive_of_images())
    image = asking.get("/api/images", params={"group": group_of(0)}).json()[0]
    facts = asking.get("/picture/facts", params=image).json()
    assert (facts["width"], facts["height"]) == (64, 48)
    place = image | {"level": 0, "column": 0, "row": 0}
    assert asking.get("/picture/tile", params=place).content.startswith(b"\x89PNG")
    assert asking.get("/picture/overlay", params=place | {"plane": "SAT"}).content.startswith(b"\x89PNG")
    values = asking.get("/picture/values", params=image | {"x": 5, "y": 3}).json()
    assert values["calibrated"]["value"] == 3 * 64 + 5
    assert asking.get("/picture/tile", params=place | {"column": 9}).status_code == 404
    assert asking.get("/picture/tile", params=place | {"scale": "cube"}).status_code == 400


def test_without_archives_their_pages_say_so() -> None:
    asking = client(board_with(failed("g1", "cloud")))
    for path in ("/sources", "/objects", "/images?group=g1&detector=3", "/mosaic?group=g1"):
        answer = asking.get(path)
        assert answer.status_code == 404
        assert "not within reach" in answer.text


def test_an_archive_that_is_away_is_said_and_not_a_fault() -> None:
    sources = archive_of_sources()
    sources.outage = "the database is restarting"
    answer = client(board_with(failed("g1", "cloud")), sources=sources).get("/sources")
    assert answer.status_code == 503
    assert "the database is restarting" in answer.text
