"""What every outbox of alerts keeps to."""

import abc

import pytest
from attrs import evolve

from domain.visit import Identity
from domain.work.attempts import Attempt
from ports.alert_outbox import AlertOutbox, LaidAlert, LaidPacket, UnreadableAlertsError

__all__ = ["OWNER", "AlertOutboxContract", "OutboxBench"]

OWNER = Attempt(Identity("LATISS", "a/group é", 4), 2)


class OutboxBench(abc.ABC):
    """An outbox, and tasks that fill it."""

    outbox: AlertOutbox

    @abc.abstractmethod
    async def lay(self, *messages: bytes, held: str = "") -> None:
        """Lay the alerts of visit 7 down for `OWNER`; their diaSourceIds count from 1."""

    @abc.abstractmethod
    async def lay_nonsense(self) -> None:
        """Lay something down that says nothing."""


class AlertOutboxContract:
    async def test_what_was_laid_down_is_read_as_it_is(self, bench: OutboxBench) -> None:
        assert await bench.outbox.names() == []
        await bench.lay(b"one", b"two", held="why")
        [name] = await bench.outbox.names()
        packet = await bench.outbox.read(name)
        assert packet == LaidPacket(
            name=name,
            owner=OWNER,
            visit=7,
            detector=4,
            alerts=(LaidAlert(1, b"one"), LaidAlert(2, b"two")),
            held="why",
        )

    async def test_a_packet_that_is_replaced_keeps_what_is_said_of_it(self, bench: OutboxBench) -> None:
        await bench.lay(b"one", b"two", held="why")
        [name] = await bench.outbox.names()
        packet = await bench.outbox.read(name)
        assert packet is not None
        rest = evolve(packet, alerts=packet.alerts[1:], held="")
        await bench.outbox.replace(rest)
        assert await bench.outbox.read(name) == rest

    async def test_a_packet_without_alerts_is_gone(self, bench: OutboxBench) -> None:
        await bench.lay(b"one")
        [name] = await bench.outbox.names()
        packet = await bench.outbox.read(name)
        assert packet is not None
        for _ in range(2):
            await bench.outbox.replace(evolve(packet, alerts=()))
        assert (await bench.outbox.names(), await bench.outbox.read(name)) == ([], None)

    async def test_what_does_not_say_whose_it_is_is_an_error(self, bench: OutboxBench) -> None:
        await bench.lay_nonsense()
        [name] = await bench.outbox.names()
        with pytest.raises(UnreadableAlertsError, match="whose"):
            await bench.outbox.read(name)
