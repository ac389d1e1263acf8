"""The command line: one command for each process, and two for people.

Commands are loaded when they are called, so that each process imports only
what it needs.
"""

import contextlib
import difflib
import importlib
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

import click

from domain.errors import PromptProcessingError
from entrypoints.imports import importing_for_good
from entrypoints.saying import say, shown

__all__ = ["LazyGroup", "main"]

_INTERRUPTED = 130
_STOPPED = "stopped"

_COMMANDS: Mapping[str, tuple[str, str]] = {
    "demo": ("entrypoints.commands.demo", "Observe a short simulated night on this machine."),
    "replay": ("entrypoints.commands.replay", "Observe a folder of real raw frames on this machine."),
    "site": (
        "entrypoints.commands.site",
        "Process a folder's frames as they come, night after night, on one server.",
    ),
    "results": ("prompt_processing.command", "Sum up what a night has found."),
    "ades": ("prompt_processing.ades", "Write what moves for the Minor Planet Center."),
    "photometry": ("prompt_processing.photometry", "Measure what is at a place on all images."),
    "completeness": (
        "prompt_processing.completeness",
        "Measure how faint a source may be and still be found.",
    ),
    "console": (
        "entrypoints.services.console",
        "Show a night in the browser, while it goes on or later.",
    ),
    "night-report": (
        "entrypoints.commands.night_report",
        "Write a night as one HTML file, to be sent or kept.",
    ),
    "camera": ("entrypoints.commands.camera", "Draft a camera file from frames, or check one."),
    "reduce": ("entrypoints.commands.reduce", "Make image, catalogue and picture of frames, in seconds."),
    "calibrations": (
        "entrypoints.commands.calibrations",
        "Make master calibrations from frames, and say when they are used.",
    ),
    "templates": (
        "entrypoints.commands.templates",
        "Keep the templates that images are compared with, from night to night.",
    ),
    "fan-out": ("entrypoints.services.fan_out", "Serve: copy each announced visit for each detector."),
    "worker": ("entrypoints.services.worker", "Serve: process visit-detectors."),
    "raw-presence": ("entrypoints.services.raw_presence", "Serve: tell whether a raw image has come."),
    "butler-writer": (
        "entrypoints.services.butler_writer",
        "Serve: write outputs into the central registry.",
    ),
    "status": (
        "entrypoints.commands.status",
        "Look at a night: outcomes, work under way, what was not completed.",
    ),
    "explain": (
        "entrypoints.commands.explain",
        "Say what became of one visit-detector: attempts, stages, reasons, log lines.",
    ),
    "rehearse": (
        "entrypoints.rehearsal.command",
        "Play a night in advance: is it in time, with how many workers?",
    ),
    "which-pipeline": (
        "entrypoints.deployment.which_pipeline",
        "Say which pipelines a visit would get, and why no others.",
    ),
    "reconcile": ("entrypoints.commands.reconcile", "List images that nobody processed, and put them back."),
    "dead-letters": (
        "entrypoints.dead_letters.command",
        "List, show, replay and discard what could not be dealt with.",
    ),
    "reference-catalogue": (
        "entrypoints.commands.reference_catalogue",
        "Put stars of a catalogue (Gaia, Pan-STARRS1, your own) into a repository.",
    ),
    "alerts": (
        "entrypoints.alerts.command",
        "Look after alerts that wait: courier, held, release, discard, send.",
    ),
    "initialize": ("initializer.command", "Prepare the central repository for a deployment."),
    "deployment-id": ("initializer.deployment_id", "Print the deployment id and what went into it."),
}


class LazyGroup(click.Group):
    """Commands that are imported when they are called.

    Parameters
    ----------
    modules
        From the name of a command to its module and its meaning.
    """

    def __init__(
        self,
        name: str | None = None,
        *,
        modules: Mapping[str, tuple[str, str]],
        **options: Any,  # noqa: ANN401 - what click passes to a group
    ) -> None:
        super().__init__(name, **options)
        self._modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """List the names, none imported."""
        return list(self._modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        """Import a command."""
        if cmd_name not in self._modules:
            return None
        # OpenMP reads it as a command's modules load it; its idle threads spin, where cores are shared.
        os.environ["OMP_NUM_THREADS"] = os.environ.get("OMP_NUM_THREADS", "").strip() or "1"
        name = self._modules[cmd_name][0]
        with _ending_at_once(), contextlib.nullcontext() if name in sys.modules else importing_for_good():
            command = importlib.import_module(name).command
        if not isinstance(command, click.Command):
            raise TypeError(f"{name}.command is no command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; of one that is not there, say which is spelt alike."""
        alike = difflib.get_close_matches(args[0], self._modules, n=3)
        if args[0] not in self._modules and alike:
            ctx.fail(f"no command {args[0]!r}; did you mean {' or '.join(alike)}?")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; what the project understands is one line, and so is Ctrl-C."""
        try:
            result: object = super().invoke(ctx)
        except KeyboardInterrupt:
            say(_STOPPED, err=True)
            raise SystemExit(_INTERRUPTED) from None
        except PromptProcessingError as error:
            raise click.ClickException(shown(str(error))) from error
        return result

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        """List the commands with their meanings, none imported."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, meaning) for name, (_, meaning) in self._modules.items()])


@contextlib.contextmanager
def _ending_at_once() -> Iterator[None]:
    """Let Ctrl-C end the process: native code of a module that is being loaded makes another error of it."""
    usual = signal.default_int_handler
    if (
        signal.getsignal(signal.SIGINT) is not usual
        or threading.current_thread() is not threading.main_thread()
    ):
        yield
        return
    signal.signal(signal.SIGINT, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)


def _end(*_: object) -> NoReturn:
    say(_STOPPED, err=True)
    os._exit(_INTERRUPTED)


@click.group(cls=LazyGroup, modules=_COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="prompt-processing")
def main() -> None:
    """Turn a survey telescope's images into calibrated images, differences and alerts.

    `demo` and `replay` run everything on this machine, `site` what one server
    needs night after night. The services take their settings from environment
    variables, which their --help lists.
    """
