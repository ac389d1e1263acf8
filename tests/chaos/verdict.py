"""What must be true after a seed (semantics 1 to 12), whatever was broken."""

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import redis
from attrs import field, frozen
from lsst.daf.butler import Butler

from domain.visit import Identity
from domain.work.attempts import AttemptRecord
from domain.work.outcomes import RULES, Cancelled, Completed, FailedAfterChange, NoImages, describe
from tests.chaos.consumers import Place, faults_of
from tests.chaos.excuses import excuse
from tests.chaos.places import alerted, outputs, recorded, stored
from tests.chaos.plan import VisitPlan
from tests.chaos.seed import Played
from tests.chaos.servers import Servers

__all__ = ["Outcomes", "Verdict", "judge", "judge_outcomes"]


@frozen(kw_only=True)
class Verdict:
    """What a seed came to; all lists name visit-detectors, exposures or things, with the reason."""

    outcomes: Mapping[str, int]
    lost: Sequence[str]
    doubled: Sequence[str]
    left: Sequence[str]
    """Leases, processes, consumers, folders."""
    after_change: Sequence[str] = field(factory=tuple)
    """What a kill between claim and writer's message cost, or an APDB that went away; with that fault."""
    late: Sequence[str] = field(factory=tuple)
    """What a clock that was off cost, and `reconcile` finds."""

    @property
    def is_good(self) -> bool:
        """Whether nothing was lost, doubled or left."""
        return not (self.lost or self.doubled or self.left)


@frozen
class Outcomes:
    """What the ledger says of a seed."""

    counts: Counter[str] = field(factory=Counter)
    lost: list[str] = field(factory=list)
    after_change: list[str] = field(factory=list)
    late: list[str] = field(factory=list)
    done: dict[tuple[int, int], Identity] = field(factory=dict)
    """What is said to be completed, by exposure and detector."""


def judge(servers: Servers, played: Played) -> Verdict:
    """Compare the ledger, the record outside, the APDB, the alerts and the central repository."""
    told = judge_outcomes(played)
    wrong, twice = _compare(servers, told.done, may_repeat=_may_repeat_alerts(played))
    return Verdict(
        outcomes=told.counts,
        lost=told.lost + wrong,
        doubled=twice,
        left=_left_behind(servers, played),
        after_change=told.after_change,
        late=told.late,
    )


def judge_outcomes(played: Played) -> Outcomes:
    """Look in the ledger for what was lost, and for what a fault of the plan explains."""
    told = Outcomes()
    for (number, _), identity in played.identities.items():
        records = played.histories[identity]
        told.lost.extend(_faults_of_history(identity, records))
        last = records[-1] if records else None
        told.counts[RULES[type(last.outcome)].name if last and last.outcome else "none"] += 1
        if last is not None and last.outcome is not None:
            _judge_outcome(told, played, played.plan.visits[number], last)
    return told


def _judge_outcome(told: Outcomes, played: Played, visit: VisitPlan, last: AttemptRecord) -> None:
    identity = last.attempt.identity
    match last.outcome:
        case Completed(snaps=snaps):
            good = [snap for snap in snaps if snap.result == "completed"]
            told.done.update({(snap.exposure, identity.detector): identity for snap in good})
            if not len(good) == len(snaps) == visit.snaps:
                told.lost.append(f"{_name(identity)}: {len(snaps)} of {visit.snaps} snaps")
        case FailedAfterChange() as outcome:
            fault = excuse(last, played.evidence[identity], played.occurrences)
            line = f"{_name(identity)}: {describe(outcome)}"
            if fault is None:
                told.lost.append(f"{line}, which no fault of the plan explains")
            else:
                told.after_change.append(f"{line}, by {fault}")
        case NoImages() as outcome if last.worker in played.skewed and visit.fate == "good":
            told.late.append(f"{_name(identity)}: {describe(outcome)}")
        case None:
            pass
        case outcome if not _is_excused(visit, outcome):
            told.lost.append(f"{_name(identity)}: {describe(outcome)}")


def _name(identity: Identity) -> str:
    return f"{identity.group} {identity.detector}"


def _is_excused(visit: VisitPlan, outcome: object) -> bool:
    """Whether the plan itself wanted the visit to end so."""
    if visit.fate == "cancelled":
        return isinstance(outcome, Cancelled | NoImages)
    return visit.fate == "poisoned" and not isinstance(outcome, Completed | FailedAfterChange)


def _faults_of_history(identity: Identity, records: Sequence[AttemptRecord]) -> list[str]:
    """Exactly one final outcome, and it is the last attempt's."""
    if not records:
        return [f"{_name(identity)}: the ledger knows nothing of it"]
    faults = []
    if not records[-1].final or records[-1].outcome is None:
        faults.append(f"{_name(identity)}: no final outcome after {len(records)} attempts")
    if any(record.final for record in records[:-1]):
        faults.append(f"{_name(identity)}: more than one final outcome")
    return faults


def _may_repeat_alerts(played: Played) -> bool:
    """Say whether an acknowledgement or who waited for it may have been lost: then the same is sent again."""
    lossy = ("broker", "alerts", "kill worker", "kill child")
    return any(one.kind.startswith(lossy) for one in played.occurrences)


def _compare(
    servers: Servers, done: Mapping[tuple[int, int], Identity], *, may_repeat: bool
) -> tuple[list[str], list[str]]:
    """Look for what was completed in each place where it must be once, for anything twice, and for alerts
    that are not of what is stored, and the other way round.
    """
    lost, doubled = [], []
    places = {
        "record": recorded(servers.record),
        "APDB": stored(servers.folder),
        "alerts": alerted(servers.kafka_address),
        "central repository": Counter({key: len(refs) for key, refs in outputs(servers).items()}),
    }
    for place, found in places.items():
        lost += [
            f"{_name(done[key])}: exposure {key[0]} is not in the {place}" for key in done if not found[key]
        ]
        doubled += [
            f"exposure {key[0]} {key[1]}: {many} times in the {place}"
            for key, many in found.items()
            if many > 1 and not (may_repeat and place == "alerts")
        ]
    sources, alerts = places["APDB"], places["alerts"]
    lost += [
        f"exposure {key} was stored, and there is no alert of it" for key in sources.keys() - alerts.keys()
    ]
    doubled += [f"an alert of exposure {key}, which is not stored" for key in alerts.keys() - sources.keys()]
    return lost + _unreadable(servers, done), doubled


def _unreadable(servers: Servers, done: Mapping[tuple[int, int], Identity]) -> list[str]:
    faults = []
    with Butler.from_config(str(servers.addresses.repository), writeable=False) as butler:
        for key, refs in outputs(servers).items():
            if key in done:
                try:
                    content: Any = butler.get(refs[0])
                    assert content["exposure"] == key[0]
                except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
                    faults.append(f"{_name(done[key])}: {key[0]} cannot be read: {error!r}")
    return faults


def _left_behind(servers: Servers, played: Played) -> list[str]:
    left = [f"{name} had to be killed" for name in played.forced]
    left += [f"{name} ended with exit code {code}" for name, code in _bad_codes(played.places)]
    left += faults_of(played.consumers, played.places)
    left += _in_redis(servers)
    left += [f"process {pid}" for pid in _processes(str(servers.folder / "tmp"))]
    for folder in ("tmp", "local", *(path.name for path in servers.folder.glob("disk*"))):
        left += [f"{folder}/{path.name}" for path in (servers.folder / folder).iterdir()]
    return left


def _bad_codes(places: Mapping[str, Place]) -> list[tuple[str, int]]:
    """Everything but 0, SIGKILL, SIGTERM before the process heeds it, and 1 of who could not start."""
    return [
        (name, code) for name, place in places.items() for code in place.codes if code not in {0, 1, -9, -15}
    ]


def _in_redis(servers: Servers) -> list[str]:
    stream = servers.stream
    left = []
    with redis.Redis(port=servers.redis.port, decode_responses=True) as client:
        if postponed := client.zcard(f"{stream}:delayed"):
            left.append(f"{postponed} deliveries that are postponed")
        groups: Iterable[Mapping[str, Any]] = client.xinfo_groups(stream)
        for group in groups:
            if group["pending"]:
                left.append(f"{group['pending']} leases")
            if group["lag"]:
                left.append(f"{group['lag']} deliveries that wait")
    return left


def _processes(text: str) -> list[str]:
    """Find processes in whose environment a text stands."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            try:
                if text.encode() in (process / "environ").read_bytes():
                    found.append(process.name)
            except OSError:
                continue  # It has ended, or is not ours.
    return found
