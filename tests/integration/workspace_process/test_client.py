"""The workspace in a child process: what crosses the socket, and what survives the child."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.workspace_process.client import ChildWorkspace
from application.worker.log_context import current_log_context, logging_about
from domain.raws.raws import RawImage, RawKey
from domain.times import TaiSeconds
from domain.visit import CoordinateSystem, Dome, RotationSystem, Visit, VisitDetector
from domain.work.outcomes import Export
from ports.ledger import Attempt
from ports.neighbours import Neighbour
from ports.workspace import (
    Assignment,
    NeighbourAwayError,
    NothingRunnableError,
    Prepared,
    Processed,
    RawUnreadableError,
    WorkspaceError,
    WorkspaceLostError,
)

pytestmark = pytest.mark.slow

RAW = RawImage(
    key=RawKey(key="SimCam/20260313/x.fits", instrument="SimCam", detector=4, exposure=2026031300001),
    uri="s3://images/SimCam/20260313/x.fits",
    exposure=2026031300001,
    group="g",
    snap=0,
)


def assignment(group: str) -> Assignment:
    work = VisitDetector(
        Visit(
            instrument="SimCam",
            group=group,
            sal_index=1,
            script_sal_index=2,
            coordinate_system=CoordinateSystem.ICRS,
            position=(149.9, 2.2),
            start_time=TaiSeconds(1.77e9),
            rotation_system=RotationSystem.SKY,
            camera_angle=12.0,
            filters="r_sim",
            dome=Dome.OPEN,
            duration=20.0,
            nimages=1,
            survey="",
            total_checkpoints=0,
            sent=TaiSeconds(1.77e9),
        ),
        4,
    )
    return Assignment(
        attempt=Attempt(work.identity, 1), work=work, day="2026-03-13", preprocessing=(), main=("Isr.yaml",)
    )


@pytest.fixture
async def workspace(tmp_path: Path) -> AsyncIterator[ChildWorkspace]:
    child = ChildWorkspace(
        [sys.executable, "-m", "tests.integration.workspace_process.scripted_child", str(tmp_path)],
        start_timeout=60,
    )
    yield child
    await child.close()


def diary(folder: Path) -> list[str]:
    return [line.split()[0] for line in (folder / "diary").read_text().splitlines()]


def processes(folder: Path) -> set[int]:
    return {int(line.split()[1]) for line in (folder / "diary").read_text().splitlines()}


async def test_a_child_tells_its_deployment_id_when_it_begins(tmp_path: Path) -> None:
    told: list[str] = []
    command = [sys.executable, "-m", "tests.integration.workspace_process.scripted_child", str(tmp_path)]
    workspace = ChildWorkspace(command, start_timeout=60, tell_deployment=told.append)
    await workspace.open()
    assert told == ["pipelines-0123456-config-789abcd"]
    await workspace.close()


async def test_steps_and_their_answers_cross_as_they_are(workspace: ChildWorkspace, tmp_path: Path) -> None:
    prepared = await workspace.prepare(assignment("group #2"))
    exposure = await workspace.ingest(RAW)
    processed = await workspace.process([RAW.exposure])
    message = await workspace.export(Export.EVERYTHING)
    nothing = await workspace.export(Export.NOTHING)
    await workspace.clean()
    assert prepared == Prepared(datasets=3, warnings=("a warning",), seconds={"copy inputs": 0.5})
    assert (exposure.group, exposure.sky_angle) == ("group #2", None)
    assert processed == Processed(pipeline="Isr", changed=True, seconds={"isr": 1.0})
    assert message == b"\0message\xff" * 100_000
    assert nothing is None
    assert diary(tmp_path) == ["prepare", "clean"]


async def test_the_end_of_a_step_and_alerts_that_wait_cross_too(workspace: ChildWorkspace) -> None:
    await workspace.prepare(assignment("g"))
    await workspace.process([RAW.exposure])
    assert await workspace.waiting_alerts() is None
    await workspace.process([RAW.exposure], asyncio.get_running_loop().time() + 3600.0)
    waiting = await workspace.waiting_alerts()
    assert waiting is not None
    assert waiting.place == "file:///outbox/"
    assert waiting.number == pytest.approx(3600, abs=60)


@pytest.mark.parametrize(("asked", "given"), [(None, "1"), ("", "1"), ("3", "3")])
async def test_a_child_begins_with_one_thread_unless_more_are_asked_for(
    workspace: ChildWorkspace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    asked: str | None,
    given: str,
) -> None:
    if asked is None:
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    else:
        monkeypatch.setenv("OMP_NUM_THREADS", asked)
    await workspace.prepare(assignment("g"))
    (child,) = processes(tmp_path)
    # What it was started with, before it could import anything.
    environment = Path(f"/proc/{child}/environ").read_bytes().decode().split("\0")
    assert [line for line in environment if line.startswith("OMP_NUM_THREADS=")] == [
        f"OMP_NUM_THREADS={given}"
    ]


async def test_memory_is_given_back_after_each_visit_and_at_no_other_time(
    workspace: ChildWorkspace, tmp_path: Path
) -> None:
    for group in ("throws", "slow"):
        await workspace.prepare(assignment(group))
        await workspace.clean()
        await workspace.clean()
    await workspace.close()
    assert (tmp_path / "given back").read_text() == 2 * "all\n"


async def test_errors_of_the_port_come_as_themselves(workspace: ChildWorkspace) -> None:
    with pytest.raises(NothingRunnableError, match="no calibrations"):
        await workspace.prepare(assignment("nothing runnable"))
    await workspace.prepare(assignment("unreadable"))
    with pytest.raises(RawUnreadableError, match="is truncated"):
        await workspace.ingest(RAW)


async def test_what_a_task_throws_costs_the_step_and_not_the_child(
    workspace: ChildWorkspace, tmp_path: Path
) -> None:
    await workspace.prepare(assignment("throws"))
    with pytest.raises(WorkspaceError, match="ZeroDivisionError: in a task") as caught:
        await workspace.process([1])
    assert not isinstance(caught.value, WorkspaceLostError)
    await workspace.clean()
    assert diary(tmp_path) == ["prepare", "clean"]
    assert len(processes(tmp_path)) == 1


async def test_a_child_that_dies_is_followed_by_one_that_takes_over(
    workspace: ChildWorkspace, tmp_path: Path
) -> None:
    await workspace.prepare(assignment("dies"))
    with pytest.raises(WorkspaceLostError, match="signal 6"):
        await workspace.process([1])
    assert await workspace.export(Export.BEFORE_CHANGE) is not None
    await workspace.clean()
    assert diary(tmp_path) == ["prepare", "resume", "clean"]
    assert len(processes(tmp_path)) == 2


async def test_a_step_that_takes_too_long_ends_with_its_child(
    workspace: ChildWorkspace, tmp_path: Path
) -> None:
    await workspace.prepare(assignment("hangs"))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await workspace.process([1])
    (first,) = processes(tmp_path)
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)
    await workspace.clean()
    assert diary(tmp_path) == ["prepare", "resume", "clean"]


async def test_a_child_ends_when_its_parent_is_gone(tmp_path: Path) -> None:
    script = (
        "import asyncio, os, sys\n"
        "from adapters.workspace_process.client import ChildWorkspace\n"
        "from tests.integration.workspace_process.test_client import assignment\n"
        "async def main():\n"
        "    module = 'tests.integration.workspace_process.scripted_child'\n"
        "    command = [sys.executable, '-m', module, sys.argv[1]]\n"
        "    child = ChildWorkspace(command)\n"
        "    await child.prepare(assignment('hangs'))\n"
        "    hanging = asyncio.ensure_future(child.process([1]))\n"
        "    await asyncio.sleep(0.2)\n"
        "    os._exit(9)\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", script, str(tmp_path))
    assert await parent.wait() == 9
    (child,) = processes(tmp_path)
    async with asyncio.timeout(10):
        while _alive(child):
            await asyncio.sleep(0.05)


def _alive(process: int) -> bool:
    stat = Path(f"/proc/{process}/stat")
    return stat.exists() and stat.read_text().split()[2] != "Z"


async def test_a_child_that_cannot_start_is_a_lost_workspace() -> None:
    child = ChildWorkspace([sys.executable, "-c", "raise SystemExit(2)"])
    with pytest.raises(WorkspaceLostError, match="did not start \\(exit code 2\\)"):
        await child.prepare(assignment("g"))


async def test_a_child_that_hangs_in_native_code_ends_with_its_lease(workspace: ChildWorkspace) -> None:
    await workspace.prepare(assignment("hangs natively"))
    workspace.hold(asyncio.get_running_loop().time() + 1.0)
    with pytest.raises(WorkspaceLostError, match="its lease was not renewed in time"):
        await workspace.process([1])


async def test_a_lease_that_is_renewed_costs_nothing(workspace: ChildWorkspace, tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    await workspace.prepare(assignment("slow"))
    working = asyncio.ensure_future(workspace.process([1]))
    for _ in range(8):
        workspace.hold(loop.time() + 1.5)
        await asyncio.sleep(0.25)
    await working
    workspace.hold(None)
    await asyncio.sleep(1.7)
    await workspace.clean()
    assert len(processes(tmp_path)) == 1


async def test_a_child_that_was_stopped_does_nothing_more_if_it_wakes_too_late(
    workspace: ChildWorkspace, tmp_path: Path
) -> None:
    await workspace.prepare(assignment("writes"))
    (child,) = processes(tmp_path)
    workspace.hold(asyncio.get_running_loop().time() + 1.0)
    os.kill(child, signal.SIGSTOP)
    working = asyncio.ensure_future(workspace.process([1]))
    await asyncio.sleep(1.5)
    os.kill(child, signal.SIGCONT)
    with pytest.raises(WorkspaceLostError, match="its lease was not renewed in time"):
        await working
    assert "changed" not in diary(tmp_path)


async def test_a_child_that_begins_late_is_told_how_long_the_lease_is_good(
    workspace: ChildWorkspace,
) -> None:
    workspace.hold(asyncio.get_running_loop().time() + 0.1)
    with pytest.raises(WorkspaceLostError, match="its lease was not renewed in time"):
        await workspace.prepare(assignment("hangs from the start"))


async def test_a_child_that_keeps_too_much_is_replaced_after_its_visit(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.integration.workspace_process.scripted_child", str(tmp_path)]
    workspace = ChildWorkspace(command, start_timeout=60, memory_ceiling=200 << 20)
    try:
        for group, lives in (("modest", 1), ("greedy", 1), ("modest", 2)):
            await workspace.prepare(assignment(group))
            await workspace.process([1])
            await workspace.clean()
            assert len(processes(tmp_path)) == lives
    finally:
        await workspace.close()


async def test_an_abandoned_workspace_starts_no_child(workspace: ChildWorkspace, tmp_path: Path) -> None:
    await workspace.prepare(assignment("g"))
    await workspace.abandon()
    await workspace.clean()
    with pytest.raises(WorkspaceLostError, match="the worker ends"):
        await workspace.export(Export.EVERYTHING)
    assert diary(tmp_path) == ["prepare"]


async def test_a_child_without_a_visit_is_ended_and_started_for_the_next(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    abouts = []

    def note(record: logging.LogRecord) -> bool:
        abouts.append(current_log_context())
        return bool(record)

    caplog.handler.addFilter(note)
    caplog.set_level(logging.INFO, logger="adapters.workspace_process.client")
    command = [sys.executable, "-m", "tests.integration.workspace_process.scripted_child", str(tmp_path)]
    workspace = ChildWorkspace(command, start_timeout=60, idle_timeout=0.3)
    try:
        with logging_about(assignment("slow").work):
            await workspace.prepare(assignment("slow"))
            await workspace.process([1])
            (first,) = processes(tmp_path)
            assert _alive(first)
            await workspace.clean()
        async with asyncio.timeout(10):
            while _alive(first):
                await asyncio.sleep(0.05)
        await workspace.prepare(assignment("g"))
        await workspace.clean()
    finally:
        await workspace.close()
    assert diary(tmp_path) == ["prepare", "clean", "prepare", "clean"]
    assert len(processes(tmp_path)) == 2
    assert abouts == [{}]


async def test_a_visit_that_comes_while_the_child_is_ending_is_served(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.integration.workspace_process.scripted_child", str(tmp_path)]
    workspace = ChildWorkspace(command, start_timeout=60, idle_timeout=0.05)
    try:
        for pause in (0.04, 0.05, 0.051, 0.055):
            await workspace.prepare(assignment("g"))
            await workspace.clean()
            await asyncio.sleep(pause)
    finally:
        await workspace.close()
    assert diary(tmp_path) == 4 * ["prepare", "clean"]


async def test_who_has_claimed_needs_no_lease(workspace: ChildWorkspace) -> None:
    await workspace.prepare(assignment("claims"))
    loop = asyncio.get_running_loop()
    workspace.hold(loop.time() + 30.0)
    running = asyncio.ensure_future(workspace.process([1]))
    await asyncio.sleep(0.2)
    # The lease ends while the claim is being made.
    assert await workspace.surrender()
    assert workspace.claimed_until is not None
    assert 2.0 < workspace.claimed_until - loop.time() <= 3.0
    workspace.hold(loop.time() + 0.1)
    assert (await running).changed
    assert await workspace.export(Export.EVERYTHING)
    await workspace.clean()
    workspace.hold(None)


async def test_who_has_not_claimed_ends_when_the_lease_is_lost(workspace: ChildWorkspace) -> None:
    await workspace.prepare(assignment("slow"))
    workspace.hold(asyncio.get_running_loop().time() + 30.0)
    running = asyncio.ensure_future(workspace.process([1]))
    await asyncio.sleep(0.2)
    assert not await workspace.surrender()
    with pytest.raises(WorkspaceLostError):
        await running


async def test_the_end_of_a_claim_is_the_end_of_the_process(workspace: ChildWorkspace) -> None:
    await workspace.prepare(assignment("claims and hangs"))
    loop = asyncio.get_running_loop()
    workspace.hold(loop.time() + 30.0)
    began = loop.time()
    with pytest.raises(WorkspaceLostError, match="its claim ended"):
        await workspace.process([1])
    assert 1.0 < loop.time() - began < 10.0


async def test_a_probe_needs_no_visit_and_its_answer_crosses(workspace: ChildWorkspace) -> None:
    await workspace.probe(Neighbour.REPOSITORY)
    with pytest.raises(NeighbourAwayError, match="connection refused") as caught:
        await workspace.probe(Neighbour.APDB)
    assert caught.value.neighbour is Neighbour.APDB
    await workspace.prepare(assignment("g"))
    with pytest.raises(NeighbourAwayError):
        await workspace.probe(Neighbour.APDB)
    assert (await workspace.process([RAW.exposure])).changed
