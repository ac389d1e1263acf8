"""The initializer's process."""

import click

from entrypoints.help import service_help
from entrypoints.logs import configure_logs
from entrypoints.running import loaded_or_exit, run_service, settings_or_exit
from entrypoints.saying import say
from initializer.container import InitializerContainer
from initializer.settings import InitializerSettings

__all__ = ["command"]

_SUMMARY = (
    "Write init-outputs, runs and the day's chain for all configured pipelines, today's and tomorrow's."
)


@click.command(name="initialize", help=service_help(_SUMMARY, InitializerSettings))
@click.option(
    "--register-dataset-types", "register", is_flag=True, help="Register dataset types that are missing."
)
@click.option("--dry-run", is_flag=True, help="List what would be done, and change nothing.")
def command(*, register: bool, dry_run: bool) -> None:
    """Prepare the central repository; safe to repeat."""
    settings = settings_or_exit(InitializerSettings)
    configure_logs(settings.logs.levels, "initializer")
    container = InitializerContainer(settings=settings)
    container.check_dependencies()
    loaded_or_exit(container.preprocessing, container.main)
    run_service(lambda: _initialize(container, register=register, dry_run=dry_run))


async def _initialize(container: InitializerContainer, *, register: bool, dry_run: bool) -> None:
    done = await container.initializer().run(register=register, dry_run=dry_run)
    for line in done:
        say(f"would be: {line}" if dry_run else line)
    if not done:
        say("nothing to do")
