import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.kafka.notifications.heard_raws import HeardRaws
from domain.raws.raw_keys import RawKey
from domain.raws.stored_object import StoredObject
from domain.raws.stored_raw import StoredRaw

pytestmark = pytest.mark.looptime

NOTES = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from("abc"), st.sampled_from(["v1", "v2", ""])), max_size=30
)


def a_raw(detector: int, key: str, version: str) -> StoredRaw:
    stored = StoredObject(bucket="images", key=key, version=version)
    return StoredRaw(RawKey(key=key, instrument="SimCam", detector=detector), stored)


@given(notes=NOTES, limit=st.integers(1, 40))
def test_what_is_kept_is_what_came_last_each_version_once(
    notes: list[tuple[int, str, str]], limit: int
) -> None:
    async def tell() -> None:
        heard = HeardRaws(retention=10.0, limit=limit)
        kept: list[StoredRaw] = []
        for detector, key, version in notes:
            note = a_raw(detector, key, version)
            heard.add(note)
            if not version or note not in kept:
                kept = [*kept, note][-limit:]
        for detector in range(3):
            assert list(heard.heard(detector)) == [one for one in kept if one.key.detector == detector]

    asyncio.run(tell())


@given(before=NOTES, after=NOTES)
def test_a_follower_gets_all_that_is_kept_once_and_in_order(
    before: list[tuple[int, str, str]], after: list[tuple[int, str, str]]
) -> None:
    async def tell() -> None:
        heard = HeardRaws(retention=10.0, limit=1000)
        for detector, key, version in before:
            heard.add(a_raw(detector, key, version))
        news = heard.follow(0)
        found = [await anext(news) for _ in heard.heard(0)]
        for detector, key, version in after:
            heard.add(a_raw(detector, key, version))
        found += [await anext(news) for _ in heard.heard(0)[len(found) :]]
        assert found == list(heard.heard(0))

    asyncio.run(tell())


async def test_notes_are_forgotten_in_time() -> None:
    heard = HeardRaws(retention=3600.0, limit=10)
    heard.add(a_raw(0, "a", "v1"))
    await asyncio.sleep(1800.0)
    heard.add(a_raw(0, "b", "v1"))
    await asyncio.sleep(1801.0)
    assert list(heard.heard(0)) == [a_raw(0, "b", "v1")]
    # What is forgotten is news again.
    heard.add(a_raw(0, "a", "v1"))
    assert list(heard.heard(0)) == [a_raw(0, "b", "v1"), a_raw(0, "a", "v1")]
