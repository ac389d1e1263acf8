"""What a person does with alerts in the outbox."""

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import click
from attrs import frozen

from domain.errors import PromptProcessingError
from domain.visible_text import visible
from entrypoints.containers.courier import make_outbox
from entrypoints.running import opened, settings_or_exit
from entrypoints.settings.alerts import OutboxSettings
from ports.alert_outbox import AlertOutbox, LaidPacket, UnreadableAlertsError

__all__ = ["Unknown", "Wanted", "change_packets", "end_with", "packets_or_exit", "wanted_options"]

_LOG = logging.getLogger(__name__)


@frozen
class Unknown:
    """A file that does not say whose it is."""

    name: str
    reason: str


@frozen(kw_only=True)
class Wanted:
    """Which packets are meant: those to which all of this applies."""

    names: tuple[str, ...] = ()
    group: str | None = None
    visit: int | None = None
    detector: int | None = None

    def has(self, packet: LaidPacket) -> bool:
        """Say whether a packet is meant."""
        return (
            (not self.names or packet.name in self.names)
            and self.group in {None, packet.owner.identity.group}
            and self.visit in {None, packet.visit}
            and self.detector in {None, packet.detector}
        )


def wanted_options[F: Callable[..., None]](function: F) -> F:
    """Add the ways to choose files to a command, as `wanted`."""

    @click.argument("names", metavar="URI...", nargs=-1)
    @click.option("--group", help="Those of a group.")
    @click.option("--visit", type=int, help="Those of a visit, by its number.")
    @click.option("--detector", type=int, help="Those of a detector.")
    @click.option("--all", "everything", is_flag=True, help="All that are held.")
    @functools.wraps(function)
    def with_wanted(
        *,
        names: tuple[str, ...],
        group: str | None,
        visit: int | None,
        detector: int | None,
        everything: bool,
        **others: Any,  # noqa: ANN401 - click's
    ) -> None:
        wanted = Wanted(names=names, group=group, visit=visit, detector=detector)
        if (wanted == Wanted()) != everything:
            raise click.UsageError("say which: URIs, --group, --visit, --detector, or else --all")
        function(wanted=wanted, **others)

    return with_wanted  # type: ignore[return-value]  # the decorators of click hide that it is a command


def packets_or_exit() -> tuple[Sequence[LaidPacket], Sequence[Unknown]]:
    """Read all that lies in the outbox; what is no packet stands apart."""
    return _with_outbox(_read_all)


def change_packets(wanted: Wanted, change: Callable[[LaidPacket], LaidPacket]) -> Sequence[LaidPacket]:
    """Replace packets that are held and wanted; returns them as they were."""

    async def replace(outbox: AlertOutbox) -> Sequence[LaidPacket]:
        packets, _ = await _read_all(outbox)
        chosen = [packet for packet in packets if packet.held and wanted.has(packet)]
        for packet in chosen:
            await outbox.replace(change(packet))
        return chosen

    return _with_outbox(replace)


def end_with(chosen: Sequence[LaidPacket], what: str) -> None:
    """Say what was done, and end with 1 if that is nothing."""
    for packet in chosen:
        line = f"{len(packet.alerts)} alerts of visit {packet.visit}, {packet.owner}: {what}"
        _LOG.warning("%s (held: %s)", line, packet.held)
        click.echo(visible(line))
    if not chosen:
        click.echo("no held alerts are like that", err=True)
        raise SystemExit(1)


async def _read_all(outbox: AlertOutbox) -> tuple[Sequence[LaidPacket], Sequence[Unknown]]:
    packets, unknown = [], []
    for name in await outbox.names():
        try:
            packet = await outbox.read(name)
        except UnreadableAlertsError as error:
            unknown.append(Unknown(name, str(error)))
        else:
            packets += [packet] if packet is not None else []
    return packets, unknown


def _with_outbox[T](use: Callable[[AlertOutbox], Awaitable[T]]) -> T:
    outbox = make_outbox(settings_or_exit(OutboxSettings))

    async def run() -> T:
        async with opened(outbox):
            return await use(outbox)

    try:
        return asyncio.run(run())
    except PromptProcessingError as error:
        raise click.ClickException(str(error)) from error
