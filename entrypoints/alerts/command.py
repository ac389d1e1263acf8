"""The group of commands for alerts that wait."""

from entrypoints.cli import LazyGroup

__all__ = ["command"]

command = LazyGroup(
    "alerts",
    modules={
        "courier": ("entrypoints.alerts.courier", "Serve: send what lies in the outbox and is stored."),
        "held": (
            "entrypoints.alerts.held",
            "List what waits in the outbox, and what a person must decide on.",
        ),
        "release": ("entrypoints.alerts.release", "Let alerts go that are held."),
        "discard": ("entrypoints.alerts.discard", "Remove alerts that shall not be sent."),
        "send": ("prompt_pipelines.alert_command", "Send files of alerts, whatever is known of them."),
    },
    help="Look after alerts that wait in the outbox.",
)
