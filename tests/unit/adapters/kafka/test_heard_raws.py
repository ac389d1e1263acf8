import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.kafka.notifications.heard_raws import HeardRaws
from domain.raws.stored_object import StoredObject

pytestmark = pytest.mark.looptime

NOTES = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from("abc"), st.sampled_from(["v1", "v2", ""])), max_size=30
)


def stored(key: str, version: str) -> StoredObject:
    return StoredObject(bucket="images", key=key, version=version)


@given(notes=NOTES, limit=st.integers(1, 40))
def test_what_is_kept_is_what_came_last_each_version_once(
    notes: list[tuple[int, str, str]], limit: int
) -> None:
    async def tell() -> None:
        heard = HeardRaws(retention=10.0, limit=limit)
        kept: list[tuple[int, StoredObject]] = []
        for detector, key, version in notes:
            note = (detector, stored(key, version))
            heard.add(*note)
            if not version or note not in kept:
                kept = [*kept, note][-limit:]
        for detector in range(3):
            assert list(heard.heard(detector)) == [one for number, one in kept if number == detector]

    asyncio.run(tell())


@given(before=NOTES, after=NOTES)
def test_a_follower_gets_all_that_is_kept_once_and_in_order(
    before: list[tuple[int, str, str]], after: list[tuple[int, str, str]]
) -> None:
    async def tell() -> None:
        heard = HeardRaws(retention=10.0, limit=1000)
        for detector, key, version in before:
            heard.add(detector, stored(key, version))
        news = heard.follow(0)
        found = [await anext(news) for _ in heard.heard(0)]
        for detector, key, version in after:
            heard.add(detector, stored(key, version))
        found += [await anext(news) for _ in heard.heard(0)[len(found) :]]
        assert found == list(heard.heard(0))

    asyncio.run(tell())


async def test_notes_are_forgotten_in_time() -> None:
    heard = HeardRaws(retention=3600.0, limit=10)
    heard.add(0, stored("a", "v1"))
    await asyncio.sleep(1800.0)
    heard.add(0, stored("b", "v1"))
    await asyncio.sleep(1801.0)
    assert list(heard.heard(0)) == [stored("b", "v1")]
    # What is forgotten is news again.
    heard.add(0, stored("a", "v1"))
    assert list(heard.heard(0)) == [stored("b", "v1"), stored("a", "v1")]
