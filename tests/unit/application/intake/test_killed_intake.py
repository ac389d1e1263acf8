"""Whenever the intake is killed, the next one loses nothing and doubles nothing."""

import asyncio
from collections.abc import Sequence

import looptime
import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from domain.raws.frame_files import Ending
from domain.raws.same_exposure import is_same
from tests.unit.application.intake.site import BEGIN, Fuse, Site
from tests.unit.application.intake.test_take_in_frames import frame


@frozen
class Put:
    """A file: which exposure, which detectors, and whose contents."""

    number: int
    detectors: tuple[int, ...]
    content: str
    kind: str = "science"
    is_floating: bool = False


NIGHT = (
    Put(1, (0,), "1a"),
    Put(1, (5,), "1b"),
    Put(1, (0,), "1a"),
    Put(2, (0, 5), "2"),
    Put(3, (0,), "bias", kind="bias"),
    Put(4, (0,), "4"),
    Put(4, (0,), "4 again"),
    Put(4, (0,), "4 floating", is_floating=True),
    Put(1, (0, 5), "1 both"),
)
LONGEST = 200
"""Steps, more than a night has."""


def write(site: Site, night: Sequence[Put]) -> None:
    for position, put in enumerate(night):
        exposures = [frame(put.number, each, observation_type=put.kind) for each in put.detectors]
        site.put(
            f"/in/{position}.fits",
            *exposures,
            # What has the same contents holds the same frames.
            content=f"{put.number} {put.detectors} {put.content} {put.is_floating}",
            is_floating=put.is_floating,
            modified=BEGIN - 1000,
        )


async def check(site: Site) -> None:
    """See that nothing is lost and nothing doubled."""
    records = await site.journal.records()
    assert sorted(record.file.path for record in records) == sorted(site.disk.files)
    kept = [(record, each) for record in records for each in record.frames]
    identities = [(each.exposure.exposure, each.exposure.detector) for _, each in kept]
    assert len(set(identities)) == len(identities)
    for file in site.disk.files.values():
        for one in file.frames:
            assert any(is_same(one.exposure, each.exposure) for _, each in kept), file
    published = set()
    for record, each in kept:
        assert site.keeper.kept[each.key] == site.disk.files[record.file.path].content
        uri = await site.indexed(each.exposure)
        assert (uri == site.store.uri(each.key)) is (record.ending is Ending.TAKEN)
        if record.ending is Ending.TAKEN:
            published.add((each.exposure.group, each.exposure.detector))
    assert set(site.keeper.kept) == {each.key for _, each in kept}
    assert set(site.queued()) == published
    assert set(site.queue.revisions.values()) <= {1}


async def live(night: Sequence[Put], lives: Sequence[int]) -> bool:
    """Kill the intake after so many steps, again and again; whether it was ever killed."""
    site = Site()
    write(site, night)
    survived = [await site.run(3.0, Fuse(steps)) for steps in lives]
    assert await site.run(3.0)
    await check(site)
    return not all(survived)


@pytest.mark.looptime
async def test_it_is_killed_at_each_step() -> None:
    steps = 0
    while await live(NIGHT, [steps]):
        steps += 1
    assert 50 < steps < LONGEST


puts = st.builds(
    Put,
    st.integers(1, 3),
    st.sampled_from([(0,), (5,), (0, 5)]),
    st.sampled_from(["a", "b"]),
    st.just("science"),
    st.booleans(),
)


@given(st.lists(puts, min_size=1, max_size=6), st.lists(st.integers(0, LONGEST // 2), max_size=4))
def test_it_is_killed_at_any_steps_of_any_night(night: list[Put], lives: list[int]) -> None:
    with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
        runner.run(live(night, lives))
