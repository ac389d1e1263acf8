"""No fault of any setting shows the password of an address; a new setting is covered by being one."""

from collections.abc import Iterator, Mapping

import pytest

from entrypoints.running import settings_or_exit
from entrypoints.settings.butler_writer import ButlerWriterSettings
from entrypoints.settings.console import ConsoleSettings
from entrypoints.settings.environment import describe_settings
from entrypoints.settings.fan_out import FanOutSettings
from entrypoints.settings.raw_presence import RawPresenceSettings
from entrypoints.settings.reconcile import ReconcileSettings
from entrypoints.settings.status import StatusSettings
from entrypoints.settings.worker import ChildSettings, WorkerSettings
from initializer.settings import InitializerSettings
from tests.unit.application.processes import ENVIRONMENT

SECRET = "planted-secret"  # noqa: S105 - it opens nothing
KINDS = (
    ButlerWriterSettings,
    ChildSettings,
    ConsoleSettings,
    FanOutSettings,
    InitializerSettings,
    RawPresenceSettings,
    ReconcileSettings,
    StatusSettings,
    WorkerSettings,
)
FORMS = (
    f"redis://user:{SECRET}@127.0.0.1:9/0",
    f"no-such://user:{SECRET}@127.0.0.1:9/0",
    f"http://{SECRET}@127.0.0.1:9",
    f"user:{SECRET}@127.0.0.1:9",
    f"['http://user:{SECRET}@127.0.0.1:9']",
    f"http://127.0.0.1:9/?password={SECRET}",
)


def planted() -> Iterator[tuple[type, str, str]]:
    """List every variable with every form of address that has a password in it."""
    for kind in KINDS:
        for name, _, _ in describe_settings(kind):
            for form in FORMS:
                yield kind, name, form


def test_no_fault_of_a_setting_shows_a_password(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = 0
    for kind, name, form in planted():
        environment: Mapping[str, str] = {**ENVIRONMENT, name: form}
        monkeypatch.setattr("os.environ", dict(environment))
        try:
            settings_or_exit(kind)
        except SystemExit:
            refused += 1
            shown = capsys.readouterr().err
            assert name in shown
            assert SECRET not in shown, f"{kind.__name__} {name}={form}"
    assert refused > 100
