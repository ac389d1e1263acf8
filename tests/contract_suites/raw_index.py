"""What every index of raws must hold, in memory and for real."""

import asyncio

from ports.raw_index import RawIndex, RawSlot

__all__ = ["RawIndexContract", "a_slot"]


def a_slot(detector: str = "R22_S11", snap: int = 0, group: str = "2026-03-14T02:15:07.310#2") -> RawSlot:
    return RawSlot("LSSTCam", group, snap, detector)


class RawIndexContract:
    """Tests of `ports.raw_index.RawIndex`; the lifetime is that of a night."""

    async def test_what_was_put_is_found(self, index: RawIndex) -> None:
        await index.put({a_slot(): "s3://bucket/a b%20c.fits"})
        assert list(await index.find([a_slot()])) == ["s3://bucket/a b%20c.fits"]

    async def test_answers_keep_the_order_of_the_questions(self, index: RawIndex) -> None:
        await index.put({a_slot("R22_S11"): "s3://b/1", a_slot("R00_SW0"): "s3://b/2"})
        slots = [a_slot("R00_SW0"), a_slot("R01_S00"), a_slot("R22_S11"), a_slot("R00_SW0")]
        assert list(await index.find(slots)) == ["s3://b/2", None, "s3://b/1", "s3://b/2"]

    async def test_snaps_groups_and_detectors_are_told_apart(self, index: RawIndex) -> None:
        await index.put({a_slot(): "s3://b/1"})
        assert (
            list(await index.find([a_slot(snap=1), a_slot(group="other"), a_slot("R22_S12")])) == [None] * 3
        )

    async def test_a_later_uri_replaces_an_earlier_one(self, index: RawIndex) -> None:
        await index.put({a_slot(): "s3://b/1"})
        await index.put({a_slot(): "s3://b/2"})
        assert list(await index.find([a_slot()])) == ["s3://b/2"]

    async def test_nothing_asked_is_nothing_answered(self, index: RawIndex) -> None:
        await index.put({})
        assert list(await index.find([])) == []

    async def test_each_of_many_at_once_gets_its_own_answer(self, index: RawIndex) -> None:
        slots = [a_slot(group=f"g{number}") for number in range(300)]
        await index.put({slot: f"s3://b/{slot.group}" for slot in slots[::2]})
        found = await asyncio.gather(*[index.find([slot, a_slot(group="absent")]) for slot in slots])
        expected = [[f"s3://b/{slot.group}" if i % 2 == 0 else None, None] for i, slot in enumerate(slots)]
        assert [list(each) for each in found] == expected

    async def test_who_stops_asking_disturbs_nobody(self, index: RawIndex) -> None:
        await index.put({a_slot(): "s3://b/1"})
        impatient = [asyncio.create_task(index.find([a_slot()])) for _ in range(3)]
        patient = asyncio.create_task(index.find([a_slot()]))
        await asyncio.sleep(0)
        for task in impatient:
            task.cancel()
        assert list(await patient) == ["s3://b/1"]
        await asyncio.gather(*impatient, return_exceptions=True)
        assert list(await index.find([a_slot()])) == ["s3://b/1"]
