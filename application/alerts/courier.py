"""Send what attempts left in the outbox of alerts, if it is stored, and discard it if not (semantics 17)."""

import asyncio
import logging
from collections.abc import Collection
from enum import Enum

from attrs import evolve, frozen

from domain.times import UtcSeconds
from ports.alert_outbox import AlertBroker, AlertOutbox, LaidPacket, StoredSources, UnreadableAlertsError
from ports.clock import Clock
from ports.ledger import Ledger, LedgerRecordError
from ports.metrics import Counter, Gauge, Metrics
from ports.neighbours import NeighbourUnavailableError

__all__ = ["AlertCourier", "CourierPolicy", "Looked"]

_LOG = logging.getLogger(__name__)

_TURN = 120.0  # Seconds; longer than it takes to send one packet.


@frozen(kw_only=True)
class CourierPolicy:
    """How the courier goes; seconds."""

    interval: float = 10.0
    """Between two looks into the outbox."""
    settling: float
    """After the end of an attempt from when on a transaction of its cannot be committed any more."""


@frozen
class Looked:
    """How many alerts a look into the outbox dealt with, or left."""

    sent: int = 0
    discarded: int = 0
    left: int = 0

    def __add__(self, other: "Looked") -> "Looked":
        return Looked(self.sent + other.sent, self.discarded + other.discarded, self.left + other.left)


class _Verdict(Enum):
    """What is to become of a packet."""

    WAIT = "wait"
    """Its attempt is not at its end."""
    SEND = "send"
    """Its attempt held the claim: what the APDB holds is sent."""
    DISCARD = "discard"
    """Its attempt held no claim."""
    PERSON = "person"
    """Nobody knows."""


class AlertCourier:
    """Looks into the outbox from time to time; one at a time, by a turn in the ledger's store.

    Parameters
    ----------
    name
        Of this courier, which no other has.
    outbox, broker, sources
        What waits, where it goes, and what is stored.
    ledger
        Tells which attempt holds the claim, and how it ended.
    """

    def __init__(
        self,
        *,
        name: str,
        policy: CourierPolicy,
        outbox: AlertOutbox,
        broker: AlertBroker,
        sources: StoredSources,
        ledger: Ledger,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._name = name
        self._policy = policy
        self._outbox = outbox
        self._broker = broker
        self._sources = sources
        self._ledger = ledger
        self._clock = clock
        self._metrics = metrics
        self._said: dict[str, str] = {}
        self._seen: frozenset[str] | None = None

    async def run(self) -> None:
        """Go round until cancelled; what cannot be reached is said once and tried again."""
        trouble = ""
        while True:
            try:
                await self.look()
                trouble = ""
            except NeighbourUnavailableError as error:
                if str(error) != trouble:
                    _LOG.error("alerts in the outbox wait: %s", error)
                trouble = str(error)
            await asyncio.sleep(self._policy.interval)

    async def look(self) -> Looked:
        """Deal with all that lies in the outbox and may be dealt with, if it is this one's turn.

        What lay there at the last look is read: most of the rest is gone by the next one, for
        its attempt sends it by itself.
        """
        done = Looked()
        if not await self._has_turn():
            return done
        names = await self._outbox.names()
        self._said = {name: said for name, said in self._said.items() if name in names}
        seen, self._seen = self._seen, frozenset(names)
        for name in names if seen is None else sorted(seen & self._seen):
            try:
                packet = await self._outbox.read(name)
            except UnreadableAlertsError as error:
                self._say_once(name, f"{name} is left for a person: {error}")
                continue
            if packet is not None:
                done += await self._deal_with(packet)
            if not await self._has_turn():
                return done
        self._metrics.set(Gauge.ALERTS_IN_OUTBOX, done.left)
        return done

    async def _has_turn(self) -> bool:
        return await self._ledger.take_turn("alert courier", self._name, _TURN)

    async def _deal_with(self, packet: LaidPacket) -> Looked:
        count = len(packet.alerts)
        verdict, ended = await self._judge(packet)
        if packet.held and verdict is not _Verdict.DISCARD:
            self._say_once(packet.name, f"{count} alerts of {_of(packet)} are held: {packet.held}")
            return Looked(left=count)
        if verdict is _Verdict.PERSON:
            why = "the ledger knows nothing of its attempt, or cannot read it"
            self._say_once(packet.name, f"{count} alerts of {_of(packet)} are left for a person: {why}")
        if verdict in {_Verdict.PERSON, _Verdict.WAIT}:
            return Looked(left=count)
        if verdict is _Verdict.DISCARD:
            return await self._discard(packet, "their attempt held no claim")
        stored = await self._sources.ids(packet.visit, packet.detector)
        left = await self._send(packet, stored)
        done = Looked(sent=count - len(left.alerts))
        if (
            not any(one.source_id in stored for one in left.alerts)
            and left.alerts
            and self._is_settled(ended)
        ):
            return done + await self._discard(left, "the APDB does not hold their sources")
        return done + Looked(left=len(left.alerts))

    async def _judge(self, packet: LaidPacket) -> tuple[_Verdict, UtcSeconds | None]:
        """Find what the ledger says of a packet's attempt, and when it ended."""
        owner = packet.owner
        try:
            history = await self._ledger.history(owner.identity)
            claim = await self._ledger.claim_on(owner.identity)
        except LedgerRecordError:
            return _Verdict.PERSON, None
        if not history:
            return _Verdict.PERSON, None
        ends = [one.ended for one in history if one.attempt == owner and one.ended is not None]
        holds = claim is not None and claim.number == owner.number
        if claim is not None and holds and claim.until is not None and self._is_settled(claim.until):
            # Nobody closed it. A claim may end with a lease that is renewed: only now it is surely over.
            ends.append(claim.until)
        if not ends and history[-1].attempt.number <= owner.number:
            return _Verdict.WAIT, None
        return (_Verdict.SEND if holds else _Verdict.DISCARD), min(ends, default=None)

    async def _send(self, packet: LaidPacket, stored: Collection[int]) -> LaidPacket:
        """Send those alerts whose sources are stored; returns what is left of the packet."""
        wanted = [one for one in packet.alerts if one.source_id in stored]
        if not wanted:
            return packet
        taken = await self._broker.send([one.message for one in wanted])
        sent = {wanted[place].source_id for place in taken}
        left = evolve(packet, alerts=tuple(one for one in packet.alerts if one.source_id not in sent))
        await self._outbox.replace(left)
        instrument = packet.owner.identity.instrument
        self._metrics.count(Counter.ALERTS_DELIVERED, len(sent), instrument=instrument, end="sent")
        _LOG.info("%d of %d alerts of %s sent", len(sent), len(packet.alerts), _of(packet))
        return left

    async def _discard(self, packet: LaidPacket, why: str) -> Looked:
        ids = " ".join(str(one.source_id) for one in packet.alerts)
        _LOG.warning("%d alerts of %s discarded, %s: %s", len(packet.alerts), _of(packet), why, ids)
        await self._outbox.replace(evolve(packet, alerts=()))
        instrument = packet.owner.identity.instrument
        self._metrics.count(
            Counter.ALERTS_DELIVERED, len(packet.alerts), instrument=instrument, end="discarded"
        )
        return Looked(discarded=len(packet.alerts))

    def _is_settled(self, ended: UtcSeconds | None) -> bool:
        return ended is not None and self._clock.utc() > UtcSeconds(ended + self._policy.settling)

    def _say_once(self, name: str, what: str) -> None:
        if self._said.get(name) != what:
            _LOG.error("%s", what)
        self._said[name] = what


def _of(packet: LaidPacket) -> str:
    return f"visit {packet.visit}, {packet.owner}"
