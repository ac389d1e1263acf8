"""Help texts of services, made from their settings."""

import textwrap

import click

from entrypoints.settings.environment import describe_settings

__all__ = ["service_help"]


def service_help(summary: str, settings: type) -> str:
    """Write a service's help: what it does, and the variables that it reads."""
    lines = [summary, "", "\b", "Environment variables (default):"]
    for name, default, meaning in describe_settings(settings):
        shown = default if len(default) < 30 else default[:27] + "..."
        lines += ["", "\b", f"{name} ({shown})"]
        lines += textwrap.wrap(meaning, 76, initial_indent="    ", subsequent_indent="    ")
    return "\n".join(lines)


def service_command(name: str, summary: str, settings: type) -> click.Command:
    """Make a command without options, whose help lists its settings."""
    return click.Command(name, help=service_help(summary, settings))
