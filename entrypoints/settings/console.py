"""Settings of the console: where it is served, whom it answers, and what it looks at."""

import ipaddress
from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

from entrypoints.settings.alerts import AlertSettings
from entrypoints.settings.common import LogSettings
from entrypoints.settings.environment import group, setting
from entrypoints.settings.parsers import (
    integer,
    named_addresses,
    networks,
    optional,
    optional_folder,
    text,
    url_path,
)
from entrypoints.settings.status import StatusSettings

__all__ = ["ConsoleSettings", "WatchedSettings"]

type Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@frozen(kw_only=True)
class ConsoleSettings:
    """Where the console is served, and whom it answers."""

    logs: LogSettings = group(LogSettings)

    host: str = setting("CONSOLE_HOST", text, "address to serve on", default="127.0.0.1")
    port: int = setting("CONSOLE_PORT", integer, "port to serve on; 0 is any free one", default="0")
    root: str = setting(
        "CONSOLE_ROOT_PATH", url_path, "path under which a proxy serves it, such as /console", default=""
    )
    proxies: tuple[Network, ...] = setting(
        "TRUSTED_PROXIES",
        networks,
        "networks (CIDR) of proxies that name the user in X-Auth-Request-User",
        default="",
    )
    token: str | None = setting(
        "CONSOLE_TOKEN",
        optional,
        "whoever shows it may look: as a bearer, or once as ?token=",
        default="",
        secret=True,
    )

    def __attrs_post_init__(self) -> None:
        if not (self.proxies or self.token or _is_loopback(self.host)):
            raise ValueError(
                f"CONSOLE_HOST: {self.host} can be reached from other machines; set TRUSTED_PROXIES or"
                " CONSOLE_TOKEN as well, so that it is known who may look"
            )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@frozen(kw_only=True)
class WatchedSettings:
    """The deployment whose night is looked at, if no folder is named: what its workers are told, in part."""

    night: StatusSettings = group(StatusSettings)
    alerts: AlertSettings = group(AlertSettings)

    camera_file: str | None = setting(
        "CAMERA_FILE", optional, "camera file, or a shipped one's name; else by the instrument", default=""
    )
    repository: str | None = setting(
        "CENTRAL_REPO", optional, "central repository, for images; without it there are none", default=""
    )
    apdb: str | None = setting(
        "CONFIG_APDB",
        optional,
        "configuration of the APDB, for sources; without it there are none",
        default="",
    )
    neighbours: Mapping[str, str] = setting(
        "CONSOLE_NEIGHBOURS",
        named_addresses,
        "services to ask, as `name=http://host:port/readyz` pairs; the Butler Writer's /metrics tell its lag",
        default="",
    )
    note: str = setting(
        "CONSOLE_NOTE", text, "what else whoever looks has to know, said on each page", default=""
    )
    logs: Path | None = setting(
        "CONSOLE_LOG_FOLDER",
        optional_folder,
        "folder of the processes' log files, if there is one",
        default="",
    )
