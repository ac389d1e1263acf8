"""What the command line says of what it does not understand."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from entrypoints.cli import LazyGroup, main


def test_a_misspelt_camera_is_one_line() -> None:
    result = CliRunner().invoke(main, ["demo", "--camera", "lsstca"])
    assert result.exit_code == 1
    [line] = result.output.splitlines()
    assert "'lsstca'" in line
    assert "did you mean lsstcam?" in line


@pytest.mark.parametrize("text", ["a: [", "instrument: Odd\n", "\x00"])
def test_a_camera_file_of_no_use_is_one_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / "odd.yaml"
    file.write_text(text)
    result = CliRunner().invoke(main, ["demo", "--camera", str(file)])
    assert result.exit_code == 1
    [line] = result.output.splitlines()
    assert str(file) in line


@pytest.mark.parametrize(("asked", "given"), [(None, "1"), ("", "1"), ("3", "3")])
def test_native_code_has_one_thread_unless_more_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: str | None, given: str
) -> None:
    name = f"asks_for_{asked}_threads"
    (tmp_path / f"{name}.py").write_text(
        "import os\nimport click\nTHREADS = os.environ['OMP_NUM_THREADS']\n"
        "command = click.Command('threads', callback=lambda: click.echo(THREADS))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    group = LazyGroup(modules={"threads": (name, "Say how many threads there may be.")})
    monkeypatch.setenv("OMP_NUM_THREADS", asked or "")
    if asked is None:
        monkeypatch.delenv("OMP_NUM_THREADS")
    assert CliRunner().invoke(group, ["threads"]).output == f"{given}\n"


@pytest.mark.slow
def test_modules_in_the_current_folder_do_not_stand_in_for_ours(tmp_path: Path) -> None:
    for name in ("adapters", "domain", "entrypoints", "simulator"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('not ours')")
    script = (
        "from pathlib import Path\n"
        "from simulator.servers.object_store import ObjectStore\n"
        "with ObjectStore('127.0.0.1:9', image_bucket='images', topic='t') as store:\n"
        "    assert store.url\n"
        "from entrypoints.containers import worker\n"
        "import subprocess\n"
        "ended = subprocess.run(worker._CHILD, capture_output=True, text=True)\n"
        "assert 'usage:' in ended.stderr, ended.stderr\n"
    )
    subprocess.run([sys.executable, "-P", "-c", script], cwd=tmp_path, check=True)  # noqa: S603 - ours, as it stands above


def test_a_misspelt_command_is_told_what_is_spelt_alike() -> None:
    result = CliRunner().invoke(main, ["dmeo"])
    assert result.exit_code == 2
    assert "did you mean demo?" in result.output


def test_a_services_help_lists_first_what_must_be_set() -> None:
    shown = CliRunner().invoke(main, ["worker", "--help"]).output
    required, optional = shown.split("Optional environment variables (default):")
    assert "  CENTRAL_REPO\n" in required
    assert "  LEASE_SECONDS (60)\n" in optional
    assert "  AP_KAFKA_SERVER (none)\n" in optional


def test_ctrl_c_while_a_command_is_loaded_is_one_line(tmp_path: Path) -> None:
    # As numpy does it: an interrupt within its native code becomes an error of another kind.
    (tmp_path / "heavy.py").write_text(
        "import os, signal\n"
        "try:\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "except KeyboardInterrupt:\n"
        "    raise ImportError('multiarray failed to import') from None\n"
    )
    call = (
        # Who runs the tests in the background may have them started with the signal ignored.
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
        " from entrypoints.cli import LazyGroup; LazyGroup('pp', modules={'heavy': ('heavy', '')})(['heavy'])"
    )
    done = subprocess.run(  # noqa: S603 - our own
        [sys.executable, "-c", call],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{Path.cwd()}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (130, "stopped\n")


def test_looking_at_a_night_loads_nothing_that_makes_one() -> None:
    """Pandas and the APDB's own package took half the time until `status` said something."""
    script = "import sys, entrypoints.commands.status, entrypoints.containers.results; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)  # noqa: S603 - ours
    assert not {"pandas", "lsst.dax.apdb", "felis"} & set(done.stdout.split())
