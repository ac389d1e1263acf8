import asyncio
import csv
import html
import io
import json
import re
from typing import Any
from urllib.parse import quote

import pytest
from attrs import evolve
from jsonschema import Draft202012Validator
from starlette.requests import Request
from starlette.testclient import TestClient

from adapters.console.access import Access
from adapters.console.api.tables import Column, table_answer
from adapters.console.app import make_app
from adapters.console.events import Announcer
from adapters.console.rendering import clock, instant
from adapters.console.view.looks import looks
from adapters.files.cameras import load_camera
from adapters.memory.console.night_board import MemoryNightBoard
from domain.results.night_view import QueueCounts
from domain.times import UtcSeconds
from domain.visit import Identity
from domain.work.attempts import Attempt, AttemptRecord
from domain.work.outcomes import Completed, FailedBeforeChange
from domain.work.quality import Quality
from tests.unit.adapters.console.generated_night import (
    BEGIN,
    NIGHT,
    archive_of_images,
    archive_of_sources,
    console_night,
    generated_board,
    mover,
)

HOSTILE = "</title><script>alert(1)</script>/../%2F?&#\"' é"


def client(board: MemoryNightBoard, root: str = "", **archives: Any) -> TestClient:
    app = make_app(console_night(board, **archives), Announcer(board), Access(), root)
    return TestClient(
        app, client=("127.0.0.1", 1), base_url="http://127.0.0.1:1", raise_server_exceptions=False
    )


def with_archives() -> TestClient:
    board = generated_board(visits=3, detectors=4)
    return client(board, images=archive_of_images(), sources=archive_of_sources())


def failed(group: str, reason: str) -> AttemptRecord:
    return AttemptRecord(
        attempt=Attempt(Identity("SimCam", group, 3), 1),
        worker="worker 1",
        begun=BEGIN,
        ended=BEGIN,
        outcome=FailedBeforeChange(reason=reason),
        final=True,
    )


def board_with(*records: AttemptRecord) -> MemoryNightBoard:
    board = MemoryNightBoard("SimCam", NIGHT, BEGIN)
    board.tell(*records)
    return board


def test_tonight_says_what_failed_and_why() -> None:
    page = client(board_with(failed("g1", "3 of 214 stars fit"))).get("/").text
    assert "Look at this now." in page
    assert "3 of 214 stars fit" in page


def test_a_night_that_is_observed_again_has_one_answer_about_its_time() -> None:
    record = evolve(
        failed("g1", ""), outcome=Completed(pipeline="ApPipe"), since_shutter=2.4e8, seconds={"process": 4.0}
    )
    asking = client(board_with(record))
    tonight = asking.get("/").text
    assert "0 of 0; time of 1 not known" in tonight
    assert "Nothing has failed; how long 1 of the visit-detectors took is not known." in tonight
    assert "0 of 1 <" in tonight.split("<h2>failed</h2>")[1]
    assert ">4.0" not in tonight.split('class="rows visits-table"')[1]
    assert "nothing is known to be late" in asking.get("/troubles").text
    assert "night of 2031-05-14, exposures of 2023-10-05" in tonight
    assert "exposures of 2023-10-05" in asking.get("/nights").text
    detector = asking.get("/visit-detector?group=g1&detector=3").text
    assert "time not known: its shutter closed more than a day before" in detector
    assert "late" not in detector.split("<main")[1].split("</main")[0]
    [night] = asking.get("/api/nights").json()
    assert (night["in_time"], night["late"], night["time_not_known"], night["median_s"]) == (0, 0, 1, None)


def test_if_too_many_are_late_the_headline_says_why_and_what_to_do() -> None:
    late = evolve(failed("g1", ""), outcome=Completed(pipeline="ApPipe"), since_shutter=70.0)
    waited = evolve(late, seconds={"queue": 49.0, "transfer": 1.0, "process.task isr": 20.0})
    board = board_with(waited, evolve(failed("g2", ""), outcome=None, ended=None, final=False))
    board.tell_of(QueueCounts(waiting=12, leased=0, dead=0))
    page = client(board).get("/").text
    assert "Too many are late." in page
    assert "1 late: 100.0%, the goal is 1.0% at most" in page
    assert "waiting for a worker; more workers are needed: 12 waiting, 1 worker at work" in page
    assert "waited 49.0 s for a free worker; 70.0 s in all" in page


def test_what_is_held_is_counted_and_its_quality_shown() -> None:
    quality = Quality.of({"seeing_arcsec": 5.0, "held": ["seeing_arcsec is 5, at most 2 is allowed"]})
    done = Completed(pipeline="ApPipe", detail=f"held: {quality.reason}")
    held = evolve(failed("g1", ""), outcome=done, since_shutter=40.0, quality=quality)
    asking = client(board_with(held))
    tonight = asking.get("/").text
    assert "Nothing urgent." in tonight
    assert "1 visit-detector held: look at the images, then `prompt-processing alerts release`" in tonight
    assert "held: seeing_arcsec is 5, at most 2 is allowed" in tonight
    detector = asking.get("/visit-detector?group=g1&detector=3").text
    assert re.search(r"<dt>seeing, arcsec</dt><dd>5</dd>", detector)
    [row] = asking.get("/api/detectors?group=g1").json()
    assert row["state"] == "held: alerts wait for a person"
    assert "seeing, arcsec of 1 visits, from 5 to 5" in asking.get("/quality").text
    [row] = asking.get("/api/quality").json()
    assert (row["detector"], row["seeing_arcsec"], row["zero_point_mag"]) == (3, 5.0, None)
    assert row["held"] == quality.reason
    assert asking.get("/api/quality?group=g2").json() == []


def test_what_whoever_looks_has_to_know_stands_on_each_page_and_truth_beside_what_was_found() -> None:
    board = generated_board(visits=3, detectors=4)
    sources = archive_of_sources()
    kinds = {2766899023213232130 + number: "transient" for number in range(4)}
    note = "played: 3 times as fast as real time"
    asking = client(board, sources=sources, true_kinds=kinds, note=note)
    assert note in asking.get("/").text
    assert "the simulator's truth: transient" in html.unescape(asking.get("/objects").text)
    assert re.search("truth</dt><dd>transient<", asking.get("/object?id=7").text)


def test_a_night_without_quality_says_so() -> None:
    assert "Nothing is known of the quality" in client(board_with(failed("g1", "no"))).get("/quality").text


@pytest.mark.parametrize(("goes_on", "said"), [(True, "The night goes on"), (False, "The night is over")])
def test_a_night_that_goes_on_is_not_called_over(goes_on: bool, said: str) -> None:
    board = board_with(evolve(failed("g1", ""), outcome=Completed(pipeline="ApPipe"), since_shutter=40.0))
    board.told((), evolve(board.summary, is_live=False, goes_on=goes_on))
    assert f"{said}; all went well." in client(board).get("/").text


def test_a_goal_has_no_verdict_before_anything_has_ended() -> None:
    tiles = client(board_with()).get("/").text.split('class="tiles"')[1].split("at work")[0]
    assert "✓" not in tiles
    assert "✕" not in tiles


def test_a_detector_that_was_not_begun_has_a_page_that_says_so() -> None:
    asking = client(board_with(failed("g1", "cloud")), camera=load_camera("simulated"))
    answer = asking.get("/visit-detector?group=g1&detector=0")
    assert answer.status_code == 200
    assert "Announced; not begun yet." in answer.text
    assert 'rel="up"' in answer.text
    assert asking.get("/visit-detector?group=g1&detector=99").status_code == 404


def test_a_night_without_work_is_a_page_too() -> None:
    assert "Nothing has been announced yet." in client(board_with()).get("/").text


def test_a_hostile_group_is_text_wherever_it_stands() -> None:
    asking = client(board_with(failed(HOSTILE, HOSTILE)))
    address = f"group={quote(HOSTILE, safe='')}"
    for path in (
        "/",
        f"/?visit={quote(HOSTILE)}",
        f"/visit?{address}",
        f"/visit-detector?{address}&detector=3",
    ):
        answer = asking.get(path)
        assert answer.status_code == 200
        assert "<script>alert" not in answer.text
    [row] = asking.get(f"/api/detectors?{address}").json()
    assert row["group"] == HOSTILE


def test_links_of_a_page_lead_to_the_visit_whatever_it_is_called() -> None:
    asking = client(board_with(failed(HOSTILE, "cloud")))
    links = re.findall(r'href="(/visit-detector[^"]*)"', asking.get("/").text)
    assert links
    assert {asking.get(link.replace("&amp;", "&")).status_code for link in links[:1]} == {200}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/visit?group=nobody", 404),
        ("/visit", 404),
        ("/visit-detector?group=g1&detector=x", 400),
        ("/visit-detector?group=g1&detector=99", 404),
        ("/troubles?page=-1", 400),
        ("/nowhere", 404),
    ],
)
def test_what_is_not_there_is_said_on_a_page(path: str, status: int) -> None:
    answer = client(board_with(failed("g1", "cloud"))).get(path)
    assert answer.status_code == status
    assert "Back to the night" in answer.text


@pytest.mark.parametrize(
    "path", ["/api/visits?limit=x", "/api/visits?limit=-1", "/api/detectors", "/api/visits?format=xml"]
)
def test_a_wrong_parameter_is_named(path: str) -> None:
    answer = client(board_with()).get(path)
    assert answer.status_code == 400
    assert re.match("limit|group|format", answer.json()["error"])


def test_no_name_turns_the_page_around() -> None:
    page = client(board_with(failed("2026 \u202e\x1b group", "5 cloud\u2066s\xa0"))).get("/").text
    assert not {"\u202e", "\x1b", "\u2066"} & set(page)
    assert r"\u202e" in page


@pytest.mark.parametrize("text", ["=HYPERLINK(1)", "+1", "-1+1", "@SUM(1)", "\t=1", "\r=1"])
def test_no_cell_of_a_table_is_a_formula(text: str) -> None:
    column, row = Column("group", "string", "names a group"), {"group": text}
    request = Request({"type": "http", "query_string": b"format=csv", "headers": []})
    answer = table_answer(request, "visits", [column], [row, {"group": "2026"}])
    [first, second] = csv.DictReader(io.StringIO(bytes(answer.body).decode(), newline=""))
    assert first["group"] == f"'{text}"
    assert second["group"] == "2026"


def test_every_table_is_json_and_csv_with_the_same_rows() -> None:
    asking = client(generated_board(visits=5, detectors=4))
    for table in ("visits", "troubles"):
        rows = asking.get(f"/api/{table}").json()
        written = list(csv.DictReader(io.StringIO(asking.get(f"/api/{table}?format=csv").text)))
        assert [row["group"] for row in written] == [row["group"] for row in rows]


def test_answers_are_as_the_description_says() -> None:
    sources = archive_of_sources()
    for one in mover():
        sources.put(one)
    asking = client(generated_board(visits=3, detectors=4), images=archive_of_images(), sources=sources)
    document = asking.get("/api/openapi.json").json()
    asked = {"group": asking.get("/api/visits").json()[-1]["group"], "detector": 1}
    asked |= {"object": 7, "tracklet": 900}
    for path, operations in document["paths"].items():
        required = [one["name"] for one in operations["get"]["parameters"] if one["required"]]
        answer = asking.get(path, params={name: asked[name] for name in required})
        schema = operations["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        Draft202012Validator(schema).validate(answer.json())


def test_a_page_is_made_anew_only_for_a_new_version() -> None:
    board = board_with(failed("g1", "cloud"))
    asking = client(board)
    before = asking.get("/").text
    board.tell(evolve(failed("g2", "rain")))
    after = asking.get("/").text
    assert "rain" not in before
    assert "rain" in after


def test_pages_under_a_path_lead_back_to_it() -> None:
    page = client(generated_board(visits=2, detectors=2), root="/night").get("/night/").text
    addresses = re.findall(r'(?:href|src)="(/[^"]*)"', page)
    assert addresses
    assert all(address.startswith("/night/") for address in addresses)


async def test_events_tell_each_version_once() -> None:
    board = board_with(failed("g1", "cloud"))
    announcer = Announcer(board, at_most_every=0.0)
    following = asyncio.create_task(announcer.run())
    events = announcer.events()
    told = [await anext(events), await anext(events)]
    board.tell(failed("g2", "rain"))
    told.append(await anext(events))
    following.cancel()
    versions = [json.loads(re.findall("data: (.*)", event)[0])["version"] for event in told[1:]]
    assert versions[0] < versions[1] == board.view().version


def test_times_are_rounded() -> None:
    at = UtcSeconds(BEGIN + 59.96)
    assert (clock(at), instant(at)) == ("01:01:00", "2031-05-15 01:01:00.0")


def test_every_night_of_the_ledger_has_its_pages() -> None:
    asking = client(generated_board(visits=3, detectors=4), root="/console")
    assert f'href="/console/night/{NIGHT}/"' in asking.get("/console/nights").text
    assert asking.get("/console/api/nights").json()[0]["visits"] == 3
    page = asking.get(f"/console/night/{NIGHT}/").text
    assert "The night" in page
    visit = re.findall(r'href="(/console/night/[^"]*/visit\?[^"]*)"', page)[0]
    assert asking.get(visit.replace("&amp;", "&")).status_code == 200
    assert 'href="/console/nights"' in page
    assert asking.get("/console/night/yesterday/").status_code == 404


def test_no_two_states_have_the_same_sign() -> None:
    signs = [look.sign for look in looks()]
    assert len(set(signs)) == len(signs)
