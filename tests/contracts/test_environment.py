"""The page of the environment names what the processes read, with its defaults."""

import re

import pytest

from entrypoints.settings.alerts import CourierSettings
from entrypoints.settings.butler_writer import ButlerWriterSettings
from entrypoints.settings.environment import describe_settings
from entrypoints.settings.fan_out import FanOutSettings
from entrypoints.settings.raw_presence import RawPresenceSettings
from entrypoints.settings.worker import ChildSettings, WorkerSettings
from initializer.settings import InitializerSettings
from tests.contracts.versions import PAGES

SECTIONS = {
    ButlerWriterSettings: "Butler Writer",
    CourierSettings: "Courier of alerts",
    FanOutSettings: "Fan-out",
    RawPresenceSettings: "Raw microservice",
    WorkerSettings: "Worker, its child, and the initializer",
    ChildSettings: "Worker, its child, and the initializer",
    InitializerSettings: "Worker, its child, and the initializer",
}


def _rows(section: str) -> set[tuple[str, str]]:
    _, _, rest = (PAGES / "environment.md").read_text().partition(f"\n## {section}\n")
    rows = re.findall(r"^\| ([A-Z0-9_]+) \| (.*?) \|", rest.partition("\n## ")[0], re.MULTILINE)
    return {(name, default.strip("`").replace(", ", " ")) for name, default in rows}


@pytest.mark.parametrize("settings", SECTIONS, ids=lambda settings: settings.__name__)
def test_each_variable_is_on_the_page_with_its_default(settings: type) -> None:
    written = _rows("Several processes") | _rows(SECTIONS[settings])
    read = {(name, default) for name, default, _ in describe_settings(settings)}
    assert read - written == set(), "docs/contracts/environment.md lacks them"
