"""Histories and outcomes come back as they were written, and what is none is refused."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.common.history import (
    history_from_json,
    history_to_json,
    outcome_from_json,
    outcome_to_json,
)
from domain.times import TaiSeconds, UtcSeconds
from domain.visit import CoordinateSystem, Identity
from domain.work.about import AboutVisit, FoundRaw
from domain.work.attempts import AttemptNotes, LeaseKey
from domain.work.history import OutdatedLeaseError, WorkHistory
from domain.work.outcomes import (
    RULES,
    Completed,
    Expired,
    NoImages,
    Outcome,
    Poisoned,
    SnapResult,
    SnapStatus,
)
from domain.work.quality import MEASURES, Quality
from ports.ledger import NewerRecordError, UnreadableRecordError

_IDENTITY = Identity("Lowell", "2026-03-14T02:15:07.310#2", 4)
_FINITE = st.floats(allow_nan=False, allow_infinity=False)
_INSTANTS = st.floats(1.7e9, 1.9e9).map(UtcSeconds)
_OUTCOMES: st.SearchStrategy[Outcome] = st.one_of(
    st.builds(Expired, age=_FINITE),
    st.builds(NoImages, waited=_FINITE),
    *[st.builds(kind) for kind in RULES if kind not in (Expired, NoImages)],
    st.builds(Completed, detail=st.text()),
)
_ENDED = '{"attempts":[{"n":1,"worker":"w","begun":1.0,"ended":2.0,"final":true,"outcome":%s}]}'
_ABOUTS = st.builds(
    AboutVisit, filters=st.text(), position=st.tuples(_FINITE, _FINITE), pipelines=st.just(("ApPipe", "Isr"))
)
_NOTES = st.builds(
    AttemptNotes,
    seconds=st.dictionaries(st.text(), _FINITE),
    since_shutter=st.none() | st.integers(0, 10**6).map(lambda number: number / 1000),
    about=st.none() | _ABOUTS,
    raws=st.lists(st.builds(FoundRaw, st.integers(0), _INSTANTS, st.text())).map(tuple),
    quality=st.none()
    | st.builds(
        Quality,
        st.lists(st.none() | _FINITE, max_size=len(MEASURES)).map(tuple),
        st.lists(st.text(), max_size=2).map(tuple),
    ),
)
_LEASES = st.builds(LeaseKey, st.text(), st.sampled_from(["one", "two"]), st.integers(0, 3))


@st.composite
def _histories(draw: st.DrawFn) -> WorkHistory:
    """Grow a history by its own rules."""
    history = WorkHistory(_IDENTITY)
    for _ in range(draw(st.integers(0, 6))):
        now = draw(_INSTANTS)
        number = 0 if history.last is None else history.last.attempt.number
        grown: WorkHistory | None
        match draw(st.sampled_from(["begin", "note", "end", "claim", "requeue", "undelivered"])):
            case "begin":
                grown = None
                with contextlib.suppress(OutdatedLeaseError):
                    begun = history.begin(draw(st.text()), draw(_LEASES), now)
                    grown = None if begun is None else begun[0]
            case "end":
                notes = draw(st.none() | _NOTES)
                grown = history.end(number, draw(_OUTCOMES), final=draw(st.booleans()), now=now, notes=notes)
            case "note":
                grown = history.note_stage(number, draw(st.text()), draw(st.none() | _ABOUTS), now)
            case "claim":
                grown = history.take_claim(number, draw(st.sets(st.integers(0, 2**53))))
            case "requeue":
                grown = history.requeue(now)
            case _:
                grown = history.end_undelivered(draw(_OUTCOMES), now)
        history = grown or history
    return history


@given(_OUTCOMES)
def test_outcomes_come_back(outcome: Outcome) -> None:
    assert outcome_from_json(outcome_to_json(outcome)) == outcome


@given(_histories())
def test_histories_come_back(history: WorkHistory) -> None:
    text = history_to_json(history)
    assert text.isascii()
    assert history_from_json(_IDENTITY, text) == history


def test_nothing_stored_is_an_empty_history() -> None:
    assert history_from_json(_IDENTITY, None) == WorkHistory(_IDENTITY)


def test_the_stored_form_is_this() -> None:
    """Repositories of ledgers outlive a release: this text must stay readable."""
    stored = (
        '{"attempts":[{"n":1,"worker":"w","begun":1773454480.1,"ended":1773454500.5,"outcome":{"pipeline":'
        '"ApPipe","snaps":[{"exposure":2026031400012,"result":"completed"}],"kind":"completed"},'
        '"final":true}],"claim":[1,[2026031400012]]}'
    )
    history = history_from_json(_IDENTITY, stored)
    assert history.last is not None
    snaps = (SnapResult(exposure=2026031400012, result=SnapStatus.COMPLETED),)
    assert history.last.outcome == Completed(pipeline="ApPipe", snaps=snaps)
    assert json.loads(history_to_json(history)) == json.loads(stored)


def test_quality_of_a_newer_release_is_read_as_far_as_it_is_known() -> None:
    notes = ',"quality":[["bad seeing"],5.0%s]' % (",null" * 40)
    stored = (_ENDED % '{"pipeline":"ApPipe","kind":"completed"}').replace("}]}", notes + "}]}")
    record = history_from_json(_IDENTITY, stored).last
    assert record is not None
    assert record.held == "bad seeing"
    assert record.quality is not None
    assert record.quality.known == {"seeing_arcsec": 5.0}


def test_a_record_of_a_newer_release_keeps_its_words_for_snaps() -> None:
    stored = _ENDED % (
        '{"pipeline":"ApPipe","snaps":[{"exposure":1,"result":"completed"},'
        '{"exposure":2,"result":"overexposed"}],"kind":"completed"}'
    )
    history = history_from_json(_IDENTITY, stored)
    assert history.last is not None
    assert isinstance(history.last.outcome, Completed)
    results = [snap.result for snap in history.last.outcome.snaps]
    assert results == ["completed", "overexposed"]
    assert [isinstance(result, SnapStatus) for result in results] == [True, False]
    assert json.loads(history_to_json(history)) == json.loads(stored)


@pytest.mark.parametrize(
    "notes",
    [
        '"seconds":7',
        '"stage":["process"]',
        '"about":["r_03",2,"zenith"]',
        '"shutter":{}',
        '"about":7',
        '"raws":[[1]]',
        '"raws":{"1":2}',
    ],
)
def test_notes_that_cannot_be_read_keep_no_work_from_being_done(notes: str) -> None:
    stored = _ENDED.replace('"n":1', f'"n":1,{notes}') % '{"pipeline":"ApPipe","kind":"completed"}'
    history = history_from_json(_IDENTITY, stored)
    assert history.last is not None
    assert history.last.outcome == Completed(pipeline="ApPipe")
    assert (history.last.seconds, history.last.about, history.last.stage) == ({}, None, "")


def test_notes_of_a_newer_release_are_read_as_far_as_they_are_known() -> None:
    about = '"about":["r_03",2,149.9,2.2,1,"","1773454480.5",["ApPipe"],[],"",{"moon":0.5}]'
    stored = _ENDED.replace('"n":1', f'"n":1,{about}') % '{"pipeline":"ApPipe","kind":"completed"}'
    history = history_from_json(_IDENTITY, stored)
    assert history.last is not None
    assert history.last.about == AboutVisit(
        filters="r_03",
        coordinate_system=CoordinateSystem.ICRS,
        position=(149.9, 2.2),
        nimages=1,
        sent=TaiSeconds(1773454480.5),
        pipelines=("ApPipe",),
    )


@given(st.recursive(st.none() | st.booleans() | st.text() | _FINITE, st.lists, max_leaves=5))
def test_what_is_no_record_is_refused(value: Any) -> None:
    text = json.dumps(value)
    assert isinstance(outcome_from_json(text), Poisoned)
    with pytest.raises(UnreadableRecordError):
        history_from_json(_IDENTITY, text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        '{"kind":"unheard of"}',
        '{"kind":"expired"}',
        '{"kind":"expired","age":"old"}',
        '{"kind":["expired"]}',
    ],
)
def test_an_outcome_of_a_delivery_that_cannot_be_read_is_told_as_such(text: str) -> None:
    outcome = outcome_from_json(text)
    assert isinstance(outcome, Poisoned)
    assert text in outcome.reason


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('{"v":2}', "version 2"),
        ('{"v":3,"attempts":[]}', "version 3"),
        (_ENDED % '{"kind":"adjourned"}', "adjourned"),
        (_ENDED % '{"kind":"failed before change","reason":"r","never":"no telescope"}', "no telescope"),
    ],
)
def test_what_a_newer_release_wrote_is_told_from_what_nobody_did(text: str, word: str) -> None:
    with pytest.raises(NewerRecordError, match=word):
        history_from_json(_IDENTITY, text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        '{"v":"new","attempts":0}',
        '{"attempts":{}}',
        '{"attempts":[{"n":"one","worker":"w","begun":1.0}]}',
        '{"attempts":[{"n":1,"worker":"w","begun":"noon"}]}',
        '{"attempts":[{"n":1,"worker":"w","begun":1.0,"final":true}]}',
        '{"attempts":[],"claim":[1,["all"]]}',
        '{"attempts":[],"claim":7}',
        _ENDED % '{"kind":"completed","pipeline":"p","snaps":[{"exposure":1,"result":4}]}',
        _ENDED % '{"kind":["expired"]}',
        _ENDED % '{"kind":"expired","age":"old"}',
        '{"attempts":[],"note":"\u00e9"}',
    ],
)
def test_what_nobody_can_read_is_told_as_such(text: str) -> None:
    with pytest.raises(UnreadableRecordError, match="detector 4"):
        history_from_json(_IDENTITY, text)
