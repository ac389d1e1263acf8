"""Work in a thread, and Ctrl-C while it goes on."""

import asyncio
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from entrypoints.long_work import INTERRUPTED, paced, work
from workbench.pace import Pace

_BEGINNING = """
import signal, sys, time
from pathlib import Path
from entrypoints.long_work import work
from workbench.pace import Pace

signal.signal(signal.SIGINT, signal.default_int_handler)
pace, file = Pace(), Path(sys.argv[1])

def native():
    print("working", flush=True)
    time.sleep(3600)

def writing():
    with pace.unbroken(), file.open("w") as text:
        text.write("half")
        text.flush()
        print("working", flush=True)
        time.sleep(1.5)
        text.write(" and half")
    time.sleep(3600)

def stepping():
    try:
        while True:
            pace.step("turning round")
            print("working", flush=True)
            time.sleep(0.05)
    finally:
        file.write_text("cleaned up")

def main_thread():
    native()
"""


def interrupted(then: str, file: Path) -> subprocess.CompletedProcess[str]:
    """Run a script until it works, and press Ctrl-C."""
    with subprocess.Popen(  # noqa: S603 - the tests name the scripts
        [sys.executable, "-c", _BEGINNING + then, str(file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "working\n"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    return subprocess.CompletedProcess(process.args, process.returncode, "", errors)


@pytest.mark.parametrize(
    ("what", "left"), [("native", None), ("writing", "half and half"), ("stepping", "cleaned up")]
)
def test_ctrl_c_ends_work_with_one_line_and_leaves_nothing_half_written(
    what: str, left: str | None, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    ended = interrupted(f"work('working', {what}, pace, stopped='stopped here')", file)
    assert (ended.returncode, ended.stderr) == (INTERRUPTED, "stopped here\n")
    assert (file.read_text() if file.exists() else None) == left


def test_ctrl_c_outside_of_such_work_is_one_line_too(tmp_path: Path) -> None:
    ended = interrupted(
        "import click; from entrypoints.cli import LazyGroup\n"
        "group = LazyGroup('group', modules={})\n"
        "group.get_command = lambda ctx, name: click.Command('work', callback=main_thread)\n"
        "group(['work'])",
        tmp_path / "file",
    )
    assert (ended.returncode, ended.stderr) == (INTERRUPTED, "stopped\n")


def test_work_gives_what_it_found_or_raises_what_went_wrong() -> None:
    assert work("adding", lambda: 1 + 1, Pace()) == 2
    with pytest.raises(ZeroDivisionError):
        work("dividing", lambda: 1 // 0, Pace())


async def test_work_that_never_ends_is_abandoned_by_what_awaits_it() -> None:
    begun, never = threading.Event(), threading.Event()

    def wait() -> None:
        begun.set()
        never.wait()

    waiting = asyncio.ensure_future(paced(Pace(), wait))
    await asyncio.to_thread(begun.wait)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    never.set()


async def test_work_that_must_end_is_awaited() -> None:
    pace, begun, may_end = Pace(), threading.Event(), threading.Event()
    done = []

    def write() -> None:
        with pace.unbroken():
            begun.set()
            may_end.wait()
            done.append("written")

    waiting = asyncio.ensure_future(paced(pace, write))
    await asyncio.to_thread(begun.wait)
    waiting.cancel()
    await asyncio.sleep(1.5)
    assert not waiting.done()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert done == ["written"]
