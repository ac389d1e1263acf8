"""Settings of the initializer: those that make a deployment, and no others."""

from attrs import frozen

from entrypoints.settings.common import LogSettings
from entrypoints.settings.environment import group
from entrypoints.settings.pipelines import DeploymentSettings

__all__ = ["InitializerSettings"]


@frozen(kw_only=True)
class InitializerSettings:
    """What the initializer is told."""

    deployment: DeploymentSettings = group(DeploymentSettings)
    logs: LogSettings = group(LogSettings)
