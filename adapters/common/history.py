"""The history of a visit-detector as JSON: how ledgers keep it, whatever they are made of.

Names are short and defaults left out, because a night brings 200,000 of them.
What is stored outlives a release: fields may be added, never renamed.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

import cattrs
from cattrs.errors import BaseValidationError
from cattrs.strategies import configure_tagged_union

from domain.times import UtcSeconds
from domain.visit import Identity
from domain.work.attempts import Attempt, AttemptRecord, Claim, HeldLease, WorkHistory
from domain.work.outcomes import RULES, Outcome
from ports.ledger import LedgerUnavailableError

__all__ = [
    "UnreadableRecordError",
    "history_from_json",
    "history_to_json",
    "outcome_from_json",
    "outcome_to_json",
]


class UnreadableRecordError(LedgerUnavailableError):
    """What a ledger holds was not written by this project, or by a newer release of it."""


def outcome_to_json(outcome: Outcome) -> str:
    """Write an outcome, tagged by the name in its rule."""
    return _compact(_outcome_as_dict(outcome))


def outcome_from_json(text: str) -> Outcome:
    """Read an outcome.

    Raises
    ------
    UnreadableRecordError
        Raised if it is none.
    """
    try:
        return _outcome_from_dict(json.loads(text))
    except _UNREADABLE as error:
        raise UnreadableRecordError(f"outcome {text:.200}: {error!r}") from error


def history_to_json(history: WorkHistory) -> str:
    """Write all but the identity, which is the key."""
    record: dict[str, Any] = {"attempts": [_record_as_dict(each) for each in history.records]}
    if history.claim is not None:
        record["claim"] = [history.claim.number, sorted(history.claim.exposures)]
    if history.requeued is not None:
        record["requeued"] = history.requeued
    return _compact(record)


def history_from_json(identity: Identity, text: str | None) -> WorkHistory:
    """Read a history; nothing stored is an empty one.

    Raises
    ------
    UnreadableRecordError
        Raised if it is none.
    """
    if text is None:
        return WorkHistory(identity)
    try:
        record = json.loads(text)
        claim = record.get("claim")
        return WorkHistory(
            identity,
            records=tuple(_record_from_dict(identity, each) for each in record["attempts"]),
            claim=None if claim is None else Claim(claim[0], frozenset(claim[1])),
            requeued=record.get("requeued"),
        )
    except _UNREADABLE as error:
        raise UnreadableRecordError(f"history of {identity}: {error!r} in {text:.200}") from error


def _record_as_dict(record: AttemptRecord) -> dict[str, Any]:
    written: dict[str, Any] = {"n": record.attempt.number, "worker": record.worker, "begun": record.begun}
    if record.turn != record.attempt.number:
        written["turn"] = record.turn
    if record.requeued is not None:
        written["requeued"] = record.requeued
    if record.lease is not None:
        written["lease"] = [record.lease.name, record.lease.origin]
    if record.outcome is not None:
        written["ended"] = record.ended
        written["outcome"] = _outcome_as_dict(record.outcome)
    if record.final:
        written["final"] = True
    return written


def _record_from_dict(identity: Identity, written: Mapping[str, Any]) -> AttemptRecord:
    lease = written.get("lease")
    outcome = written.get("outcome")
    return AttemptRecord(
        attempt=Attempt(identity, written["n"]),
        worker=written["worker"],
        begun=UtcSeconds(written["begun"]),
        turn=written.get("turn", written["n"]),
        requeued=written.get("requeued"),
        lease=None if lease is None else HeldLease(*lease),
        outcome=None if outcome is None else _outcome_from_dict(outcome),
        ended=written.get("ended"),
        final=written.get("final", False),
    )


def _outcome_as_dict(outcome: Outcome) -> dict[str, Any]:
    written: dict[str, Any] = _CONVERTER.unstructure(outcome, Outcome.__value__)
    return written


def _outcome_from_dict(written: object) -> Outcome:
    outcome: Outcome = _CONVERTER.structure(written, Outcome.__value__)
    return outcome


def _compact(record: Mapping[str, Any]) -> str:
    return json.dumps(record, separators=(",", ":"))


_UNREADABLE: Final = (ValueError, LookupError, TypeError, AttributeError, BaseValidationError)
_CONVERTER: Final = cattrs.Converter(omit_if_default=True)
configure_tagged_union(
    Outcome.__value__, _CONVERTER, tag_name="kind", tag_generator=lambda kind: RULES[kind].name
)
