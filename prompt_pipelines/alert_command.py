"""Sending by hand what no broker took in time."""

import time

import click
from attrs import evolve
from lsst.resources import ResourcePath

from prompt_pipelines.alert_files import AlertFile
from prompt_pipelines.alert_stream import AlertStream, stream_from_environment
from prompt_pipelines.errors import AlertError

__all__ = ["command"]

_INCOMPLETE = 1
_SETTINGS = 2


@click.command(name="send")
@click.argument("files", nargs=-1, required=True)
@click.option(
    "--wait", default=60.0, show_default=True, help="Seconds that the broker is waited for, for each file."
)
@click.pass_context
def command(context: click.Context, files: tuple[str, ...], wait: float) -> None:
    """Send the alerts in FILES, which may be folders, as paths or URIs, whatever is known of them.

    A file is removed when the broker has acknowledged all that is in it, and else left with the
    rest. AP_KAFKA_SERVER, AP_KAFKA_TOPIC and their like say where to, as for a worker. The
    exit code is 1 if any alert is left, 2 if it is not said where to.
    """
    try:
        stream = stream_from_environment()
    except AlertError as error:
        click.echo(str(error), err=True)
        context.exit(_SETTINGS)
    if stream is None:
        click.echo("AP_KAFKA_SERVER, AP_KAFKA_TOPIC: are required", err=True)
        context.exit(_SETTINGS)
    found = [uri.geturl() for uri in ResourcePath.findFileResources(files, r"\.avro$")]
    if not found:
        click.echo("there are no alerts")
    done = [_send(stream, AlertFile(uri), wait) for uri in found]
    context.exit(0 if all(done) else _INCOMPLETE)


def _send(stream: AlertStream, file: AlertFile, wait: float) -> bool:
    """Send one file; tells whether all of it was sent."""
    try:
        alerts = file.read()
        sent = evolve(stream, until=time.monotonic() + wait, outbox=None).send(alerts, kept=file)
    except AlertError as error:
        click.echo(str(error), err=True)
        return False
    click.echo(f"{sent} of {len(alerts)} sent: {file.uri}")
    return sent == len(alerts)
