"""Lookups that come together are one call of the index."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.raw_microservice.server.merged_index import MergedIndex
from ports.raw_index import RawIndexUnavailableError, RawSlot

pytestmark = pytest.mark.looptime


class _Index:
    """Tells of each slot its group, after a while, and remembers how it was asked."""

    def __init__(self, pause: float = 0.01) -> None:
        self.pause = pause
        self.calls: list[int] = []
        self.under_way = 0
        self.failure: Exception | None = None

    async def put(self, found: Mapping[RawSlot, str]) -> None:
        raise NotImplementedError(found)

    async def find(self, slots: Sequence[RawSlot]) -> Sequence[str | None]:
        self.calls.append(len(slots))
        self.under_way += 1
        assert self.under_way == 1
        try:
            await asyncio.sleep(self.pause)
        finally:
            self.under_way -= 1
        if self.failure is not None:
            raise self.failure
        return [slot.group or None for slot in slots]


def _slots(*groups: str) -> Sequence[RawSlot]:
    return [RawSlot("LSSTCam", group, 0, "R22_S11") for group in groups]


@given(st.lists(st.tuples(st.floats(0, 0.1), st.lists(st.sampled_from(["", "a", "b", "c"]))), max_size=20))
async def test_everybody_gets_an_own_answer(questions: list[tuple[float, list[str]]]) -> None:
    merged = MergedIndex(_Index(), patience=1.0)

    async def ask(wait: float, groups: list[str]) -> Sequence[str | None]:
        await asyncio.sleep(wait)
        return await merged.find(_slots(*groups))

    answers = await asyncio.gather(*(ask(wait, groups) for wait, groups in questions))
    assert [list(answer) for answer in answers] == [
        [group or None for group in groups] for _, groups in questions
    ]


async def test_what_comes_during_a_call_is_one_call() -> None:
    index = _Index()
    merged = MergedIndex(index, patience=1.0)
    first = asyncio.ensure_future(merged.find(_slots("a")))
    await asyncio.sleep(0.005)
    await asyncio.gather(first, *(merged.find(_slots("a", "b")) for _ in range(50)))
    assert index.calls == [1, 100]


async def test_who_goes_away_takes_nobody_along() -> None:
    merged = MergedIndex(_Index(), patience=1.0)
    leaving = asyncio.ensure_future(merged.find(_slots("a")))
    staying = asyncio.ensure_future(merged.find(_slots("b")))
    await asyncio.sleep(0.005)
    leaving.cancel()
    assert await staying == ["b"]
    assert await merged.find(_slots("c")) == ["c"]


@pytest.mark.parametrize("failure", [RawIndexUnavailableError("away"), LookupError("a mistake")])
async def test_all_who_asked_together_are_told_of_a_failure(failure: Exception) -> None:
    index = _Index()
    index.failure = failure
    merged = MergedIndex(index, patience=1.0)
    outcomes = await asyncio.gather(*(merged.find(_slots("a")) for _ in range(3)), return_exceptions=True)
    assert outcomes == [failure] * 3
    index.failure = None
    assert await merged.find(_slots("a")) == ["a"]


async def test_nobody_waits_longer_than_patience_even_behind_a_call_that_hangs() -> None:
    index = _Index(pause=3600.0)
    merged = MergedIndex(index, patience=1.0)
    loop = asyncio.get_running_loop()
    began = loop.time()
    behind = asyncio.ensure_future(merged.find(_slots("a")))
    await asyncio.sleep(0.1)
    with pytest.raises(RawIndexUnavailableError, match=r"0\.5 s"):
        await merged.find(_slots("b"))
    assert loop.time() - began <= 1.1
    with pytest.raises(RawIndexUnavailableError):
        await behind


async def test_a_call_holds_no_more_than_it_may_and_those_who_wait_neither() -> None:
    index = _Index()
    merged = MergedIndex(index, patience=1.0, at_once=4, waiting=8)
    asked = [merged.find(_slots(*"abc"[:count])) for count in (3, 2, 2, 1, 1)]
    *answers, refused = await asyncio.gather(*asked, return_exceptions=True)
    assert answers == [list("abc"), list("ab"), list("ab"), ["a"]]
    assert isinstance(refused, RawIndexUnavailableError)
    assert index.calls == [3, 4, 1]
    assert await merged.find(_slots(*"abcabc")) == list("abcabc")
