"""The systemd unit of a site."""

import getpass
import sys
from pathlib import Path

import click

from entrypoints.saying import say
from entrypoints.settings.site import SiteFolder, SiteSettings
from entrypoints.site.folder import open_site, site_argument

__all__ = ["command", "unit_text"]

_TEXT = """\
# prompt-processing site unit {path} | sudo tee /etc/systemd/system/prompt-processing.service
# sudo systemctl enable --now prompt-processing
[Unit]
Description=Prompt Processing of {described}
After=local-fs.target remote-fs.target time-sync.target
RequiresMountsFor={quoted}

[Service]
User={user}
ExecStart={command} site run {argument}
# The images under way get their grace first; what is left after that is taken up at the next start.
KillMode=mixed
TimeoutStopSec={patience:.0f}
Restart=on-failure
RestartSec=10

[Install]
WantedBy=multi-user.target
"""

_RESERVE = 30.0
"""Seconds for what follows the grace of images and of what they made."""


@click.command(name="unit")
@site_argument
def command(*, folder: Path) -> None:
    """Print a systemd unit that runs the site in DIR, for this user and this installation."""
    say(unit_text(*open_site(folder)), nl=False)


def unit_text(folder: SiteFolder, settings: SiteSettings) -> str:
    """Write the unit for this user and this installation."""
    return _TEXT.format(
        path=folder.path,
        described=str(folder.path).replace("%", "%%"),
        quoted=_quoted(str(folder.path)),
        argument=_argument(str(folder.path)),
        user=getpass.getuser(),
        command=_command(),
        patience=2 * settings.grace_s + _RESERVE,
    )


def _command() -> str:
    beside = Path(sys.executable).with_name("prompt-processing")
    return _argument(str(beside)) if beside.exists() else f"{_argument(sys.executable)} -P -m entrypoints"


def _quoted(path: str) -> str:
    """Write a path so that systemd reads it back, whatever it holds."""
    for character in '\\"':
        path = path.replace(character, f"\\{character}")
    return f'"{path.replace("%", "%%")}"'


def _argument(path: str) -> str:
    """Write a path as a word of a command, in which systemd puts variables as well."""
    return _quoted(path).replace("$", "$$")
