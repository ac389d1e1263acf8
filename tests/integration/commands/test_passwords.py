"""No process that fails to start shows a password that stands in an address."""

import contextlib
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence

import pytest

from entrypoints.settings.butler_writer import ButlerWriterSettings
from entrypoints.settings.environment import SettingsError, describe_settings, read_settings
from entrypoints.settings.fan_out import FanOutSettings
from entrypoints.settings.raw_presence import RawPresenceSettings
from entrypoints.settings.status import StatusSettings
from entrypoints.settings.worker import ChildSettings, WorkerSettings
from initializer.settings import InitializerSettings
from tests.unit.application.processes import ENVIRONMENT
from tests.unit.entrypoints.settings.test_passwords import SECRET

pytestmark = pytest.mark.slow

_KINDS: Mapping[str, Sequence[type]] = {
    "fan-out": [FanOutSettings],
    "worker": [WorkerSettings, ChildSettings],
    "raw-presence": [RawPresenceSettings],
    "butler-writer": [ButlerWriterSettings],
    "initialize": [InitializerSettings],
    "status": [StatusSettings],
}
_SCHEMES = ("https://", "http://", "redis://", "postgresql+psycopg2://")


def _planted(kinds: Sequence[type]) -> dict[str, str]:
    """Put a password into every setting that takes an address, or any text."""
    planted: dict[str, str] = {}
    for kind in kinds:
        for name, _, _ in describe_settings(kind):
            # Whatever is no address with a scheme is one of a host, or a password itself.
            plain = ENVIRONMENT.get(name) == "127.0.0.1:9" or re.search("PASSWORD|TOKEN", name)
            for scheme in ("",) if plain else _SCHEMES:
                value = f"{scheme}user:{SECRET}@127.0.0.1:9{'/x' if scheme else ''}"
                with contextlib.suppress(SettingsError):
                    read_settings(kind, {**ENVIRONMENT, name: value})
                    planted.setdefault(name, value)
    return planted


@pytest.mark.parametrize("some", ["all", "addresses"])
@pytest.mark.parametrize("command", list(_KINDS))
def test_no_password_is_shown(command: str, some: str) -> None:
    planted = _planted(_KINDS[command])
    assert planted
    if some == "addresses":
        planted = {name: value for name, value in planted.items() if "://" in value or "HOST" in name}
    environment = {**ENVIRONMENT, **planted, "METRICS_PORT": "0", "PORT": "0", "USE_KAFKA_BUTLER_WRITER": "0"}
    # Long enough for one that waits for its neighbours to say so; longer on a machine with much else to do.
    shown = said_by(command, environment, seconds=8) or said_by(command, environment, seconds=60)
    assert shown
    assert SECRET not in shown


def said_by(command: str, environment: Mapping[str, str], seconds: float) -> str:
    """Run a command that fails, or waits for its neighbours; returns what it wrote."""
    try:
        ended = subprocess.run(  # noqa: S603 - this project's own command
            [sys.executable, "-P", "-m", "entrypoints", command],
            env={"PATH": "/usr/bin:/bin", **environment},
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        return "".join(part.decode() for part in (error.stdout, error.stderr) if part)
    assert ended.returncode != 0
    return ended.stdout + ended.stderr
