"""Print the deployment id, which workers and initializer must have in common."""

import click

from domain.runs import explain
from entrypoints.help import service_help
from entrypoints.running import loaded_or_exit, settings_or_exit
from entrypoints.saying import say
from initializer.container import InitializerContainer
from initializer.settings import InitializerSettings

__all__ = ["command"]


@click.command(
    name="deployment-id", help=service_help("Print the id of this deployment.", InitializerSettings)
)
@click.option("--explain", "explained", is_flag=True, help="Print also what went into it, a line each.")
def command(*, explained: bool) -> None:
    """Print the deployment id."""
    container = InitializerContainer(settings=settings_or_exit(InitializerSettings))
    loaded_or_exit(container.facts)
    if explained:
        say(explain(container.facts()), nl=False)
    else:
        say(container.deployment_id())
