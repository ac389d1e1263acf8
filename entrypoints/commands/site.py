"""A site on one server, for people: made, run, stopped, looked at."""

from entrypoints.cli import LazyGroup

__all__ = ["command"]

command = LazyGroup(
    "site",
    help="Process the frames that appear in a folder, night after night, on one server.",
    modules={
        "init": ("entrypoints.site.init", "Make a site in a new folder."),
        "run": ("entrypoints.site.run", "Serve: process what appears in the watched folders."),
        "import": ("entrypoints.site.nights.command", "Process a folder of old frames as a night of a site."),
        "stop": ("entrypoints.site.stop", "Stop the process that runs a site."),
        "status": (
            "entrypoints.site.status",
            "Say how a site stands: frames, queue, outcomes, processes, disk.",
        ),
        "prune": (
            "entrypoints.site.upkeep.prune",
            "Remove raws and images of nights that are no longer kept.",
        ),
        "reconcile": (
            "entrypoints.site.reconcile",
            "List images that were not processed, and put them back.",
        ),
        "unit": ("entrypoints.site.unit", "Print a systemd unit that runs a site."),
    },
)
