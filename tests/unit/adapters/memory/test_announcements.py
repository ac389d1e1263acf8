from typing import override

import pytest

from adapters.memory.announcements import MemoryAnnouncements
from domain.visit import Cancellation, Visit
from ports.announcements import Announcements, AnnouncementsUnavailableError
from tests.contract_suites.announcements import AnnouncementsContract, Observatory, visit


class MemoryObservatory(Observatory):
    def __init__(self) -> None:
        self._announcements = MemoryAnnouncements()

    @override
    async def announce(self, content: Visit | Cancellation) -> None:
        await self._announcements.announce(content)

    @override
    async def restarted(self) -> Announcements:
        self._announcements.restart()
        return self._announcements


class TestMemoryAnnouncements(AnnouncementsContract):
    @pytest.fixture
    def observatory(self) -> Observatory:
        return MemoryObservatory()

    async def test_an_outage_is_said_and_passes(self) -> None:
        announcements = MemoryAnnouncements()
        await announcements.announce(visit("a"))
        announcements.outage = "cut off"
        with pytest.raises(AnnouncementsUnavailableError, match="cut off"):
            await announcements.next()
        announcements.outage = ""
        assert (await announcements.next()).content == visit("a")
        assert announcements.unsettled == 1
