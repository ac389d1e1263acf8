"""The history of a visit-detector as JSON: how ledgers keep it, whatever they are made of.

Names are short and defaults left out, because a night brings 200,000 of them.
What is stored outlives a release: fields may be added, never renamed. What an
older release would take for something else raises the version, ``v``, which is
1 where it is not written; its readers, and those of an outcome that they do not
know, leave the work to workers of the newer release.
"""

import functools
import json
import logging
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

import cattrs
from cattrs.strategies import configure_tagged_union

from domain.times import TaiSeconds, UtcSeconds
from domain.visit import CoordinateSystem, Identity
from domain.work.about import AboutVisit, FoundRaw
from domain.work.attempts import Attempt, AttemptRecord, Claim, LeaseKey
from domain.work.history import WorkHistory
from domain.work.outcomes import (
    RULES,
    Outcome,
    PermanentFailure,
    Poisoned,
    SnapStatus,
    UnknownStatus,
)
from domain.work.quality import MEASURES, Quality
from ports.ledger import LedgerRecordError, NewerRecordError, UnreadableRecordError

__all__ = [
    "history_from_json",
    "history_to_json",
    "outcome_from_json",
    "outcome_to_json",
    "read_or_fault",
]

_LOG = logging.getLogger(__name__)
_VERSION: Final = 1


class _UnknownWordError(Exception):
    """A closed list has no such word in this release."""


def outcome_to_json(outcome: Outcome) -> str:
    """Write an outcome, tagged by the name in its rule."""
    return _compact(_outcome_as_dict(outcome))


def outcome_from_json(text: str) -> Outcome:
    """Read an outcome of a delivery without a history; what cannot be read comes back as ``poisoned``."""
    try:
        return _outcome_from_dict(json.loads(text))
    except (*_UNREADABLE, _UnknownWordError) as error:
        return Poisoned(reason=f"the outcome itself cannot be read: {error!r} in {text:.200}")


def history_to_json(history: WorkHistory) -> str:
    """Write all but the identity, which is the key."""
    record: dict[str, Any] = {"attempts": [_record_as_dict(each) for each in history.records]}
    if history.claim is not None:
        record["claim"] = [history.claim.number, sorted(history.claim.exposures)]
        if history.claim.until is not None:
            record["claim"].append(history.claim.until)
    if history.requeued is not None:
        record["requeued"] = history.requeued
    return _compact(record)


def history_from_json(identity: Identity, text: str | None) -> WorkHistory:
    """Read a history; nothing stored is an empty one.

    Raises
    ------
    UnreadableRecordError
        Raised if it is none.
    NewerRecordError
        Raised if it is one of a newer release.
    """
    if text is None:
        return WorkHistory(identity)
    try:
        return _history_from_dict(identity, json.loads(_only_ascii(text)))
    except _UnknownWordError as error:
        raise NewerRecordError(identity, f"written by a newer release, with {error}") from error
    except _UNREADABLE as error:
        raise UnreadableRecordError(identity, f"unreadable, {error!r} in {text!r:.200}") from error


def read_or_fault(identity: Identity, text: str) -> WorkHistory | LedgerRecordError:
    """Read a history among many; what is wrong with it takes its place."""
    try:
        return history_from_json(identity, text)
    except LedgerRecordError as error:
        return error


def _only_ascii(text: str) -> str:
    # No release writes anything else; what a client put in place of other bytes could never be compared.
    if not text.isascii():
        raise ValueError("not ASCII")
    return text


def _history_from_dict(identity: Identity, record: Mapping[str, Any]) -> WorkHistory:
    version = record.get("v", _VERSION)
    if isinstance(version, int) and version > _VERSION:
        raise _UnknownWordError(f"version {version}")
    attempts, claim = record["attempts"], record.get("claim")
    if not isinstance(attempts, list):
        raise TypeError("attempts are no list")
    return WorkHistory(
        identity,
        records=tuple(_record_from_dict(identity, each) for each in attempts),
        claim=None if claim is None else _claim_from_list(*claim[:3]),
        requeued=_instant(record.get("requeued")),
    )


def _claim_from_list(number: str, exposures: Sequence[str], until: str | None = None) -> Claim:
    return Claim(int(number), frozenset(map(int, exposures)), _instant(until))


def _lease_from(lease: Sequence[str], incarnation: int) -> LeaseKey:
    name, origin = map(str, lease)
    return LeaseKey(name, origin, int(incarnation))


def _record_as_dict(record: AttemptRecord) -> dict[str, Any]:
    written: dict[str, Any] = {"n": record.attempt.number, "worker": record.worker, "begun": record.begun}
    if record.turn != record.attempt.number:
        written["turn"] = record.turn
    if record.times != 1:
        written["times"] = record.times
    if record.requeued is not None:
        written["requeued"] = record.requeued
    if record.lease is not None:
        written["lease"] = [record.lease.name, record.lease.origin]
        if record.lease.incarnation:
            written["incarnation"] = record.lease.incarnation
    if record.outcome is not None:
        written["ended"] = record.ended
        written["outcome"] = _outcome_as_dict(record.outcome)
    if record.final:
        written["final"] = True
    return written | _notes_as_dict(record)


def _record_from_dict(identity: Identity, written: Mapping[str, Any]) -> AttemptRecord:
    lease = written.get("lease")
    outcome = written.get("outcome")
    number = int(written["n"])
    if outcome is None and written.get("final"):
        raise ValueError(f"attempt {number} is final without an outcome")
    return AttemptRecord(
        attempt=Attempt(identity, number),
        worker=str(written["worker"]),
        begun=UtcSeconds(float(written["begun"])),
        turn=int(written.get("turn", number)),
        times=int(written.get("times", 1)),
        requeued=_instant(written.get("requeued")),
        lease=None if lease is None else _lease_from(lease, written.get("incarnation", 0)),
        outcome=None if outcome is None else _outcome_from_dict(outcome),
        ended=_instant(written.get("ended")),
        final=bool(written.get("final")),
        **_notes_from_dict(written),
    )


def _notes_as_dict(record: AttemptRecord) -> dict[str, Any]:
    written: dict[str, Any] = {}
    if record.seconds:
        written["seconds"] = dict(record.seconds)
    if record.since_shutter is not None:
        written["shutter"] = round(record.since_shutter, 3)
    if record.stage_begun is not None:
        written["stage"] = [record.stage, record.stage_begun]
    if record.about is not None:
        written["about"] = _about_as_list(record.about)
    if record.raws:
        written["raws"] = [[raw.exposure, raw.at, raw.way] for raw in record.raws]
    if record.quality is not None:
        written["quality"] = [list(record.quality.held), *record.quality.values]
    return written


def _about_as_list(about: AboutVisit) -> list[Any]:
    """Write it without names, which would be most of it; more may be added at the end."""
    return [
        about.filters,
        about.coordinate_system.value,
        *about.position,
        about.nimages,
        about.survey,
        about.sent,
        list(about.pipelines),
        list(about.preprocessing),
        about.rule,
    ]


def _about_from_list(written: Sequence[Any]) -> AboutVisit:
    filters, frame, longitude, latitude, nimages, survey, sent, main, before, rule = written[:10]
    about = AboutVisit(
        filters=str(filters),
        coordinate_system=CoordinateSystem(frame),
        position=(float(longitude), float(latitude)),
        nimages=int(nimages),
        survey=str(survey),
        sent=None if sent is None else TaiSeconds(float(sent)),
        pipelines=tuple(map(str, main)),
        preprocessing=tuple(map(str, before)),
        rule=str(rule),
    )
    return _shared(about)


@functools.lru_cache(maxsize=1024)
def _shared(about: AboutVisit) -> AboutVisit:
    """Give all who ask the same copy: who holds a night in memory has it of 200 detectors alike."""
    return about


def _notes_from_dict(written: Mapping[str, Any]) -> dict[str, Any]:
    """Read what only those need who look on; of notes that cannot be read the work does not depend."""
    try:
        stage, begun = written.get("stage") or ("", None)
        shutter, about = written.get("shutter"), written.get("about")
        return {
            "seconds": {
                sys.intern(str(name)): float(spent) for name, spent in written.get("seconds", {}).items()
            },
            "since_shutter": None if shutter is None else float(shutter),
            "stage": str(stage),
            "stage_begun": _instant(begun),
            "about": None if about is None else _about_from_list(about),
            "raws": tuple(
                FoundRaw(int(exposure), UtcSeconds(float(at)), str(way))
                for exposure, at, way, *_ in written.get("raws", ())
            ),
            "quality": _quality_from_list(written.get("quality")),
        }
    except _UNREADABLE as error:
        _LOG.debug("notes of an attempt cannot be read: %r", error)
        return {}


def _quality_from_list(written: Sequence[Any] | None) -> Quality | None:
    """Read measures in the order of this release, which those that an older or newer one has begin with."""
    if written is None:
        return None
    held, *values = written
    known = (None if one is None else float(one) for one in values[: len(MEASURES)])
    return Quality(tuple(known), tuple(map(str, held)))


def _instant(written: str | float | None) -> UtcSeconds | None:
    return None if written is None else UtcSeconds(float(written))


def _outcome_as_dict(outcome: Outcome) -> dict[str, Any]:
    written: dict[str, Any] = _CONVERTER.unstructure(outcome, Outcome.__value__)
    return written


def _outcome_from_dict(written: Mapping[str, Any]) -> Outcome:
    kind = written["kind"]
    if isinstance(kind, str) and kind not in _KINDS:
        raise _UnknownWordError(f"outcome {kind!r:.80}")
    outcome: Outcome = _CONVERTER.structure(written, Outcome.__value__)
    return outcome


def _permanent_failure(word: object, _: object) -> PermanentFailure:
    try:
        return PermanentFailure(word)
    except ValueError as error:
        if isinstance(word, str):
            raise _UnknownWordError(f"reason {word!r:.80} never to try again") from error
        raise


def _snap_status(word: object, _: object) -> SnapStatus | UnknownStatus:
    """Read what became of a snap; of the word of a newer release nothing depends, so that it is kept."""
    if not isinstance(word, str):
        raise TypeError(f"{word!r:.80} is no status of a snap")
    try:
        return SnapStatus(word)
    except ValueError:
        return UnknownStatus(word)


def _compact(record: Mapping[str, Any]) -> str:
    return json.dumps(record, separators=(",", ":"))


_UNREADABLE: Final = (ValueError, LookupError, TypeError, AttributeError, RecursionError)
_KINDS: Final = frozenset(rule.name for rule in RULES.values())
_CONVERTER: Final = cattrs.Converter(omit_if_default=True, detailed_validation=False)
_CONVERTER.register_structure_hook(PermanentFailure, _permanent_failure)
_CONVERTER.register_structure_hook_func(lambda kind: kind == SnapStatus | UnknownStatus, _snap_status)
configure_tagged_union(
    Outcome.__value__, _CONVERTER, tag_name="kind", tag_generator=lambda kind: RULES[kind].name
)
