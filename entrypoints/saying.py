"""What people read on a terminal: text from outside may not move its cursor or change its colours."""

import click

from domain.addresses import without_users
from domain.visible_text import visible

__all__ = ["say", "shown"]


def say(text: str = "", *, err: bool = False, nl: bool = True) -> None:
    """Write a line to standard output, or to standard error."""
    click.echo(shown(text), err=err, nl=nl)


def shown(text: str) -> str:
    """Write text so that it may be shown to anybody."""
    return visible(without_users(text), keep_lines=True)
