"""Help texts of services, made from their settings."""

import textwrap

from entrypoints.settings.environment import REQUIRED, describe_settings

__all__ = ["service_help"]

_WIDEST = 30
"""Characters of a default that are shown."""


def service_help(summary: str, *settings: type, required: str = "Required environment variables:") -> str:
    """Write a service's help: what it does, and the variables that it reads."""
    rows = list(dict.fromkeys(row for kind in settings for row in describe_settings(kind)))
    lines = [summary]
    for title, group in (
        (required, [row for row in rows if row[1] == REQUIRED]),
        ("Optional environment variables (default):", [row for row in rows if row[1] != REQUIRED]),
    ):
        if group:
            lines += ["", "\b", title]
        for name, default, meaning in group:
            lines += ["", "\b", name if default == REQUIRED else f"{name} ({_short(default)})"]
            lines += textwrap.wrap(meaning, 76, initial_indent="    ", subsequent_indent="    ")
    return "\n".join(lines)


def _short(default: str) -> str:
    return default if len(default) < _WIDEST else default[: _WIDEST - 3] + "..."
