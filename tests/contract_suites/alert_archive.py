"""What every archive of alerts must hold, in memory and for real."""

import abc
from typing import Any

import pytest
from attrs import evolve

from ports.alert_archive import AlertArchive, AlertArchiveUnavailableError, KeptAlert, NoSuchAlertError

__all__ = ["AN_ALERT", "AlertArchiveBench", "AlertArchiveContract"]

AN_ALERT = KeptAlert(source_id=1, object_id=11, visit=21, detector=5, processed=61000.3, is_waiting=False)


class AlertArchiveBench(abc.ABC):
    """An archive, and a way to fill it."""

    archive: AlertArchive

    @abc.abstractmethod
    def put(self, *alerts: KeptAlert) -> None:
        """Keep alerts where the archive finds them."""

    @abc.abstractmethod
    def cut_off(self) -> None:
        """Make what was kept unreadable."""


class AlertArchiveContract:
    """Tests of `ports.alert_archive.AlertArchive`."""

    @pytest.mark.parametrize(
        ("asked", "wanted"),
        [
            ({}, [2, 1, 3]),
            ({"visit": 21}, [2, 1]),
            ({"visit": 21, "detector": 5}, [1]),
            ({"object_id": 11}, [1, 3]),
        ],
    )
    async def test_alerts_are_found_in_the_order_of_processing(
        self, kept: AlertArchiveBench, asked: dict[str, Any], wanted: list[int]
    ) -> None:
        other = evolve(AN_ALERT, source_id=2, object_id=0, detector=6, processed=61000.2)
        kept.put(AN_ALERT, other, evolve(AN_ALERT, source_id=3, visit=22, processed=61000.4))
        assert [one.source_id for one in await kept.archive.alerts(**asked)] == wanted
        assert (await kept.archive.alerts())[1] == AN_ALERT

    async def test_an_alert_is_given_whole_or_said_to_be_absent(self, kept: AlertArchiveBench) -> None:
        kept.put(AN_ALERT, evolve(AN_ALERT, source_id=2))
        assert (await kept.archive.packet(2))["diaSource"]["visit"] == 21
        with pytest.raises(NoSuchAlertError, match="404"):
            await kept.archive.packet(404)

    async def test_alerts_that_wait_are_told_from_those_that_were_sent(self, kept: AlertArchiveBench) -> None:
        kept.put(AN_ALERT, evolve(AN_ALERT, source_id=2, is_waiting=True))
        assert [one.is_waiting for one in await kept.archive.alerts()] == [False, True]

    async def test_an_archive_that_cannot_be_read_says_so(self, kept: AlertArchiveBench) -> None:
        kept.put(AN_ALERT)
        kept.cut_off()
        with pytest.raises(AlertArchiveUnavailableError):
            await kept.archive.alerts()
