from typing import override

import pytest

from adapters.memory.outputs.alerts import MemoryAlertOutbox
from ports.alert_outbox import AlertOutboxUnavailableError, LaidAlert, LaidPacket
from tests.contract_suites.alert_outbox import OWNER, AlertOutboxContract, OutboxBench


class _Bench(OutboxBench):
    def __init__(self) -> None:
        self.outbox: MemoryAlertOutbox = MemoryAlertOutbox()

    @override
    async def lay(self, *messages: bytes, held: str = "") -> None:
        alerts = tuple(LaidAlert(number, message) for number, message in enumerate(messages, start=1))
        self.outbox.lay(LaidPacket(name="7-4", owner=OWNER, visit=7, detector=4, alerts=alerts, held=held))

    @override
    async def lay_nonsense(self) -> None:
        self.outbox.packets["odd"] = None


class TestMemoryAlertOutbox(AlertOutboxContract):
    @pytest.fixture
    def bench(self) -> OutboxBench:
        return _Bench()


async def test_an_outage_is_said() -> None:
    outbox = MemoryAlertOutbox()
    outbox.outage = "cut off"
    with pytest.raises(AlertOutboxUnavailableError, match="cut off"):
        await outbox.names()
