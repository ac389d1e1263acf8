"""Commands of a site in this very process, where what they import is there already."""

import os
from pathlib import Path
from unittest import mock

from click.testing import CliRunner, Result

from entrypoints.cli import main

__all__ = ["call", "invoke"]


def invoke(name: str, folder: Path, *arguments: str) -> Result:
    """Run a command; the environment stays as it is."""
    with mock.patch.dict(os.environ):
        return CliRunner().invoke(main, ["site", name, str(folder), *arguments])


def call(name: str, folder: Path, *arguments: str) -> str:
    """Run a command, which must succeed; returns what it printed."""
    done = invoke(name, folder, *arguments)
    assert done.exit_code == 0, done.output
    return done.stdout
