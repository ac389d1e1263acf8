import asyncio
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from attrs import evolve

from adapters.console.report.night_report import NoNightError, night_report
from adapters.memory.console.night_board import MemoryNightBoard
from domain.results.sources import SourceQuery
from tests.unit.adapters.console.generated_night import (
    BEGIN,
    NIGHT,
    archive_of_images,
    archive_of_sources,
    console_night,
    generated_board,
    mover,
    sky_images,
    sky_sources,
)
from tests.unit.adapters.console.test_pages import HOSTILE, board_with, failed

VOID = {"meta", "link", "img"}


class Document(HTMLParser):
    """Checks that elements are closed in order, and collects attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.given: list[tuple[str, str | None]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.given += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def all(self, *names: str) -> list[str]:
        return [value or "" for name, value in self.given if name in names]


def written(board: MemoryNightBoard, largest: int = 10_000_000, **archives: Any) -> str:
    return asyncio.run(night_report(console_night(board, **archives), largest))


def assert_stands_alone(text: str) -> Document:
    document = Document(text)
    assert "script" not in document.tags
    ids = document.all("id")
    assert len(ids) == len(set(ids))
    for address in document.all("href", "src", "action", "data-open", "data-enter"):
        assert address.startswith("data:") or address[1:] in ids
    assert not re.search(r"@import|url\((?!\"#)", text)
    return document


def test_a_report_stands_alone_and_says_what_a_night_was() -> None:
    board = generated_board(visits=3, detectors=4)
    board.tell(failed("g1", "3 of 214 stars fit"))
    text = written(board, images=archive_of_images(), sources=archive_of_sources())
    document = assert_stands_alone(text)
    assert "Look at this now." in text
    assert "3 of 214 stars fit" in text
    assert "New, the most telling first" in text
    assert len([one for one in document.all("src") if one.startswith("data:image/png")]) == 1
    assert text.count('class="plane"') == 4
    assert "focal planes of" not in text


def test_new_objects_come_first_and_what_was_seen_before_is_not_new() -> None:
    sources = sky_sources()
    [first, *_] = asyncio.run(sources.sources(SourceQuery()))
    sources.put(evolve(first, source_id=1, visit=1, mjd=first.mjd - 9.0))
    text = written(generated_board(visits=30, detectors=95), images=sky_images(), sources=sources)
    assert_stands_alone(text)
    new, others = text.split("Others, those seen most often first")
    assert f'id="object-{first.object_id}"' in others
    assert new.count('id="object-') == 2


def test_what_moves_is_one_finding_of_a_report() -> None:
    sources = sky_sources()
    for one in mover():
        sources.put(one)
    text = written(generated_board(visits=30, detectors=95), images=sky_images(), sources=sources)
    assert_stands_alone(text)
    new = text.split("Others, those seen most often first")[0]
    assert new.count('id="tracklet-900"') == 1
    assert 'id="object-90' not in text
    assert "5 sightings in 58 min move evenly" in new


def test_a_report_is_bounded_and_says_what_it_left_out() -> None:
    text = written(generated_board(visits=60, detectors=40), largest=300_000)
    assert_stands_alone(text)
    assert len(text.encode()) <= 300_000
    assert re.search(r"focal planes of \d+ of 60 visits", text)
    assert "the APDB of this night is not kept" in text


def test_what_comes_from_outside_is_text() -> None:
    text = written(board_with(failed(HOSTILE, HOSTILE)))
    assert_stands_alone(text)
    assert "&lt;script&gt;alert(1)" in text


def test_an_archive_that_is_away_is_said() -> None:
    sources = archive_of_sources()
    sources.outage = "the database is restarting"
    assert "the database is restarting" in written(generated_board(visits=2, detectors=4), sources=sources)


def test_a_night_without_work_has_no_report() -> None:
    with pytest.raises(NoNightError, match=f"no work is recorded of the night {NIGHT}"):
        written(MemoryNightBoard("SimCam", NIGHT, BEGIN))
