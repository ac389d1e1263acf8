import ipaddress

import pytest

from entrypoints.settings.console import ConsoleSettings, WatchedSettings
from entrypoints.settings.environment import SettingsError, read_settings


def test_by_default_only_this_machine_is_served() -> None:
    settings = read_settings(ConsoleSettings, {})
    assert ipaddress.ip_address(settings.host).is_loopback


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "console.example"])  # noqa: S104 - refused
def test_nobody_is_served_elsewhere_unless_it_is_known_who_may_look(host: str) -> None:
    with pytest.raises(SettingsError, match="CONSOLE_HOST"):
        read_settings(ConsoleSettings, {"CONSOLE_HOST": host})
    for variable, value in (("TRUSTED_PROXIES", "10.0.0.0/8, fd00::/8"), ("CONSOLE_TOKEN", "a-secret")):
        assert read_settings(ConsoleSettings, {"CONSOLE_HOST": host, variable: value}).host == host


@pytest.mark.parametrize(
    ("variable", "value"),
    [("TRUSTED_PROXIES", "10.0.0.0/99"), ("CONSOLE_ROOT_PATH", "//elsewhere"), ("CONSOLE_PORT", "-1")],
)
def test_a_wrong_setting_is_named(variable: str, value: str) -> None:
    with pytest.raises(SettingsError, match=variable):
        read_settings(ConsoleSettings, {variable: value})


def test_neighbours_are_named_with_their_addresses() -> None:
    deployment = {
        "RUBIN_INSTRUMENT": "SimCam",
        "REDIS_STREAM_HOST": "redis",
        "REDIS_STREAM_NAME": "instrument:simcam",
        "REDIS_STREAM_CONSUMER_GROUP": "workers",
    }
    named = {"CONSOLE_NEIGHBOURS": "fan-out=http://fan-out:8000/readyz writer=http://writer:8000/metrics"}
    assert list(read_settings(WatchedSettings, deployment | named).neighbours) == ["fan-out", "writer"]
    with pytest.raises(SettingsError, match="CONSOLE_NEIGHBOURS"):
        read_settings(WatchedSettings, deployment | {"CONSOLE_NEIGHBOURS": "https://elsewhere"})
