"""What every archive of sources must hold, in memory and for real."""

import abc
from collections.abc import Sequence
from typing import Any

import pytest
from attrs import evolve

from domain.results.sources import DiaSource, ForcedSource, ObjectOrder, SourceOrder, SourceQuery
from ports.source_archive import NoSuchSourceError, SourceArchive, SourceArchiveUnavailableError

__all__ = ["NIGHT", "SourceArchiveBench", "SourceArchiveContract", "a_source"]

_A_SOURCE = DiaSource(
    source_id=1, object_id=11, visit=21, detector=5, band="r", mjd=61000.25, ra=150.1, dec=-2.3, x=101.5,
    y=7.25, snr=12.0, flux=900.0, flux_err=75.0, science_flux=1500.0,
    ra_err=2.0**-10, dec_err=2.0**-9, template_flux=600.0, reliability=0.75,
)  # fmt: skip


def a_source(source_id: int, **changes: Any) -> DiaSource:
    return evolve(_A_SOURCE, source_id=source_id, **changes)


NIGHT = (
    a_source(1, mjd=61000.25),
    a_source(2, mjd=61000.35, visit=22, snr=6.0, flux=450.0, science_flux=750.0),
    a_source(3, mjd=61000.30, object_id=12, band="g", snr=5.0, flux=-300.0),
    a_source(4, mjd=61000.30, object_id=0, detector=4, snr=40.0),
)
"""Of object 11 two sightings, of 12 one, and one of a body of the Solar System."""


class SourceArchiveBench(abc.ABC):
    """An archive, and a way to fill it."""

    archive: SourceArchive

    @abc.abstractmethod
    def put(self, sources: Sequence[DiaSource]) -> None:
        """Put sources where the archive finds them."""

    @abc.abstractmethod
    def put_forced(self, sources: Sequence[ForcedSource]) -> None:
        """Put measurements where the archive finds them."""

    @abc.abstractmethod
    def cut_off(self) -> None:
        """Make the archive unreachable."""


class SourceArchiveContract:
    """Tests of `ports.source_archive.SourceArchive`."""

    async def test_sources_come_in_the_order_of_time(self, kept: SourceArchiveBench) -> None:
        kept.put(NIGHT)
        assert list(await kept.archive.sources(SourceQuery())) == [NIGHT[i] for i in (0, 3, 2, 1)]

    @pytest.mark.parametrize(
        ("query", "wanted"),
        [
            (SourceQuery(visit=22), [2]),
            (SourceQuery(detector=4), [4]),
            (SourceQuery(object_id=11), [1, 2]),
            (SourceQuery(object_id=0), [4]),
            (SourceQuery(band="g"), [3]),
            (SourceQuery(band="'; DROP TABLE"), []),
            (SourceQuery(snr_at_least=6.0), [1, 4, 2]),
            (SourceQuery(since=61000.28, until=61000.32), [4, 3]),
            (SourceQuery(detector=5, snr_at_least=6.0, visit=21), [1]),
        ],
    )
    async def test_every_condition_must_hold(
        self, kept: SourceArchiveBench, query: SourceQuery, wanted: list[int]
    ) -> None:
        kept.put(NIGHT)
        assert [one.source_id for one in await kept.archive.sources(query)] == wanted
        assert await kept.archive.count(query) == len(wanted)

    @pytest.mark.parametrize(
        ("order", "wanted"), [(SourceOrder.SNR, [4, 1, 2, 3]), (SourceOrder.FLUX, [4, 1, 2, 3])]
    )
    async def test_sources_are_sorted_before_they_are_cut(
        self, kept: SourceArchiveBench, order: SourceOrder, wanted: list[int]
    ) -> None:
        kept.put([*NIGHT[:3], evolve(NIGHT[3], flux=-2000.0)])
        pages = [await kept.archive.sources(SourceQuery(), 2, offset, order) for offset in (0, 2)]
        assert [one.source_id for page in pages for one in page] == wanted

    @pytest.mark.parametrize(
        ("order", "wanted"),
        [
            (ObjectOrder.SIGHTINGS, [11, 12, 13]),
            (ObjectOrder.ONCE, [13, 12, 11]),
            (ObjectOrder.SNR, [13, 11, 12]),
            (ObjectOrder.LAST, [13, 11, 12]),
        ],
    )
    async def test_objects_are_sorted_before_they_are_cut(
        self, kept: SourceArchiveBench, order: ObjectOrder, wanted: list[int]
    ) -> None:
        kept.put([*NIGHT, a_source(5, object_id=13, mjd=61000.4, snr=30.0)])
        pages = [await kept.archive.objects(SourceQuery(), 2, offset, order) for offset in (0, 2)]
        assert [one.object_id for page in pages for one in page] == wanted

    async def test_pages_follow_each_other(self, kept: SourceArchiveBench) -> None:
        kept.put([a_source(i, mjd=61000.0 + i) for i in range(1, 8)])
        pages = [await kept.archive.sources(SourceQuery(), limit=3, offset=offset) for offset in (0, 3, 6, 9)]
        assert [[one.source_id for one in page] for page in pages] == [[1, 2, 3], [4, 5, 6], [7], []]

    async def test_one_source_is_found_or_said_to_be_absent(self, kept: SourceArchiveBench) -> None:
        kept.put(NIGHT)
        assert await kept.archive.source(3) == NIGHT[2]
        with pytest.raises(NoSuchSourceError, match="404"):
            await kept.archive.source(404)

    async def test_objects_are_summed_up(self, kept: SourceArchiveBench) -> None:
        kept.put(NIGHT)
        often, once = await kept.archive.objects(SourceQuery())
        assert (often.object_id, often.sightings, often.strongest) == (11, 2, 1)
        assert (often.first, often.last) == (61000.25, 61000.35)
        assert (often.faintest, often.brightest) == (450.0, 900.0)
        assert often.range_mag == pytest.approx(0.7526, abs=1e-4)
        assert (once.object_id, once.sightings, str(once.range_mag)) == (12, 1, "nan")
        assert [one.object_id for one in await kept.archive.objects(SourceQuery(), limit=1, offset=1)] == [12]

    async def test_objects_count_only_the_sources_that_were_asked_for(self, kept: SourceArchiveBench) -> None:
        kept.put(NIGHT)
        (found,) = await kept.archive.objects(SourceQuery(visit=22))
        assert (found.object_id, found.sightings, found.strongest) == (11, 1, 2)

    async def test_an_object_may_lie_where_right_ascension_begins(self, kept: SourceArchiveBench) -> None:
        kept.put([a_source(1, ra=359.9999), a_source(2, ra=0.0003)])
        (found,) = await kept.archive.objects(SourceQuery())
        assert found.ra == pytest.approx(0.0001)

    async def test_forced_photometry_comes_in_the_order_of_time(self, kept: SourceArchiveBench) -> None:
        first, later = (
            ForcedSource(
                object_id=11, visit=21 + i, detector=5, band="r", mjd=61000.25 + i, flux=-3.0, flux_err=75.0,
                science_flux=600.0, science_flux_err=80.0,
            )
            for i in range(2)
        )  # fmt: skip
        kept.put_forced([later, evolve(first, object_id=12), first])
        assert list(await kept.archive.forced(11)) == [first, later]
        assert list(await kept.archive.forced(404)) == []

    async def test_an_empty_archive_has_nothing(self, kept: SourceArchiveBench) -> None:
        assert await kept.archive.count(SourceQuery()) == 0
        assert list(await kept.archive.sources(SourceQuery())) == []
        assert list(await kept.archive.objects(SourceQuery())) == []

    async def test_an_archive_that_is_away_says_so(self, kept: SourceArchiveBench) -> None:
        kept.put(NIGHT)
        kept.cut_off()
        with pytest.raises(SourceArchiveUnavailableError):
            await kept.archive.sources(SourceQuery())
        with pytest.raises(SourceArchiveUnavailableError):
            await kept.archive.forced(11)
