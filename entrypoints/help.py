"""Help texts of services, made from their settings."""

import textwrap

from entrypoints.settings.environment import describe_settings

__all__ = ["service_help"]


def service_help(summary: str, *settings: type) -> str:
    """Write a service's help: what it does, and the variables that it reads."""
    lines = [summary, "", "\b", "Environment variables (default):"]
    rows = [row for kind in settings for row in describe_settings(kind)]
    for name, default, meaning in dict.fromkeys(rows):
        shown = default if len(default) < 30 else default[:27] + "..."
        lines += ["", "\b", f"{name} ({shown})"]
        lines += textwrap.wrap(meaning, 76, initial_indent="    ", subsequent_indent="    ")
    return "\n".join(lines)
