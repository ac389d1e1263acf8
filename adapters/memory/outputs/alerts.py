"""Alerts that wait, where they go and what is stored, in memory."""

from collections.abc import Collection, Sequence

from ports.alert_outbox import (
    AlertBrokerUnavailableError,
    AlertOutboxUnavailableError,
    LaidPacket,
    StoredSourcesUnavailableError,
    UnreadableAlertsError,
)

__all__ = ["MemoryAlertBroker", "MemoryAlertOutbox", "MemoryStoredSources"]


class MemoryAlertOutbox:
    """`ports.alert_outbox.AlertOutbox`; None in `packets` is a file that says nothing.

    `outage` is for tests, here and below: while it is not blank, nothing can be reached for that reason.
    """

    def __init__(self) -> None:
        self.outage = ""
        self.packets: dict[str, LaidPacket | None] = {}

    def lay(self, packet: LaidPacket) -> None:
        """Lay a packet down, as an attempt does."""
        self.packets[packet.name] = packet

    async def names(self) -> Sequence[str]:
        """See `ports.alert_outbox.AlertOutbox.names`."""
        self._check()
        return sorted(self.packets)

    async def read(self, name: str) -> LaidPacket | None:
        """See `ports.alert_outbox.AlertOutbox.read`."""
        self._check()
        if name in self.packets and self.packets[name] is None:
            raise UnreadableAlertsError("it does not say whose alerts it holds")
        return self.packets.get(name)

    async def replace(self, packet: LaidPacket) -> None:
        """See `ports.alert_outbox.AlertOutbox.replace`."""
        self._check()
        if packet.alerts:
            self.packets[packet.name] = packet
        else:
            self.packets.pop(packet.name, None)

    def _check(self) -> None:
        if self.outage:
            raise AlertOutboxUnavailableError(f"alert outbox: {self.outage}")


class MemoryAlertBroker:
    """`ports.alert_outbox.AlertBroker`; what is in `refused` it never takes."""

    def __init__(self) -> None:
        self.outage = ""
        self.refused: set[bytes] = set()
        self.taken: list[bytes] = []

    async def send(self, messages: Sequence[bytes]) -> Collection[int]:
        """See `ports.alert_outbox.AlertBroker.send`."""
        if self.outage:
            raise AlertBrokerUnavailableError(f"alert broker: {self.outage}")
        taken = [number for number, message in enumerate(messages) if message not in self.refused]
        self.taken += [messages[number] for number in taken]
        return taken


class MemoryStoredSources:
    """`ports.alert_outbox.StoredSources`."""

    def __init__(self) -> None:
        self.outage = ""
        self.stored: dict[tuple[int, int], set[int]] = {}

    async def ids(self, visit: int, detector: int) -> Collection[int]:
        """See `ports.alert_outbox.StoredSources.ids`."""
        if self.outage:
            raise StoredSourcesUnavailableError(f"APDB: {self.outage}")
        return frozenset(self.stored.get((visit, detector), ()))
