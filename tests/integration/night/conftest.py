"""A small camera, and whole nights as a person would start them."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
import yaml
from attrs import frozen


@pytest.fixture(scope="session")
def small_camera(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The simulated camera, but for two detectors."""
    content = yaml.safe_load((files("cameras") / "simulated.yaml").read_text())
    content["detectors"] = content["detectors"][:2]
    file = tmp_path_factory.mktemp("camera") / "small.yaml"
    file.write_text(yaml.safe_dump(content))
    return file


_LISTENING = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("entrypoints", run_name="__main__")
"""
"""Runs the command line as from a terminal: shells let what they start in the background ignore Ctrl-C."""


@frozen
class Finished:
    """A command that has ended."""

    code: int
    output: str
    left_behind: list[str]
    """Names in its folder for temporary files."""


class Command:
    """A ``prompt-processing`` command with a folder for temporary files of its own.

    It is started in a folder where a user keeps modules that are called as ours are.
    """

    def __init__(self, arguments: list[str], temporary: Path) -> None:
        self._temporary = temporary
        self._log = temporary.with_suffix(".log")
        temporary.mkdir()
        users = temporary.with_suffix(".here")
        users.mkdir()
        for name in ("adapters", "domain", "entrypoints", "simulator"):
            (users / f"{name}.py").write_text("raise SystemExit('a module of the user')")
        with self._log.open("w") as log:
            self._process = subprocess.Popen(  # noqa: S603 - the tests name the commands
                [sys.executable, "-P", "-c", _LISTENING, *arguments],
                cwd=users,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "TMPDIR": str(temporary), "COLUMNS": "200"},
                start_new_session=True,
            )

    def wait_for(self, text: str, seconds: float = 240.0) -> re.Match[str]:
        end = time.monotonic() + seconds
        while not (found := re.search(text, self._log.read_text())):
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < end, f"no {text!r} in: {self._log.read_text()}"
            time.sleep(0.05)
        return found

    def interrupt(self) -> None:
        self._process.send_signal(signal.SIGINT)

    def finish(self, seconds: float = 280.0) -> Finished:
        code = self._process.wait(seconds)
        return Finished(code, self._log.read_text(), sorted(path.name for path in self._temporary.iterdir()))

    def kill(self) -> None:
        """End it, with the time that it needs to stop what it has started."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


@pytest.fixture
def commands(tmp_path: Path) -> Iterator["Commands"]:
    started = Commands(tmp_path)
    yield started
    started.kill()


class Commands:
    """Starts commands; ends those that a failing test leaves."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[Command] = []

    def start(self, *arguments: str) -> Command:
        command = Command(list(arguments), self._folder / f"tmp{len(self._started)}")
        self._started.append(command)
        return command

    def kill(self) -> None:
        for command in self._started:
            command.kill()
