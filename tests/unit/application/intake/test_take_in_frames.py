"""Every file comes to an ending, and what is new in it to the queue."""

import asyncio
import logging
from typing import Any, override

import pytest
from attrs import evolve

from adapters.memory.frames.disk import MemoryDisk
from adapters.memory.frames.frame_reader import MemoryFrameReader
from adapters.memory.frames.raw_keeper import MemoryRawKeeper
from adapters.memory.raws.image_store import MemoryImageStore
from domain.raws.exposure import Exposure
from domain.raws.frame_files import FrameFile
from domain.times import TaiSeconds, tai_from_utc
from domain.visit import Visit
from ports.incoming import FrameContents, Keeping
from ports.metrics import Counter
from tests.contract_suites.samples import an_exposure
from tests.unit.application.intake.site import BEGIN, Site

pytestmark = pytest.mark.looptime


def frame(number: int = 21, detector: int = 0, **changes: Any) -> Exposure:
    begin = TaiSeconds(tai_from_utc(BEGIN) - 10_000 + 60 * number)
    return an_exposure(number, detector=detector, **({"instrument": "TestCam", "begin": begin} | changes))


async def test_a_frame_is_kept_indexed_published_and_noted() -> None:
    site = Site()
    site.put("/in/a.fits", frame())
    await site.run(5.0)
    assert await site.endings() == {"/in/a.fits": "taken"}
    assert site.queued() == [("g21", 0)]
    uri = await site.indexed(frame())
    assert uri is not None
    assert site.keeper.kept[site.store.key(uri)] == site.disk.files["/in/a.fits"].content
    visit = await site.publisher.announced("TestCam", "g21")
    assert visit is not None
    assert (visit.nimages, visit.survey, visit.position, visit.filters) == (1, "site", (149.9, 2.2), "r_03")
    assert visit.start_time == frame().begin
    assert abs(visit.age(site.clock.utc())) < 10.0


async def test_detectors_of_a_group_are_one_visit_however_they_come() -> None:
    site = Site()
    site.put("/in/a.fits", frame(21, 0))
    site.put("/in/b.fits", frame(21, 5, ra=150.0))
    site.put("/in/c.fits", frame(22, 0), frame(22, 5))
    await site.run(5.0)
    assert site.queued() == [("g21", 0), ("g21", 5), ("g22", 0), ("g22", 5)]
    assert site.queue.revisions == {("TestCam", "g21"): 1, ("TestCam", "g22"): 1}


async def test_a_detector_is_queued_though_another_process_published_its_visit_meanwhile() -> None:
    site = Site()
    site.put("/in/a.fits", frame(21, 0))
    await site.run(5.0)

    announced, unseen = site.publisher.announced, [True]

    async def too_early(instrument: str, group: str) -> Visit | None:
        return None if unseen and unseen.pop() else await announced(instrument, group)

    site.publisher.announced = too_early  # type: ignore[method-assign]  # what the other did is not seen at first
    site.put("/in/b.fits", frame(21, 5))
    await site.run(5.0)
    assert site.queued() == [("g21", 0), ("g21", 5)]


async def test_a_second_snap_is_indexed_and_adds_nothing_to_the_queue() -> None:
    site = Site(snaps=2)
    snaps = [frame(21, group="g"), frame(22, group="g", snap=1)]
    for number, snap in enumerate(snaps):
        site.put(f"/in/{number}.fits", snap)
    await site.run(5.0)
    assert site.queued() == [("g", 0)]
    assert None not in [await site.indexed(snap) for snap in snaps]


async def test_what_is_beyond_a_groups_snaps_is_kept_and_said() -> None:
    site = Site()
    site.put("/in/1.fits", frame(21, group="g"))
    site.put("/in/2.fits", frame(22, group="g"))
    site.put("/in/3.fits", frame(23, group="g", snap=1))
    await site.run(5.0)
    assert await site.endings() == {"/in/1.fits": "taken", "/in/2.fits": "kept", "/in/3.fits": "kept"}
    assert await site.reason("/in/2.fits") == "snap 0 of group g is exposure 2026031300021 already"
    assert "snap 1 (from 0) of group g, and visits have 1" in await site.reason("/in/3.fits")
    assert len(site.keeper.kept) == 3
    assert (await site.indexed(frame(21, group="g")) or "").endswith("1.fits")


@pytest.mark.parametrize(
    ("kind", "ending"),
    [("bias", "calibration"), ("dark", "calibration"), ("flat", "calibration"), ("focus", "kept")],
)
async def test_what_is_no_science_is_kept_and_not_published(kind: str, ending: str) -> None:
    site = Site()
    site.put("/in/a.fits", frame(observation_type=kind, ra=None, dec=None))
    await site.run(5.0)
    assert await site.endings() == {"/in/a.fits": ending}
    assert len(site.keeper.kept) == 1
    assert site.queued() == []
    (record,) = await site.journal.records()
    assert record.frames[0].exposure.observation_type == kind


async def test_a_copy_under_another_name_is_left_out() -> None:
    site = Site()
    site.put("/in/a.fits", frame(), content="x")
    site.put("/in/copy of a.fits", frame(), content="x")
    await site.run(5.0)
    assert await site.endings() == {"/in/a.fits": "taken", "/in/copy of a.fits": "copy"}
    assert await site.reason("/in/copy of a.fits") == "it is the same as /in/a.fits"
    assert site.queued() == [("g21", 0)]


async def test_a_copy_that_another_number_was_given_is_left_out() -> None:
    site = Site()
    site.put("/in/a.fits", frame(21), content="x")
    site.put("/in/b.fits", frame(99, begin=frame(21).begin), content="x")
    await site.run(5.0)
    assert await site.endings() == {"/in/a.fits": "taken", "/in/b.fits": "copy"}


async def test_floating_point_copies_give_way_to_raws_that_come_with_them() -> None:
    site = Site()
    site.put("/in/a.fits", frame(), is_floating=True, modified=BEGIN - 50)
    site.put("/in/raw.fits", frame(), modified=BEGIN)
    site.put("/in/only.fits", frame(22), is_floating=True)
    await site.run(5.0)
    assert await site.endings() == {
        "/in/a.fits": "copy",
        "/in/raw.fits": "taken",
        "/in/only.fits": "taken",
    }
    assert "processed copy of /in/raw.fits" in await site.reason("/in/a.fits")


async def test_a_floating_point_copy_is_known_though_its_raw_comes_in_a_later_batch() -> None:
    site = Site(batch=1)
    site.put("/in/copy.fits", frame(), is_floating=True, modified=BEGIN)
    site.put("/in/raw.fits", frame(), modified=BEGIN - 100)
    site.put("/in/other.fits", frame(22), modified=BEGIN - 200)
    await site.run(5.0)
    assert await site.endings() == {
        "/in/copy.fits": "copy",
        "/in/raw.fits": "taken",
        "/in/other.fits": "taken",
    }


async def test_another_frame_of_the_same_exposure_is_said_and_stays(caplog: pytest.LogCaptureFixture) -> None:
    site = Site()
    site.put("/in/a.fits", frame())
    site.put("/in/b.fits", frame(), modified=BEGIN + 1)
    await site.run(5.0)
    assert await site.endings() == {"/in/a.fits": "taken", "/in/b.fits": "differs"}
    assert (
        "/in/b.fits stays where it is, and is not processed: exposure 2026031300021 of detector 0 was taken"
        " from /in/a.fits, which is another frame"
    ) in caplog.messages
    assert site.metrics.total(Counter.FRAME_FILES, ending="differs") == 1


async def test_what_is_new_in_a_file_is_taken_beside_what_is_known() -> None:
    site = Site()
    site.put("/in/a.fits", frame(21, 0))
    site.put("/in/both.fits", frame(21, 0), frame(21, 5), modified=BEGIN + 1)
    await site.run(5.0)
    assert await site.endings() == {"/in/a.fits": "taken", "/in/both.fits": "taken"}
    assert site.queued() == [("g21", 0), ("g21", 5)]
    assert "of detector 0 was taken from /in/a.fits" in await site.reason("/in/both.fits")


async def test_a_file_of_many_detectors_is_compared_once() -> None:
    site = Site()
    site.keeper = keeper = _CountingKeeper(site.disk, site.store)
    mosaic = [frame(21, 0, group="g"), frame(21, 5, group="g")]
    site.put("/in/a.fits", *mosaic, key="TestCam/g/0/1/r_test/a.fits", content="x")
    site.put("/in/b.fits", *mosaic, key="TestCam/g/0/1/r_test/b.fits", content="x")
    await site.run(5.0)
    assert await site.endings() == {"/in/a.fits": "taken", "/in/b.fits": "copy"}
    assert keeper.compared == [(path, "TestCam/g/0/1/r_test/a.fits") for path in ("/in/a.fits", "/in/b.fits")]


class _CountingKeeper(MemoryRawKeeper):
    """Remembers what was compared with what."""

    def __init__(self, disk: MemoryDisk, store: MemoryImageStore) -> None:
        super().__init__(disk, store)
        self.compared: list[tuple[str, str]] = []

    @override
    async def compare(self, file: FrameFile, key: str) -> Keeping:
        self.compared.append((file.path, key))
        return await super().compare(file, key)


async def test_a_file_that_is_not_whole_is_taken_once_it_is() -> None:
    site = Site()
    site.put("/in/a.fits", missing="truncated")
    running = asyncio.create_task(site.run(100.0))
    await asyncio.sleep(50.0)
    assert await site.endings() == {}
    site.put("/in/a.fits", frame())
    await running
    assert await site.endings() == {"/in/a.fits": "taken"}


async def test_a_file_that_is_never_whole_is_given_up_and_taken_if_it_becomes_whole(
    caplog: pytest.LogCaptureFixture,
) -> None:
    site = Site()
    file = site.put("/in/a.fits", missing="truncated, 10 bytes where at least 20 belong")
    running = asyncio.create_task(site.run(5000.0))
    await asyncio.sleep(3500.0)
    assert await site.endings() == {}
    await asyncio.sleep(200.0)
    assert await site.endings() == {"/in/a.fits": "unfinished"}
    said = "/in/a.fits is given up until somebody writes to it: truncated, 10 bytes where at least 20 belong"
    assert caplog.messages.count(said) == 1
    site.put("/in/a.fits", frame())
    await running
    assert await site.endings() == {"/in/a.fits": "taken"}
    assert len(await site.journal.records()) == 2
    assert (await site.journal.find(file)) is not None


async def test_what_is_no_raw_is_refused_once_it_settles() -> None:
    site = Site()
    site.put("/in/new.fits", fault="it has no image in HDU 1")
    site.put("/in/old.fits", fault="it is a table", modified=BEGIN - 1000)
    running = asyncio.create_task(site.run(100.0))
    await asyncio.sleep(5.0)
    assert await site.endings() == {"/in/old.fits": "refused"}
    await running
    assert await site.endings() == {"/in/old.fits": "refused", "/in/new.fits": "refused"}
    assert site.metrics.total(Counter.FRAME_FILES, ending="refused") == 2


async def test_a_file_that_is_waited_for_is_looked_at_though_others_keep_coming() -> None:
    site = Site()
    site.put("/in/cut.fits", missing="truncated")
    running = asyncio.create_task(site.run(4000.0))
    for number in range(390):
        await asyncio.sleep(10.0)
        site.put(f"/in/{number}.fits", fault="it is a table", modified=BEGIN - 1000)
    await running
    assert (await site.endings())["/in/cut.fits"] == "unfinished"


async def test_what_nobody_thought_of_costs_its_file_and_no_other(caplog: pytest.LogCaptureFixture) -> None:
    site = Site()
    site.reader = _BrokenReader(site.disk)
    site.put("/in/a.fits", frame(21))
    site.put("/in/broken.fits", frame(22))
    site.put("/in/c.fits", frame(23))
    await site.run(5.0)
    assert await site.endings() == {
        "/in/a.fits": "taken",
        "/in/broken.fits": "refused",
        "/in/c.fits": "taken",
    }
    assert await site.reason("/in/broken.fits") == "unexpected ZeroDivisionError('by nothing')"
    assert "/in/broken.fits cannot be dealt with; please report this" in caplog.messages


class _BrokenReader(MemoryFrameReader):
    """Has a fault that nobody has thought of."""

    @override
    async def read(self, file: FrameFile) -> FrameContents:
        if "broken" in file.path:
            raise ZeroDivisionError("by nothing")
        return await super().read(file)


async def test_a_refused_file_is_read_again_after_a_restart_and_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    site = Site()
    file = site.put("/in/a.fits", fault="'x' is no filter of TestCam", modified=BEGIN - 1000)
    await site.run(5.0)
    await site.run(5.0)
    assert len([message for message in caplog.messages if "no filter" in message]) == 1
    # The camera's file knows the filter now.
    site.put("/in/a.fits", frame())
    site.disk.files["/in/a.fits"] = evolve(site.disk.files["/in/a.fits"], file=file)
    await site.run(5.0)
    assert await site.endings() == {"/in/a.fits": "taken"}
    assert len(await site.journal.records()) == 1


async def test_detectors_that_a_file_lacks_are_waited_for_a_while() -> None:
    site = Site()
    site.put("/in/a.fits", frame(21, 0), lacking="detectors B: it has no image in HDU B")
    running = asyncio.create_task(site.run(100.0))
    await asyncio.sleep(5.0)
    assert await site.endings() == {}
    site.put("/in/a.fits", frame(21, 0), frame(21, 5))
    site.put("/in/b.fits", frame(22, 0), lacking="detectors B: it has no image in HDU B")
    await running
    assert await site.endings() == {"/in/a.fits": "taken", "/in/b.fits": "taken"}
    assert site.queued() == [("g21", 0), ("g21", 5), ("g22", 0)]
    assert await site.reason("/in/b.fits") == "detectors B: it has no image in HDU B"


async def test_a_frame_from_the_future_is_said_counted_and_taken(caplog: pytest.LogCaptureFixture) -> None:
    site = Site()
    site.put("/in/a.fits", frame(begin=TaiSeconds(tai_from_utc(BEGIN) + 3600)))
    await site.run(5.0)
    assert await site.endings() == {"/in/a.fits": "taken"}
    assert site.queued() == [("g21", 0)]
    assert site.metrics.total(Counter.CLOCK_SKEW) == 1
    assert "/in/a.fits began 3600 s from now" in caplog.text


async def test_a_full_disk_is_waited_for() -> None:
    site = Site()
    site.keeper.outage = "No space left on device"
    site.put("/in/a.fits", frame())
    running = asyncio.create_task(site.run(200.0))
    await asyncio.sleep(100.0)
    assert await site.endings() == {}
    site.keeper.outage = ""
    await running
    assert await site.endings() == {"/in/a.fits": "taken"}


async def test_a_file_that_is_taken_away_is_none(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    site = Site()
    site.put("/in/a.fits", missing="truncated")
    running = asyncio.create_task(site.run(100.0))
    await asyncio.sleep(50.0)
    site.disk.remove("/in/a.fits")
    await running
    assert await site.endings() == {}
    assert caplog.messages.count("/in/a.fits was taken away before it was dealt with") == 1


async def test_a_file_that_is_touched_is_not_taken_again() -> None:
    site = Site()
    site.put("/in/a.fits", frame(), content="x")
    await site.run(5.0)
    site.put("/in/a.fits", frame(), content="x", modified=BEGIN + 100)
    await site.run(5.0)
    assert await site.endings() == {"/in/a.fits": "copy"}
    assert site.queued() == [("g21", 0)]
